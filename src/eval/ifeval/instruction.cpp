#include "eval/ifeval/instruction.h"

#include "base/error.h"
#include "eval/python_format.h"

namespace anemone::eval::ifeval {
namespace {

Error drawn(const char* key) {
  return fail(ErrorCode::unsupported, "argument '{}' is not given, the harness draws it at random",
              key);
}

Error wrong(const char* key, const Value& value, const char* expected) {
  return fail(ErrorCode::mismatch, "argument '{}' is {}, expected {}", key, python::to_repr(value),
              expected);
}

}  // namespace

const Value* Arguments::find(const char* key) const {
  const auto found = values_.find(key);
  if (found == values_.end() || found->is_null() || *found == 0 || *found == false ||
      *found == "" || (found->is_structured() && found->empty()))
    return nullptr;
  return &*found;
}

Result<int64_t> Arguments::number(const char* key) const {
  const Value* value = find(key);
  if (value == nullptr || (value->is_number() && *value < 0)) return drawn(key);
  if (value->is_number_float()) {
    constexpr double kBeyond = 0x1p63;
    const auto number = value->get<double>();
    if (!(number < kBeyond)) return wrong(key, *value, "a number");
    const auto whole = static_cast<int64_t>(number);
    if (static_cast<double>(whole) == number) return whole;
  }
  if (!value->is_number_integer()) return wrong(key, *value, "a number");
  return value->get<int64_t>();
}

Result<std::string> Arguments::text(const char* key) const {
  const Value* value = find(key);
  if (value == nullptr) return drawn(key);
  if (!value->is_string()) return wrong(key, *value, "text");
  return value->get<std::string>();
}

Result<std::vector<std::string>> Arguments::texts(const char* key) const {
  const Value* value = find(key);
  if (value == nullptr) return drawn(key);
  std::vector<std::string> out;
  for (const Value& item : *value) {
    if (!value->is_array() || !item.is_string()) return wrong(key, *value, "a list of texts");
    out.push_back(item.get<std::string>());
  }
  return out;
}

Result<Verdict> Arguments::holds(int64_t least, int64_t most, const char* relation_key,
                                 const char* number_key) const {
  ANEMONE_TRY(const int64_t bound, number(number_key));
  ANEMONE_TRY(const std::string relation, text(relation_key));
  if (relation != "less than" && relation != "at least")
    return wrong(relation_key, relation, "'less than' or 'at least'");
  if (least < bound && most >= bound) return Verdict::unknown;
  return verdict((relation == "less than") == (most < bound));
}

const Instruction* find_instruction(std::string_view id) {
  static const std::vector<std::span<const Instruction>> kinds = {
#define IFEVAL_KIND(kind) kind##_instructions(),
#include "eval/ifeval/kinds.inc"
#undef IFEVAL_KIND
  };
  for (const auto& kind : kinds)
    for (const Instruction& instruction : kind)
      if (instruction.id == id) return &instruction;
  return nullptr;
}

}  // namespace anemone::eval::ifeval
