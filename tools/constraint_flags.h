#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "anemone/generate.h"
#include "anemone/tool_calls.h"

namespace anemone::tools {

/// What an answer must look like, and which tools it may call.
struct ConstraintFlags {
  std::string json_schema;  ///< files; empty: none.
  bool json_object = false;
  std::string regex;
  std::vector<std::string> choices;
  std::string lark;
  std::string tools;
  std::string tool_choice;
  bool one_call = false;
};

void add_constraint_flags(CLI::App& app, ConstraintFlags& flags);

/// What the flags name, read and compiled for one tokenizer.
class ConstraintParts {
 public:
  /// Errors: invalid_argument (flags that contradict each other; what cannot be compiled), and
  /// those of reading.
  static Result<ConstraintParts> open(const ConstraintFlags& flags,
                                      const text::Tokenizer& tokenizer, int64_t vocab_size);
  /// Sets what belongs to the flags; `options` may be used while this lives.
  void fill(generate::Options& options) const;

  /// As the file has them; empty: none.
  const std::string& tools_json() const { return tools_json_; }
  const std::vector<generate::Tool>& tools() const { return tools_; }
  const generate::ToolDialect& dialect() const { return dialect_; }
  /// Other tools from here on.
  Status set_tools(std::string tools_json);

 private:
  ConstraintFlags flags_;
  std::unique_ptr<generate::ConstraintCompiler> compiler_;  ///< null: nothing is constrained.
  generate::Constraint constraint_;
  generate::ToolDialect dialect_;
  std::string tools_json_;
  std::vector<generate::Tool> tools_;
};

}  // namespace anemone::tools
