#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "anemone/probe.h"

namespace anemone::probe {

/// "layer.3.mlp.down" is {3, "mlp.down"}; "layer.3" is {3, ""}; others have no layer.
struct PointName {
  std::optional<int64_t> layer;
  std::string part;
};
PointName split_point(std::string_view name);
/// Whether it names a place that this module finds itself.
bool is_point(std::string_view name);
/// The order of the computation; names that are no points come last, by their letters.
bool comes_before(std::string_view left, std::string_view right);
/// The layers that a trace's points are of: one more than the highest number.
int64_t layers_in(const Trace& trace);
/// The point that a module or an output of a PyTorch model stands for; nothing when it is none.
/// `hidden_states.N` is not among them: what it means depends on how many there are.
std::optional<std::string> point_of_module(std::string_view name);

}  // namespace anemone::probe
