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

Result<CompiledConstraints::Start> CompiledConstraints::prepare(
    const Constraint& constraint) const {
  ANEMONE_TRY(auto matcher, compile(constraint));
  std::vector<int32_t> beginning(kMostForcedTokens);
  ANEMONE_TRY(const size_t forced, matcher.forced(beginning));
  beginning.resize(forced);
  if (forced > 0) ANEMONE_RETURN_IF_ERROR(matcher.accept(beginning));
  // The matcher remembers the mask, and the lexer what it took to find it.
  std::vector<uint32_t> mask((static_cast<size_t>(vocab_size_) + 31) / 32);
  if (!matcher.complete()) ANEMONE_RETURN_IF_ERROR(matcher.mask(mask));
  return Start{std::move(matcher), std::move(beginning)};
}

std::shared_ptr<const CompiledConstraints::Entry> CompiledConstraints::find(
    const Constraint& constraint) {
  const std::lock_guard lock(mutex_);
  const auto known = std::ranges::find_if(
      entries_, [&](const auto& entry) { return entry->constraint == constraint; });
  if (known == entries_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, known);
  return entries_.front();
}

bool CompiledConstraints::keep(std::shared_ptr<const Entry> entry) {
  const std::lock_guard lock(mutex_);
  for (auto oldest = entries_.end(); entries_.size() >= kKept && oldest != entries_.begin();)
    if ((--oldest)->use_count() == 1) oldest = entries_.erase(oldest);
  if (entries_.size() >= kMostKept) return false;
  entries_.push_front(std::move(entry));
  return true;
}

Result<std::pair<std::shared_ptr<const CompiledConstraints::Entry>, bool>>
CompiledConstraints::entry_of(const Constraint& constraint) {
  if (auto known = find(constraint)) return std::pair(std::move(known), true);
  ANEMONE_TRY(Start start, prepare(constraint));
  std::shared_ptr<const Entry> entry = std::make_shared<Entry>(constraint, std::move(start));
  const bool kept = keep(entry);
  return std::pair(std::move(entry), kept);
}

Result<CompiledConstraints::Start> CompiledConstraints::start(const Constraint& constraint,
                                                              const CheckedConstraint* checked) {
  const auto* held = static_cast<const Entry*>(checked);
  std::shared_ptr<const Entry> own;
  if (held == nullptr || held->constraint != constraint) {
    ANEMONE_TRY(auto entry, entry_of(constraint));
    own = std::move(entry.first);
    held = own.get();
  }
  const std::lock_guard lock(mutex_);
  ANEMONE_TRY(auto matcher, held->start.matcher.copy());
  return Start{std::move(matcher), held->start.beginning};
}

Result<std::shared_ptr<const CheckedConstraint>> CompiledConstraints::check(
    const Constraint& constraint) {
  std::shared_ptr<const CheckedConstraint> checked;
  if (constraint.kind == Constraint::Kind::none) return checked;
  ANEMONE_TRY(auto entry, entry_of(constraint));
  if (entry.second) checked = std::move(entry.first);
  return checked;
}

}  // namespace anemone::generate
