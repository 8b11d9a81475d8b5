#include "mil/ops/scatter_update.h"

#include <algorithm>
#include <array>

#include "mil/ops/block_copy.h"

namespace anemone::mil {
namespace {

double combine(ScatterMode mode, double old, double update) {
  switch (mode) {
    case ScatterMode::add:
      return old + update;
    case ScatterMode::div:
      return old / update;
    case ScatterMode::max:
      return std::max(old, update);
    case ScatterMode::min:
      return std::min(old, update);
    case ScatterMode::mul:
      return old * update;
    case ScatterMode::sub:
      return old - update;
    case ScatterMode::update:
      break;
  }
  return update;
}

}  // namespace

std::optional<ScatterMode> parse_scatter_mode(std::string_view name) {
  constexpr std::array<std::string_view, 7> kNames = {"add", "div", "max",   "min",
                                                      "mul", "sub", "update"};
  const auto found = std::ranges::find(kNames, name);
  if (found == kNames.end()) return std::nullopt;
  return static_cast<ScatterMode>(found - kNames.begin());
}

std::variant<ScatterMode, Violation> read_scatter_mode(const Operands& in, size_t p,
                                                       std::string_view id) {
  const std::string_view name = in.text(p, "add");
  if (const auto mode = parse_scatter_mode(name)) return *mode;
  return violates(id, "mode is '{}', expected add, div, max, min, mul, sub or update", name);
}

ScatterTarget::ScatterTarget(const Tensor& data, ScatterMode mode)
    : mode_(mode),
      values_(data.converted(data.dtype() == DType::fp16 ? DType::fp32 : data.dtype())) {}

void ScatterTarget::apply(int64_t to, const Tensor& updates, int64_t from, int64_t count) {
  if (mode_ == ScatterMode::update) return copy_run(updates, from, values_, to, count);
  for (int64_t i = 0; i < count; ++i)
    values_.set(to + i, combine(mode_, values_.at(to + i), updates.at(from + i)));
}

void ScatterTarget::store(Tensor& output) const { copy_all(values_, output); }

}  // namespace anemone::mil
