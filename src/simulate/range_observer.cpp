#include "simulate/range_observer.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "kernels/ane/number.h"
#include "probe/structure.h"
#include "simulate/folded_constants.h"

namespace anemone::simulate {
namespace {

/// Operations whose results are numbers of their operands, in the same type.
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

/// Operations whose infinite results come of infinite operands, where they have any.
bool hands_on(const mil::Operation& operation) {
  const auto& type = operation.type;
  return moves(operation) || type == "cast" || type == "fill" || type == "fill_like";
}

struct Table {
  std::string_view op;
  double end;
};
constexpr std::array kTables = {Table{"sigmoid", 8}, Table{"tanh", 4}, Table{"erf", 2},
                                Table{"gelu", 4}, Table{"silu", 8}};

bool is_full(const mil::ValueType& type) {
  return type.kind == mil::ValueType::Kind::tensor && type.tensor.dtype == DType::fp32;
}

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

/// Whether fp16 would keep an infinity of it: also of -1e9, with which fp32 programs mask.
bool holds_infinity(const mil::Value& value) {
  const Tensor& tensor = value.tensor;
  if (!tensor.defined()) return false;
  if (tensor.dtype() == DType::fp16) return largest_bits(tensor.values<uint16_t>()) >= kInfinity;
  constexpr float kInfiniteInHalf = 65520;
  return tensor.dtype() == DType::fp32 &&
         std::ranges::any_of(tensor.values<float>(),
                             [](float each) { return std::abs(each) >= kInfiniteInHalf; });
}

bool holds_infinity(const Tensor& tensor) {
  return std::ranges::any_of(tensor.values<float>(), [](float each) { return std::isinf(each); });
}

struct BranchPlace {
  size_t branch = 0;
  size_t layer = 0;
  std::string name;
};

/// Which layer each branch belongs to. Behind an attention and what closes its layer, pairs of
/// branches without attention are layers of another mixer; an even number of branches behind an
/// attention all belongs to its layer.
std::vector<BranchPlace> places_of(std::span<const probe::Branch> branches) {
  std::vector<BranchPlace> places;
  size_t layers = 0;
  for (size_t at = 0; at < branches.size();) {
    const bool attends = branches[at].is_attention;
    if (attends) places.push_back({at++, layers++, ".attention"});
    size_t end = at;
    while (end < branches.size() && !branches[end].is_attention) ++end;
    const size_t run = end - at;
    const bool pairs = run > 1 && (run % 2 == (attends ? 1U : 0U));
    const size_t own = pairs ? (attends ? 1 : 0) : run;
    if (!attends && own > 0) ++layers;
    for (const size_t last = at + own; at < last; ++at) places.push_back({at, layers - 1, ".mlp"});
    for (; at < end; at += 2) {
      places.push_back({at, layers, ".mixer"});
      places.push_back({at + 1, layers++, ".mlp"});
    }
  }
  return places;
}

std::string key_of(std::string_view package, std::string_view name) {
  return std::string(package) + '\n' + std::string(name);
}

}  // namespace

void RangeObserver::begin_pass(std::optional<int64_t> token) {
  token_ = token;
  ++pass_;
  next_layer_ = 0;
}

void RangeObserver::find_stream(Watch& watch) const {
  const probe::Structure structure = probe::structure_of(*watch.function);
  const auto index_of = [&](const std::string& value) {
    const auto found = watch.makers.find(value);
    return found == watch.makers.end() ? size_t{0} : found->second + 1;
  };
  if (structure.start) {
    const Part embedding{{}, "embedding"};
    watch.stream[structure.start->value] = embedding;
    watch.parts.emplace_back(index_of(structure.start->value), embedding);
  }
  for (const BranchPlace& place : places_of(structure.branches)) {
    const std::string& sum = structure.branches[place.branch].sum.value;
    const bool closes = place.name == ".mlp";
    watch.stream[sum] = Part{place.layer, closes ? "" : place.name};
    watch.parts.emplace_back(index_of(sum), Part{place.layer, place.name});
    watch.layers = place.layer + 1;
  }
}

template <typename Visit>
bool RangeObserver::trace(const Watch& watch, const mil::Operation& operation, const Visit& visit) {
  const auto& operations = watch.function->block.operations;
  std::set<std::string_view> visited;
  std::vector<const mil::Operation*> open = {&operation};
  while (!open.empty()) {
    const mil::Operation* next = open.back();
    open.pop_back();
    for (const mil::Argument& argument : next->inputs)
      for (const mil::Binding& binding : argument.bindings) {
        if (binding.is_name() && !visited.insert(binding.name()).second) continue;
        if (visit(binding)) return true;
        const auto maker =
            binding.is_name() ? watch.makers.find(binding.name()) : watch.makers.end();
        if (maker == watch.makers.end()) continue;
        const mil::Operation& made_by = operations[maker->second];
        // What is computed in fp32 is not watched: it hands on too, as far as is known.
        if (hands_on(made_by) || watch.constant[maker->second] ||
            is_full(made_by.outputs.at(0).type))
          open.push_back(&made_by);
      }
  }
  return false;
}

/// Which states a value is written into.
void RangeObserver::find_feeds(Watch& watch) const {
  for (const mil::Operation& operation : watch.function->block.operations) {
    const bool updates = operation.type == "coreml_update_state";
    if (!updates && operation.type != "write_state") continue;
    const mil::Argument* state = operation.find_input(updates ? "state" : "input");
    if (state == nullptr || !state->bindings.at(0).is_name()) continue;
    const std::string& name = state->bindings[0].name();
    trace(watch, operation, [&](const mil::Binding& binding) {
      if (binding.is_name() && binding.name() != name) watch.feeds[binding.name()].insert(name);
      return false;
    });
  }
}

std::vector<std::string> RangeObserver::wanted(const package::Package& package,
                                               std::string_view function) {
  const mil::Function* const found = package.program.find_function(function);
  if (found == nullptr) return {};
  Watch& watch = watches_[key_of(package.path.string(), function)];
  if (watch.function != nullptr) return watch.wanted;
  watch.function = found;
  watch.path = package.path.string();
  watch.package = package.path.filename().string();
  const auto& operations = found->block.operations;
  for (size_t i = 0; i < operations.size(); ++i) {
    const mil::Operation& operation = operations[i];
    const mil::Value* value = operation.find_attribute("val");
    if (operation.type == "const" && value != nullptr && holds_infinity(*value))
      watch.infinite.insert(operation.outputs.at(0).name);
    bool constant = operation.type != "read_state" && operation.blocks.empty();
    for (const mil::Argument& argument : operation.inputs)
      for (const mil::Binding& binding : argument.bindings) {
        if (!binding.is_name()) continue;
        const auto maker = watch.makers.find(binding.name());
        constant = constant && maker != watch.makers.end() && watch.constant[maker->second];
      }
    watch.constant.push_back(constant);
    for (const mil::NamedType& output : operation.outputs) watch.makers[output.name] = i;
  }
  for (std::string& name : infinite_folds(*found, watch.constant))
    watch.infinite.insert(std::move(name));
  find_stream(watch);
  find_feeds(watch);
  std::set<std::string> names;
  for (const auto& [value, part] : watch.stream) names.insert(value);
  for (const mil::NamedType& input : found->inputs)
    if (is_half(input.type) || is_full(input.type)) names.insert(input.name);
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
    watch.activated.insert(x->bindings[0].name());
    watch.activations.push_back(
        {x->bindings[0].name(),
         {.origin = {.operation = operation.outputs[0].name}, .table_end = table->end}});
  }
  watch.wanted.assign(names.begin(), names.end());
  return watch.wanted;
}

