#include "generate/compiled_constraints.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"

namespace anemone::generate {
namespace {

using Json = nlohmann::json;
using Grammar = text::GrammarCompiler::Kind;

}  // namespace

const char* to_string(Constraint::Kind kind) {
  switch (kind) {
    case Constraint::Kind::none:
      return "none";
    case Constraint::Kind::json_schema:
      return "json_schema";
    case Constraint::Kind::json_object:
      return "json_object";
    case Constraint::Kind::regex:
      return "regex";
    case Constraint::Kind::lark:
      return "lark";
    case Constraint::Kind::choice:
      return "choice";
  }
  return "unknown";
}

Result<std::unique_ptr<ConstraintCompiler>> ConstraintCompiler::make(
    const text::Tokenizer& tokenizer, int64_t vocab_size) {
  ANEMONE_TRY(std::unique_ptr<ConstraintCompiler> compiler,
              CompiledConstraints::open(tokenizer, vocab_size));
  return compiler;
}

Result<std::unique_ptr<CompiledConstraints>> CompiledConstraints::open(
    const text::Tokenizer& tokenizer, int64_t vocab_size) {
  ANEMONE_TRY(auto compiler, text::GrammarCompiler::make(tokenizer, vocab_size));
  return std::unique_ptr<CompiledConstraints>(
      new CompiledConstraints(std::move(compiler), vocab_size));
}

Result<text::GrammarMatcher> CompiledConstraints::compile(const Constraint& constraint) const {
  switch (constraint.kind) {
    case Constraint::Kind::none:
      break;
    case Constraint::Kind::json_schema:
      return compiler_.compile(Grammar::json_schema, constraint.text).in("json_schema");
    case Constraint::Kind::json_object:
      return compiler_.compile(Grammar::json_schema, R"({"type":"object"})").in("json_object");
    case Constraint::Kind::regex:
      return compiler_.compile(Grammar::regex, constraint.text).in("regex");
    case Constraint::Kind::lark:
      return compiler_.compile(Grammar::lark, constraint.text).in("lark");
    case Constraint::Kind::choice: {
      const Json texts = constraint.choices;
      return compiler_
          .compile(Grammar::choice, texts.dump(-1, ' ', false, Json::error_handler_t::replace))
          .in("choice");
    }
  }
  return fail(ErrorCode::invalid_argument, "there is no constraint");
}

Result<text::GrammarMatcher> CompiledConstraints::start(const Constraint& constraint) {
  {
    const std::lock_guard lock(mutex_);
    const auto known = std::ranges::find(entries_, constraint, &Entry::constraint);
    if (known != entries_.end()) {
      entries_.splice(entries_.begin(), entries_, known);
      return known->matcher.copy();
    }
  }
  ANEMONE_TRY(auto matcher, compile(constraint));
  ANEMONE_TRY(auto copy, matcher.copy());
  const std::lock_guard lock(mutex_);
  entries_.push_front({constraint, std::move(matcher)});
  if (entries_.size() > kKept) entries_.pop_back();
  return copy;
}

Status CompiledConstraints::check(const Constraint& constraint) {
  if (constraint.kind == Constraint::Kind::none) return {};
  auto matcher = start(constraint);
  return matcher.ok() ? Status() : Status(std::move(matcher).error());
}

}  // namespace anemone::generate
