#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "anemone/tool_calls.h"
#include "generate/call_object.h"

namespace anemone::generate {
namespace {

using Kind = ToolDelta::Kind;

constexpr std::string_view kArguments = "[ARGS]";

bool is_blank(char byte) { return byte == ' ' || byte == '\n' || byte == '\t' || byte == '\r'; }

/// Where an answer may turn into calls, and what may stand around them.
struct Form {
  std::string_view open;   ///< before calls; empty: they begin with a bracket.
  std::string_view close;  ///< behind a call.
  bool lists = false;      ///< of several calls.
  char separator = 0;      ///< between calls without a list; 0: none.
};

Form form_of(ToolFormat format) {
  switch (format) {
    case ToolFormat::hermes:
      return {.open = "<tool_call>", .close = "</tool_call>"};
    case ToolFormat::mistral:
      return {.open = "[TOOL_CALLS]", .lists = true};
    case ToolFormat::llama3:
      return {.separator = ';'};
    case ToolFormat::plain:
      break;
  }
  return {.lists = true};
}

}  // namespace

struct ToolReader::State {
  enum class At : uint8_t {
    words,      ///< content, or the beginning of calls.
    before,     ///< a call must come.
    object,     ///< in a call that is an object.
    name,       ///< in the name of a call that begins with it.
    arguments,  ///< in its arguments.
    behind,     ///< a call is over.
    rest,       ///< content to the end.
  };

  Form form;
  bool named_first = false;
  std::set<std::string, std::less<>> names;
  At at = At::words;
  bool in_list = false;
  std::string held;  ///< that may belong to what follows; read, not yet given.
  std::string raw;   ///< of the call that is read, with what led to it.
  CallObject object;
  std::string name;     ///< of a call that begins with it.
  std::string written;  ///< arguments of such a call.
  ValueEnd end;
  bool announced = false;
  size_t announced_calls = 0;
  size_t given_arguments = 0;
  std::vector<ToolDelta> deltas;
  ToolAnswer answer;

  void give(Kind kind, std::string_view text) {
    if (text.empty() && kind != Kind::call) return;
    if (kind == Kind::call) ++announced_calls;
    const size_t call = kind == Kind::content ? 0 : announced_calls - 1;
    if (kind != Kind::call && !deltas.empty() && deltas.back().kind == kind &&
        deltas.back().call == call)
      deltas.back().text += text;
    else
      deltas.push_back({kind, call, std::string(text)});
    if (kind == Kind::content) answer.content += text;
  }

  void feed(char byte) {
    switch (at) {
      case At::rest:
        return give(Kind::content, {&byte, 1});
      case At::words:
        return form.open.empty() ? feed_beginning(byte) : feed_words(byte);
      case At::before:
        return feed_before(byte);
      case At::object:
        return feed_object(byte);
      case At::name:
        return feed_name(byte);
      case At::arguments:
        return feed_arguments(byte);
      case At::behind:
        return feed_behind(byte);
    }
  }

  /// Words go on until the mark; blanks before it belong to neither.
  void feed_words(char byte) {
    held += byte;
    while (!held.empty()) {
      const size_t blanks = std::min(held.find_first_not_of(" \n\t\r"), held.size());
      const std::string_view behind = std::string_view(held).substr(blanks);
      if (behind == form.open) return begin_call();
      if (form.open.starts_with(behind)) return;
      give(Kind::content, std::string_view(held).substr(0, blanks + 1));
      held.erase(0, blanks + 1);
    }
  }

  /// Without a mark an answer that begins with a bracket may be a call.
  void feed_beginning(char byte) {
    held += byte;
    if (is_blank(byte)) return;
    constexpr std::string_view kTag = "<|python_tag|>";
    const std::string_view behind =
        std::string_view(held).substr(held.find_first_not_of(" \n\t\r"));
    if (behind == kTag) return begin_call();
    if (kTag.starts_with(behind)) return;
    if (names.empty() || (byte != '{' && byte != '[') || behind.size() > 1) return give_up();
    held.pop_back();
    begin_call();
    feed(byte);
  }

  void begin_call() {
    raw = std::move(held);
    held.clear();
    next_call();
  }

  void next_call() {
    at = At::before;
    object = {};
    name.clear();
    written.clear();
    end = {};
    announced = false;
    given_arguments = 0;
  }

