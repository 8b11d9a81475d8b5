#include "simulate/range_observer.h"

#include <algorithm>
#include <array>

#include "kernels/ane/number.h"
#include "probe/structure.h"

namespace anemone::simulate {
namespace {

/// Operations whose results are numbers of their operands.
constexpr std::array<std::string_view, 20> kMoves = {"concat",        "coreml_update_state",
                                                     "expand_dims",   "gather",
                                                     "identity",      "pad",
                                                     "read_state",    "reshape",
                                                     "select",        "slice_by_index",
                                                     "slice_by_size", "slice_update",
                                                     "split",         "squeeze",
                                                     "stack",         "tile",
                                                     "transpose",     "gather_along_axis",
                                                     "gather_nd",     "write_state"};

bool moves(const mil::Operation& operation) {
  return std::ranges::find(kMoves, operation.type) != kMoves.end();
}

struct Table {
  std::string_view op;
  double end;
};
constexpr std::array kTables = {Table{"sigmoid", 8}, Table{"tanh", 4}, Table{"erf", 2},
                                Table{"gelu", 4}, Table{"silu", 8}};

bool is_half(const mil::ValueType& type) {
  return type.kind == mil::ValueType::Kind::tensor && type.tensor.dtype == DType::fp16;
}

constexpr uint16_t kMagnitude = 0x7fff;
constexpr uint16_t kInfinity = 0x7c00;

uint16_t largest_bits(std::span<const uint16_t> values) {
  uint16_t largest = 0;
  for (const uint16_t value : values)
    largest = std::max(largest, static_cast<uint16_t>(value & kMagnitude));
  return largest;
}

uint64_t count_from(std::span<const uint16_t> values, uint16_t least) {
  return static_cast<uint64_t>(
      std::ranges::count_if(values, [&](uint16_t value) { return (value & kMagnitude) >= least; }));
}

double magnitude_of(uint16_t bits) {
  return bits >= kInfinity ? std::numeric_limits<double>::infinity()
                           : static_cast<double>(kernels::ane::decode(bits));
}

template <typename Visit>
void for_each_operand(const mil::Operation& operation, const Visit& visit) {
  for (const mil::Argument& argument : operation.inputs)
    for (const mil::Binding& binding : argument.bindings)
      if (binding.is_name()) visit(binding.name());
}

bool holds_infinity(const mil::Operation& constant) {
  const mil::Value* value = constant.find_attribute("val");
  return value != nullptr && value->tensor.defined() && value->tensor.dtype() == DType::fp16 &&
         largest_bits(value->tensor.values<uint16_t>()) >= kInfinity;
}

}  // namespace

void RangeObserver::find_stream(Watch& watch) const {
  const probe::Structure structure = probe::structure_of(*watch.function);
  const auto index_of = [&](const std::string& value) {
    const auto found = watch.makers.find(value);
    return found == watch.makers.end() ? size_t{0} : found->second + 1;
  };
  const auto add = [&](std::string name, const std::string& value) {
    watch.stream.push_back(value);
    watch.peaks[value].name = std::move(name);
  };
  if (structure.start) add("embedding", structure.start->value);
  for (const probe::Branch& branch : structure.branches) {
    if (branch.is_attention || watch.layers == 0) ++watch.layers;
    const std::string layer = std::to_string(watch.layers - 1);
    add(branch.is_attention ? layer + ".attention" : layer, branch.sum.value);
    watch.parts.emplace_back(index_of(branch.sum.value),
                             layer + (branch.is_attention ? ".attention" : ".mlp"));
  }
}

std::vector<std::string> RangeObserver::wanted(const package::Package& package,
                                               std::string_view function) {
  const mil::Function* const found = package.program.find_function(function);
  if (found == nullptr) return {};
  Watch& watch = watches_[package.path.string() + '\n' + std::string(function)];
  if (watch.function != nullptr) return watch.wanted;
  watch.function = found;
  watch.package = package.path.filename().string();
  const auto& operations = found->block.operations;
  for (size_t i = 0; i < operations.size(); ++i) {
    for (const mil::NamedType& output : operations[i].outputs) watch.makers[output.name] = i;
    if (operations[i].type == "const" && holds_infinity(operations[i]))
      watch.infinite.insert(operations[i].outputs.at(0).name);
  }
  find_stream(watch);
  std::set<std::string> names(watch.stream.begin(), watch.stream.end());
  for (const mil::NamedType& input : found->inputs)
    if (is_half(input.type)) names.insert(input.name);
  for (const mil::Operation& operation : operations) {
    if (operation.type == "const" || moves(operation)) continue;
    for (const mil::NamedType& output : operation.outputs)
      if (is_half(output.type)) names.insert(output.name);
    const auto table = std::ranges::find(kTables, operation.type, &Table::op);
    const mil::Argument* x = operation.find_input("x");
    if (table == kTables.end() || x == nullptr || !x->bindings.at(0).is_name() ||
        !is_half(operation.outputs.at(0).type))
      continue;
    names.insert(x->bindings[0].name());
    watch.activations.push_back(
        {x->bindings[0].name(),
         {.origin = {.operation = operation.outputs[0].name}, .table_end = table->end}});
  }
  watch.wanted.assign(names.begin(), names.end());
  return watch.wanted;
}

/// Layers are counted over all functions in the order in which they run.
void RangeObserver::place(Watch& watch) {
  if (watch.is_placed) return;
  watch.is_placed = true;
  for (const Watch* before : order_) watch.first_layer += before->layers;
  order_.push_back(&watch);
}

Origin RangeObserver::origin_of(const Watch& watch, std::string_view value) const {
  Origin origin{.package = watch.package, .function = watch.function->name};
  const auto maker = watch.makers.find(value);
  if (maker == watch.makers.end()) {
    origin.operation = value;
    origin.type = "input";
    return origin;
  }
  const mil::Operation& operation = watch.function->block.operations[maker->second];
  origin.operation = operation.display_name();
  origin.type = operation.type;
  if (watch.parts.empty()) return origin;
  origin.part = "head";
  for (const auto& [end, part] : watch.parts) {
    if (maker->second >= end) continue;
    const size_t dot = part.find('.');
    origin.part = "layer." + std::to_string(watch.first_layer + std::stoul(part.substr(0, dot))) +
                  part.substr(dot);
    break;
  }
  return origin;
}

bool RangeObserver::has_infinite_operand(const Watch& watch,
                                         const mil::Operation& operation) const {
  std::set<std::string_view> visited;
  std::vector<const mil::Operation*> open = {&operation};
  while (!open.empty()) {
    const mil::Operation* next = open.back();
    open.pop_back();
    bool found = false;
    for_each_operand(*next, [&](const std::string& name) {
      if (!visited.insert(name).second) return;
      found = found || watch.infinite.contains(name);
      const auto maker = watch.makers.find(name);
      if (maker == watch.makers.end()) return;
      const mil::Operation& made_by = watch.function->block.operations[maker->second];
      if (moves(made_by)) open.push_back(&made_by);
    });
    if (found) return true;
  }
  return false;
}

Status RangeObserver::observe(const runtime::Observation& seen) {
  const auto found = watches_.find(seen.package.path.string() + '\n' + std::string(seen.function));
  if (found == watches_.end() || seen.tensor.dtype() != DType::fp16) return {};
  Watch& watch = found->second;
  place(watch);
  const auto values = seen.tensor.values<uint16_t>();
  const uint16_t bits = largest_bits(values);
  const std::string name(seen.value);
  for (Activation& activation : watch.activations) {
    if (activation.operand != seen.value) continue;
    Saturation& saturation = activation.seen;
    saturation.elements += values.size();
    saturation.largest = std::max(saturation.largest, magnitude_of(bits));
    if (magnitude_of(bits) >= saturation.table_end)
      saturation.beyond += count_from(values, kernels::ane::round_half_away(saturation.table_end));
  }
  if (const auto peak = watch.peaks.find(seen.value); peak != watch.peaks.end()) {
    if (magnitude_of(bits) > peak->second.largest) {
      peak->second.largest = magnitude_of(bits);
      peak->second.token = token_;
    }
    if (!peak->second.is_safe() && !first_unsafe_) first_unsafe_ = {&watch, name};
  }
  if (bits < kInfinity) {
    watch.infinite.erase(name);
    return {};
  }
  watch.infinite.insert(name);
  const auto maker = watch.makers.find(seen.value);
  if (maker == watch.makers.end()) return {};
  const mil::Operation& operation = watch.function->block.operations[maker->second];
  if (moves(operation) || has_infinite_operand(watch, operation)) return {};
  const auto [place, is_new] = overflow_of_.try_emplace({&watch, name}, overflows_.size());
  if (is_new) overflows_.push_back({.origin = origin_of(watch, seen.value), .token = token_});
  overflows_[place->second].elements += count_from(values, kInfinity);
  return {};
}

void RangeObserver::write(Report& report) const {
  for (const Watch* watch : order_) {
    for (const std::string& value : watch->stream) {
      Peak peak = watch->peaks.at(value);
      if (peak.name == "embedding") {
        if (!report.stream.empty()) continue;
      } else {
        const size_t dot = std::min(peak.name.find('.'), peak.name.size());
        peak.name = "layer." +
                    std::to_string(watch->first_layer + std::stoul(peak.name.substr(0, dot))) +
                    peak.name.substr(dot);
      }
      peak.origin = origin_of(*watch, value);
      if (first_unsafe_ && first_unsafe_->first == watch && first_unsafe_->second == value)
        report.first_unsafe = report.stream.size();
      report.stream.push_back(std::move(peak));
    }
    for (const Activation& activation : watch->activations) {
      Saturation saturation = activation.seen;
      saturation.origin = origin_of(*watch, saturation.origin.operation);
      report.saturations.push_back(std::move(saturation));
    }
  }
  report.overflows = overflows_;
}

}  // namespace anemone::simulate
