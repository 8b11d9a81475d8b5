#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "anemone/constraint.h"
#include "anemone/result.h"
#include "anemone/text.h"

/// Tool calls as models write them. The usual course: `read_tools`, `ToolDialect::of`, the tools in
/// the chat template (or `tool_instructions`), `tool_constraint` and `ToolDialect::tokens` into
/// Options, and the answer's pieces through a ToolReader.
namespace anemone::generate {

/// How a call stands in an answer.
enum class ToolFormat : uint8_t {
  hermes,  ///< `<tool_call>\n{"name": …, "arguments": …}\n</tool_call>`, repeated.
  llama3,  ///< `{"name": …, "parameters": …}` alone; several are joined by `; `.
  mistral,  ///< `[TOOL_CALLS] [{"name": …, "arguments": …}, …]`, or `[TOOL_CALLS]name[ARGS]{…}`,
            ///< repeated (ToolDialect::named_first).
  plain,  ///< `{"name": …, "arguments": …}` or a list of them, alone.
};
const char* to_string(ToolFormat format);

/// How one model calls tools, found from what stands in its chat template and among its special
/// tokens.
struct ToolDialect {
  ToolFormat format = ToolFormat::plain;
  bool named_first = false;  ///< see ToolFormat::mistral.
  /// The template shows tools to the model. Otherwise `tool_instructions` belong into the system
  /// message.
  bool in_template = false;
  /// A special token that belongs to calls.
  struct Mark {
    std::string text;
    int32_t token = 0;
  };
  std::vector<Mark> marks;

  static ToolDialect of(const text::Tokenizer& tokenizer);
  /// Of the marks, for Options::shown_tokens: otherwise a reader could not see them.
  std::vector<int32_t> tokens() const;
};

/// A tool that a model may call.
struct Tool {
  std::string name;
  std::string description;
  std::string parameters_json;  ///< the JSON Schema of its arguments; `{"type":"object"}` where the
                                ///< request has none.
  bool strict = false;  ///< the schema must be understood in full. Otherwise keywords that cannot
                        ///< be enforced are passed over.
};

/// A list of tools as in the OpenAI interface: [{"type": "function", "function": {"name",
/// "description", "parameters", "strict"}}, …], or the flat form without "function". Errors:
/// invalid_argument (which field of which tool; a name other than 1 to 64 letters, digits, `_`, `-`
/// or `.`; the same name twice), limit (nested deeper than 64, objects of more than 1,024 keys).
Result<std::vector<Tool>> read_tools(std::string_view tools_json);

/// What a system message says of tools to a model whose template does not know them
/// (ToolDialect::in_template): their schemas, and how to call.
std::string tool_instructions(std::span<const Tool> tools);

/// Whether the model must call, as `tool_choice` and `parallel_tool_calls` of the OpenAI interface
/// say.
struct ToolChoice {
  enum class Kind : uint8_t {
    none,       ///< no constraint; tools should not be shown either.
    automatic,  ///< text or calls, and a call that is begun is a right one. In formats without a
                ///< mark an answer that begins with a bracket is a call.
    required,   ///< one call or more of any tool, and nothing else.
    named,      ///< the same, of tool `name`.
  };
  Kind kind = Kind::automatic;
  std::string name;
  bool parallel = true;  ///< several calls in one answer.
};

/// The constraint (of kind lark, or none) under which every call has the name of a tool and
/// arguments that its schema allows, written as the model's own template writes them. Errors:
/// invalid_argument (no tools, no tool of that name, parameters that are no object), limit (as
/// `read_tools`).
Result<Constraint> tool_constraint(const ToolDialect& dialect, std::span<const Tool> tools,
                                   const ToolChoice& choice);

/// The constraint that `tool_constraint` puts on the arguments of one tool, alone: whoever finds
/// that a constraint of several tools cannot be compiled finds with it which of them is why.
/// Errors: invalid_argument (parameters that are no object), limit (as `read_tools`).
Result<Constraint> arguments_constraint(const Tool& tool);

struct ToolCall {
  std::string name;
  std::string arguments_json;  ///< as the model wrote them; a whole JSON value.
  bool operator==(const ToolCall&) const = default;
};

struct ToolAnswer {
  std::string content;  ///< what is no call; calls that are cut off or no JSON remain in it.
  std::vector<ToolCall> calls;
  bool operator==(const ToolAnswer&) const = default;
};

/// A piece of an answer that is streamed.
struct ToolDelta {
  enum class Kind : uint8_t {
    content,    ///< `text` goes on with the content.
    call,       ///< a call begins; `text` is the tool's name.
    arguments,  ///< `text` goes on with the arguments of that call.
  };
  Kind kind = Kind::content;
  size_t call = 0;  ///< from 0, of `call` and `arguments`.
  std::string text;
  bool operator==(const ToolDelta&) const = default;
};

/// Reads an answer as it comes. Content is held back only where it may be the beginning of a call,
/// a call until its name is known. One thread at a time.
class ToolReader {
 public:
  /// In formats without a mark (llama3, plain) only an object with the name of one of `tools` is a
  /// call; no tools: nothing is.
  ToolReader(const ToolDialect& dialect, std::span<const Tool> tools);
  ToolReader(ToolReader&&) noexcept;
  ToolReader& operator=(ToolReader&&) noexcept;
  ~ToolReader();

  std::vector<ToolDelta> feed(std::string_view piece);
  /// What was held back. Feed nothing more.
  std::vector<ToolDelta> finish();
  /// All of it, after `finish`. A call that was begun in the stream and turned out to be cut off or
  /// no JSON is content here.
  const ToolAnswer& answer() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The same of a whole answer.
ToolAnswer read_tool_answer(const ToolDialect& dialect, std::span<const Tool> tools,
                            std::string_view text);

}  // namespace anemone::generate