  void feed_before(char byte) {
    raw += byte;
    if (is_blank(byte)) return;
    if (byte == '[' && form.lists && !in_list) {
      in_list = true;
    } else if (byte == '{') {
      at = At::object;
      object.feed(byte);
    } else if (named_first && byte != '[') {
      at = At::name;
      name = byte;
    } else {
      give_up();
    }
  }

  void feed_object(char byte) {
    raw += byte;
    const CallObject::State state = object.feed(byte);
    if (state == CallObject::State::broken) return give_up();
    if (!object.name()) return;
    show(*object.name(), object.arguments());
    if (at == At::object && state == CallObject::State::done)
      end_call(*object.name(), object.arguments());
  }

  void feed_name(char byte) {
    raw += byte;
    name += byte;
    if (!name.ends_with(kArguments)) return;
    name = name.substr(0, std::min(name.find("[CALL_ID]"), name.size() - kArguments.size()));
    at = At::arguments;
  }

  void feed_arguments(char byte) {
    raw += byte;
    if (written.empty() && is_blank(byte)) return;
    const ValueEnd::Step step = end.feed(byte);
    if (step == ValueEnd::Step::broken || step == ValueEnd::Step::past) return give_up();
    written += byte;
    show(name, written);
    if (step != ValueEnd::Step::last) return;
    if (!nlohmann::json::accept(written)) return give_up();
    end_call(name, written);
  }

  /// Gives what is new of a call whose name is known.
  void show(const std::string& tool, std::string_view arguments) {
    if (arguments.empty()) return;
    if (!announced) {
      if (form.open.empty() && names.count(tool) == 0) return give_up();
      give(Kind::call, tool);
      announced = true;
    }
    give(Kind::arguments, arguments.substr(given_arguments));
    given_arguments = arguments.size();
  }

  void end_call(const std::string& tool, const std::string& arguments) {
    answer.calls.push_back({tool, arguments});
    raw.clear();
    at = At::behind;
  }

  void feed_behind(char byte) {
    held += byte;
    if (is_blank(byte)) return;
    const std::string_view behind =
        std::string_view(held).substr(held.find_first_not_of(" \n\t\r"));
    if (in_list && behind == ",") return begin_call();
    if (in_list && behind == "]") {
      in_list = false;
      return held.clear();
    }
    if (form.separator != 0 && behind.size() == 1 && byte == form.separator) return begin_call();
    if (!form.close.empty() && form.close == behind) return held.clear();
    if (!form.open.empty() && form.open == behind) return begin_call();
    if (form.close.starts_with(behind) || form.open.starts_with(behind)) return;
    in_list = false;
    at = form.open.empty() ? At::rest : At::words;
    const std::string again = std::move(held);
    held.clear();
    for (const char each : again) feed(each);
  }

  /// What was read is no call.
  void give_up() {
    const std::string text = raw + held;
    raw.clear();
    held.clear();
    in_list = false;
    at = form.open.empty() ? At::rest : At::words;
    if (announced)
      answer.content += text;  // the stream has it already, as a call
    else
      give(Kind::content, text);
    announced = false;
  }
};

ToolReader::ToolReader(const ToolDialect& dialect, std::span<const Tool> tools)
    : state_(std::make_unique<State>()) {
  state_->form = form_of(dialect.format);
  state_->named_first = dialect.named_first;
  for (const Tool& tool : tools) state_->names.insert(tool.name);
}
ToolReader::ToolReader(ToolReader&&) noexcept = default;
ToolReader& ToolReader::operator=(ToolReader&&) noexcept = default;
ToolReader::~ToolReader() = default;

std::vector<ToolDelta> ToolReader::feed(std::string_view piece) {
  for (const char byte : piece) state_->feed(byte);
  return std::exchange(state_->deltas, {});
}

std::vector<ToolDelta> ToolReader::finish() {
  if (state_->at != State::At::behind) state_->give_up();
  return std::exchange(state_->deltas, {});
}

const ToolAnswer& ToolReader::answer() const { return state_->answer; }

ToolAnswer read_tool_answer(const ToolDialect& dialect, std::span<const Tool> tools,
                            std::string_view text) {
  ToolReader reader(dialect, tools);
  reader.feed(text);
  reader.finish();
  return reader.answer();
}

}  // namespace anemone::generate