/// Layers are counted over the functions of one pass, in the order in which they run: functions
/// that stand for each other have the same ones.
void RangeObserver::place(Watch& watch) {
  if (watch.pass == pass_) return;
  if (watch.pass == 0) order_.push_back(&watch);
  watch.pass = pass_;
  watch.first_layer = next_layer_;
  next_layer_ += watch.layers;
}

std::string RangeObserver::name_of(const Watch& watch, const Part& part) const {
  if (!part.layer) return part.name;
  return "layer." + std::to_string(watch.first_layer + *part.layer) + part.name;
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
    // What enters a later chunk is no embedding.
    if (maker->second >= end || (!part.layer && watch.first_layer > 0)) continue;
    origin.part = name_of(watch, part);
    break;
  }
  return origin;
}

bool RangeObserver::has_infinite_operand(const Watch& watch,
                                         const mil::Operation& operation) const {
  return trace(watch, operation, [&](const mil::Binding& binding) {
    if (!binding.is_name()) return holds_infinity(binding.value());
    return watch.infinite.contains(binding.name()) ||
           infinite_states_.contains(key_of(watch.path, binding.name()));
  });
}

void RangeObserver::note_stream(const Watch& watch, std::string_view value, uint16_t bits) {
  const auto found = watch.stream.find(value);
  if (found == watch.stream.end() || (!found->second.layer && watch.first_layer > 0)) return;
  const std::string name = name_of(watch, found->second);
  auto peak = std::ranges::find(stream_, name, &Peak::name);
  const bool is_new = peak == stream_.end();
  if (is_new) peak = stream_.insert(stream_.end(), Peak{.name = name});
  if (is_new || magnitude_of(bits) > peak->largest) {
    peak->largest = magnitude_of(bits);
    peak->token = token_;
    peak->origin = origin_of(watch, value);
  }
  if (!peak->is_safe() && !first_unsafe_)
    first_unsafe_ = static_cast<size_t>(peak - stream_.begin());
}

