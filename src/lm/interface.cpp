#include "lm/interface.h"

#include <algorithm>
#include <cctype>
#include <charconv>

namespace anemone::lm {
namespace {

std::string folded(std::string_view name) {
  std::string result;
  for (const char c : name)
    if (c != '_') result += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return result;
}

std::optional<int64_t> part_number(std::string_view folded_name) {
  constexpr std::string_view kPrefix = "logits";
  if (!folded_name.starts_with(kPrefix)) return std::nullopt;
  folded_name.remove_prefix(kPrefix.size());
  if (folded_name.starts_with("split")) folded_name.remove_prefix(5);
  int64_t number = 0;
  const auto [end, error] =
      std::from_chars(folded_name.data(), folded_name.data() + folded_name.size(), number);
  if (error != std::errc() || end != folded_name.data() + folded_name.size()) return std::nullopt;
  return number;
}

void read_inputs(const package::FunctionDescription& function, Interface& interface) {
  for (const package::Feature& input : function.inputs) {
    const std::string name = folded(input.name);
    if (name == "inputids") {
      interface.input_ids = input.name;
      if (!input.shape.empty()) interface.rows = input.shape.back();
    } else if (name == "hiddenstates") {
      interface.hidden_states = input.name;
      if (input.shape.size() >= 2)
        interface.rows = input.shape.size() == 4 ? input.shape[3] : input.shape[1];
    } else if (name == "positionids") {
      interface.position_ids = input.name;
    } else if (name == "causalmask") {
      interface.causal_mask = input.name;
      if (!input.shape.empty()) interface.mask_columns = input.shape.back();
    } else if (name == "windowmask") {
      interface.window_mask = input.name;
      if (!input.shape.empty()) interface.mask_columns = input.shape.back();
    } else if (name == "currentpos") {
      interface.current_pos = input.name;
    } else if (name == "updatemask") {
      interface.update_mask = input.name;
    } else if (name == "targets") {
      interface.targets = input.name;
    } else if (!input.is_optional || input.default_value.value_or(0) != 0) {
      interface.unknown_inputs.push_back(input.name);
    }
  }
}

void read_outputs(const package::FunctionDescription& function, Interface& interface) {
  std::vector<std::pair<int64_t, std::string>> parts;
  for (const package::Feature& output : function.outputs) {
    const std::string name = folded(output.name);
    if (name == "logits" || name == "outputlogits") interface.logits = output.name;
    if (const auto number = part_number(name)) parts.emplace_back(*number, output.name);
    if (name == "argmaxidx") interface.argmax_index = output.name;
    if (name == "argmaxval") interface.argmax_value = output.name;
    if (name == "hiddenstates" || name == "outputhiddenstates")
      interface.output_hidden_states = output.name;
    if (name == "maxlogit") interface.max_logit = output.name;
    if (name == "logsum") interface.log_sum = output.name;
    if (name == "targetgap") interface.target_gap = output.name;
    if (name == "argmax") interface.argmax = output.name;
  }
  std::ranges::sort(parts);
  for (auto& part : parts) interface.logits_parts.push_back(std::move(part.second));
}

}  // namespace

Interface read_interface(const package::FunctionDescription& function) {
  Interface interface;
  read_inputs(function, interface);
  read_outputs(function, interface);
  return interface;
}

bool is_flexible(const package::Feature& feature) {
  if (feature.enumerated_shapes.size() > 1) return true;
  return std::ranges::any_of(
      feature.ranges, [](const package::DimRange& range) { return range.upper != range.lower; });
}

}  // namespace anemone::lm
