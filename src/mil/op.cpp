#include "mil/op.h"

#include <algorithm>
#include <array>

#include "base/check.h"

namespace anemone::mil {

#define MIL_OP(name) extern const OpDef k_##name;
#include "mil/ops/ops.inc"
#undef MIL_OP

namespace {

constexpr std::array kOps = {
#define MIL_OP(name) &k_##name,
#include "mil/ops/ops.inc"
#undef MIL_OP
};

}  // namespace

std::span<const OpDef* const> all_ops() { return kOps; }

const OpDef* find_op(std::string_view name) {
  const auto found =
      std::lower_bound(kOps.begin(), kOps.end(), name,
                       [](const OpDef* op, std::string_view key) { return op->name < key; });
  return found != kOps.end() && (*found)->name == name ? *found : nullptr;
}

const Tensor* Operands::scalar(size_t p) const {
  if (!has(p)) return nullptr;
  const Operand& operand = at(p);
  ANEMONE_CHECK(operand.value != nullptr || operand.constant,
                "scalars are read from constant parameters");
  return operand.value != nullptr && operand.value->element_count() > 0 ? operand.value : nullptr;
}

int64_t Operands::integer(size_t p, int64_t absent) const {
  const Tensor* tensor = scalar(p);
  return tensor == nullptr ? absent : static_cast<int64_t>(tensor->at(0));
}

double Operands::number(size_t p, double absent) const {
  const Tensor* tensor = scalar(p);
  return tensor == nullptr ? absent : tensor->at(0);
}

bool Operands::boolean(size_t p, bool absent) const { return number(p, absent ? 1 : 0) != 0; }

std::string_view Operands::text(size_t p, std::string_view absent) const {
  const Tensor* tensor = scalar(p);
  return tensor == nullptr ? absent : std::string_view(tensor->strings()[0]);
}

std::optional<std::vector<int64_t>> Operands::integers(size_t p) const {
  const Tensor* tensor = value(p);
  if (tensor == nullptr) return std::nullopt;
  std::vector<int64_t> result(static_cast<size_t>(tensor->element_count()));
  for (size_t i = 0; i < result.size(); ++i)
    result[i] = static_cast<int64_t>(tensor->at(static_cast<int64_t>(i)));
  return result;
}

}  // namespace anemone::mil
