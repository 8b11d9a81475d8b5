#pragma once

#include <optional>

#include "mil/op.h"

namespace anemone::mil {

/// What scatter does with an update: "add" unless the program says otherwise.
enum class ScatterMode : uint8_t { add, div, max, min, mul, sub, update };

/// Nothing for a name that is no mode.
std::optional<ScatterMode> parse_scatter_mode(std::string_view name);

/// The mode of parameter `p`, or the violation `id`.
std::variant<ScatterMode, Violation> read_scatter_mode(const Operands& in, size_t p,
                                                       std::string_view id);

/// A copy of `data` into which updates are scattered, in fp32 when it is fp16, so that several
/// updates of one element round once.
class ScatterTarget {
 public:
  ScatterTarget(const Tensor& data, ScatterMode mode);
  /// Applies elements [from, from + count) of `updates` to the elements from `to` on.
  void apply(int64_t to, const Tensor& updates, int64_t from, int64_t count);
  void store(Tensor& output) const;

 private:
  ScatterMode mode_;
  Tensor values_;
};

}  // namespace anemone::mil