void RangeObserver::note_activations(Watch& watch, std::string_view value,
                                     std::span<const uint16_t> values, uint16_t bits) const {
  if (!watch.activated.contains(value)) return;
  for (Activation& activation : watch.activations) {
    if (activation.operand != value) continue;
    Saturation& saturation = activation.seen;
    saturation.elements += values.size();
    saturation.largest = std::max(saturation.largest, magnitude_of(bits));
    if (magnitude_of(bits) >= saturation.table_end)
      saturation.beyond += count_from(values, kernels::ane::round_half_away(saturation.table_end));
  }
}

void RangeObserver::note_infinite(Watch& watch, const std::string& value) {
  watch.infinite.insert(value);
  const auto states = watch.feeds.find(value);
  if (states == watch.feeds.end()) return;
  for (const std::string& state : states->second)
    infinite_states_.insert(key_of(watch.path, state));
}

Status RangeObserver::observe(const runtime::Observation& seen) {
  const auto found = watches_.find(key_of(seen.package.path.string(), seen.function));
  if (pass_ == 0 || found == watches_.end()) return {};
  Watch& watch = found->second;
  place(watch);
  const std::string name(seen.value);
  const auto maker = watch.makers.find(seen.value);
  const bool is_input = maker == watch.makers.end();
  if (seen.tensor.dtype() != DType::fp16) {
    if (!is_input || seen.tensor.dtype() != DType::fp32) return {};
    if (holds_infinity(seen.tensor))
      note_infinite(watch, name);
    else
      watch.infinite.erase(name);
    return {};
  }
  const auto values = seen.tensor.values<uint16_t>();
  const uint16_t bits = largest_bits(values);
  note_activations(watch, seen.value, values, bits);
  note_stream(watch, seen.value, bits);
  const mil::Operation* operation =
      is_input ? nullptr : &watch.function->block.operations[maker->second];
  saw_fp16_ = saw_fp16_ || (operation != nullptr && !hands_on(*operation));
  if (bits < kInfinity) {
    watch.infinite.erase(name);
    return {};
  }
  const bool is_own =
      operation != nullptr && !moves(*operation) && !has_infinite_operand(watch, *operation);
  note_infinite(watch, name);
  if (!is_own) return {};
  const auto [place, is_new] = overflow_of_.try_emplace({&watch, name}, overflows_.size());
  if (is_new) overflows_.push_back({.origin = origin_of(watch, seen.value), .token = token_});
  overflows_[place->second].elements += count_from(values, kInfinity);
  return {};
}

void RangeObserver::write(Report& report) const {
  report.stream = stream_;
  report.first_unsafe = first_unsafe_;
  report.overflows = overflows_;
  for (const Watch* watch : order_)
    for (const Activation& activation : watch->activations) {
      if (activation.seen.elements == 0) continue;
      Saturation saturation = activation.seen;
      saturation.origin = origin_of(*watch, saturation.origin.operation);
      report.saturations.push_back(std::move(saturation));
    }
}

}  // namespace anemone::simulate
