#include "ane/function_forecast.h"

#include <algorithm>
#include <unordered_map>

#include "ane/cost.h"
#include "ane/op_support.h"
#include "ane/op_work.h"
#include "ane/placement.h"
#include "ane/unknown_sizes.h"

namespace anemone::ane {
namespace {

struct Graph {
  std::vector<const OpView*> ops;
  std::vector<OpChoice> choices;
  std::vector<double> engine_ms;  ///< also of ops that do not run there: if they were mended.
  std::vector<std::string_view> obstacles;
  /// Index arithmetic and lookups before all other work, where all of them together are small.
  std::vector<bool> usual;
  double usual_ms = 0;  ///< of them on the CPU, small or not.
  double floor_ms = 0;
};

/// What a segment of one output costs beyond its ops.
constexpr double kLeastSegmentMs = cut_ms(1, 1) + kResidentOutputMs;

std::string_view obstacle_of(const FunctionView& function, const OpView& op,
                             const Obstacles& obstacles, const UnknownSizes& sizes) {
  if (const std::string_view listed = obstacle_of(function, op, sizes); !listed.empty())
    return listed;
  const auto found = obstacles.find(op.operation);
  return found == obstacles.end() ? std::string_view() : std::string_view(found->second);
}

/// Ops that run, and who waits for whom: for values, and for states in the order of the program.
Graph graph_of(const FunctionView& function, const Chip& chip, const Obstacles& obstacles,
               const UnknownSizes& sizes) {
  const ChipRate bandwidth = weight_bandwidth(chip);
  const ChipRate reached = reached_compute(chip);
  Graph graph;
  std::unordered_map<std::string_view, size_t> last_writer;
  for (const OpView& op : function.ops()) {
    if (!runs(function, op)) continue;
    const OpWork work = work_of(function, op, sizes);
    const size_t index = graph.ops.size();
    graph.floor_ms += floor_ms(work, bandwidth);
    OpChoice choice{.cpu_ms = cpu_ms(work, bandwidth)};
    graph.ops.push_back(&op);
    graph.obstacles.push_back(obstacle_of(function, op, obstacles, sizes));
    graph.engine_ms.push_back(engine_ms(
        graph.obstacles.back().empty() ? work : in_half_precision(work), bandwidth, reached));
    if (graph.obstacles.back().empty()) choice.engine_ms = graph.engine_ms.back();
    for (const mil::Argument& argument : op.operation->inputs) {
      for (const mil::Binding& binding : argument.bindings) {
        if (!binding.is_name()) continue;
        const auto writer = last_writer.find(binding.name());
        if (writer != last_writer.end()) choice.operands.push_back(writer->second);
        const mil::ValueType* type = function.type(binding.name());
        if (type != nullptr && type->kind == mil::ValueType::Kind::state) {
          last_writer[binding.name()] = index;
        }
      }
    }
    std::ranges::sort(choice.operands);
    const auto same = std::ranges::unique(choice.operands);
    choice.operands.erase(same.begin(), same.end());
    std::erase(choice.operands, index);
    for (const mil::NamedType& output : op.operation->outputs) {
      last_writer[output.name] = index;
      if (function.is_output(output.name)) ++choice.outputs;
    }
    graph.usual.push_back(
        is_index_arithmetic(function, op) && !sizes.is_of_values(op) &&
        std::ranges::all_of(choice.operands, [&](size_t operand) { return graph.usual[operand]; }));
    if (graph.usual.back()) graph.usual_ms += choice.cpu_ms;
    graph.choices.push_back(std::move(choice));
  }
  if (graph.usual_ms > kLeastSegmentMs) graph.usual.assign(graph.usual.size(), false);
  return graph;
}

/// A run of CPU ops, [begin, end) in the order.
struct CpuRun {
  size_t begin = 0;
  size_t end = 0;
  bool is_edge = false;  ///< before the first segment or behind the last one.
};

std::vector<CpuRun> cpu_runs(const Placement& placement) {
  std::vector<CpuRun> runs;
  const size_t count = placement.order.size();
  size_t begin = 0;
  for (size_t step = 0; step <= count; ++step) {
    if (step < count && placement.backends[placement.order[step]] == Backend::cpu) continue;
    if (begin < step)
      runs.push_back({begin, step, placement.segments > 0 && (begin == 0 || step == count)});
    begin = step + 1;
  }
  return runs;
}

/// What a fix saves takes a placement each: of the runs in the middle more than these are not told
/// apart.
constexpr size_t kMostInterruptions = 32;

std::vector<CpuRun> longest_runs(const Graph& graph, const Placement& placement) {
  auto runs = cpu_runs(placement);
  const auto time_of = [&](const CpuRun& run) {
    double milliseconds = 0;
    for (size_t step = run.begin; step < run.end; ++step) {
      milliseconds += graph.choices[placement.order[step]].cpu_ms;
    }
    return milliseconds;
  };
  std::ranges::stable_sort(runs, std::greater<>(), time_of);
  const auto inner = std::ranges::stable_partition(runs, &CpuRun::is_edge);
  if (inner.size() > kMostInterruptions) runs.erase(inner.begin() + kMostInterruptions, runs.end());
  return runs;
}

/// What takes longest is what a fix is for; the small work at the start comes last.
bool is_shown_before(const Graph& graph, size_t op, size_t other) {
  if (graph.usual[op] != graph.usual[other]) return graph.usual[other];
  return graph.choices[op].cpu_ms > graph.choices[other].cpu_ms;
}

Interruption interruption_of(const Graph& graph, const Placement& placement, const CpuRun& run) {
  std::vector<OpChoice> fixed = graph.choices;
  std::optional<size_t> costliest;
  Interruption cut{.operations = run.end - run.begin};
  for (size_t step = run.begin; step < run.end; ++step) {
    const size_t op = placement.order[step];
    if (graph.obstacles[op].empty()) continue;
    fixed[op].engine_ms = graph.engine_ms[op];
    ++cut.obstructed;
    if (!costliest || is_shown_before(graph, op, *costliest)) costliest = op;
  }
  const size_t shown = costliest.value_or(placement.order[run.begin]);
  cut.operation = graph.ops[shown]->operation->display_name();
  cut.type = graph.ops[shown]->operation->type;
  cut.obstacle = graph.obstacles[shown];
  cut.saves_ms = placement.total_ms - place(fixed).total_ms;
  return cut;
}

std::vector<Interruption> interruptions_of(const Graph& graph, const Placement& placement) {
  std::vector<Interruption> interruptions;
  for (const CpuRun& run : longest_runs(graph, placement)) {
    Interruption cut = interruption_of(graph, placement, run);
    if (run.is_edge && (cut.obstructed == 0 || cut.saves_ms <= cut_ms(1, 1))) continue;
    interruptions.push_back(std::move(cut));
  }
  std::ranges::stable_sort(interruptions, std::greater<>(), &Interruption::saves_ms);
  return interruptions;
}

/// Whether no segment would pay even if only `usual` ops had obstacles.
bool never_pays(const Graph& graph) {
  if (graph.usual_ms > kLeastSegmentMs) return false;
  std::vector<OpChoice> lifted = graph.choices;
  for (size_t op = 0; op < lifted.size(); ++op)
    if (!graph.usual[op]) lifted[op].engine_ms = graph.engine_ms[op];
  return place(lifted).segments == 0;
}

/// The longest that an unknown dimension of an input is said to be; 0 where nothing is said.
int64_t longest_dimension(const FunctionView& function) {
  int64_t longest = 0;
  if (function.description() == nullptr) return 0;
  for (const mil::NamedType& input : function.function().inputs) {
    const package::Feature* said = function.description()->find_input(input.name);
    if (said == nullptr) continue;
    const Shape& shape = input.type.tensor.shape;
    for (const std::vector<int64_t>& enumerated : said->enumerated_shapes)
      for (size_t axis = 0; axis < std::min(shape.rank(), enumerated.size()); ++axis)
        if (shape[axis] == kUnknownDim) longest = std::max(longest, enumerated[axis]);
  }
  return longest;
}

std::string name_of(const mil::Operation& operation) {
  return operation.outputs.empty() ? std::string(operation.display_name())
                                   : operation.outputs[0].name;
}

bool has_unknown_shapes(const FunctionView& function, const Graph& graph) {
  return std::ranges::any_of(graph.ops,
                             [&](const OpView* op) { return has_unknown_shape(function, *op); });
}

/// Times of a function that takes any length say nothing about the launch.
bool takes_a_range(const FunctionView& function) {
  if (function.description() == nullptr) return false;
  return std::ranges::any_of(function.description()->inputs, [](const package::Feature& input) {
    return std::ranges::any_of(
        input.ranges, [](const package::DimRange& range) { return range.lower != range.upper; });
  });
}

bool has_size_of_values(const Graph& graph, const UnknownSizes& sizes) {
  return std::ranges::any_of(graph.ops, [&](const OpView* op) { return sizes.is_of_values(*op); });
}

/// Whether the function is small at any of its sizes.
bool is_below_launch_cost(const FunctionView& function, const Graph& graph, const Chip& chip,
                          const Obstacles& obstacles, const UnknownSizes& sizes) {
  if (takes_a_range(function) || has_size_of_values(graph, sizes) || !never_pays(graph))
    return false;
  if (!has_unknown_shapes(function, graph)) return true;
  const int64_t longest = longest_dimension(function);
  if (longest == 0) return false;
  const UnknownSizes at_longest(function, static_cast<double>(longest));
  return never_pays(graph_of(function, chip, obstacles, at_longest));
}

}  // namespace

FunctionForecast forecast_function(const FunctionView& function, const Chip& chip,
                                   const Obstacles& obstacles) {
  const UnknownSizes sizes(function);
  const Graph graph = graph_of(function, chip, obstacles, sizes);
  const Placement placement = place(graph.choices);
  FunctionForecast forecast{.package = function.package().name,
                            .function = function.name(),
                            .segments = placement.segments,
                            .milliseconds = placement.total_ms,
                            .launch_ms = placement.launch_ms,
                            .changes = placement.changes,
                            .floor_ms = graph.floor_ms,
                            .has_unknown_shapes = has_unknown_shapes(function, graph)};
  double on_engine = 0;
  double in_ops = 0;
  for (size_t op = 0; op < graph.ops.size(); ++op) {
    const bool engine = placement.backends[op] == Backend::neural_engine;
    const double milliseconds = engine ? graph.engine_ms[op] : graph.choices[op].cpu_ms;
    in_ops += milliseconds;
    (engine ? on_engine : forecast.cpu_ms) += milliseconds;
    forecast.operations.push_back({.name = name_of(*graph.ops[op]->operation),
                                   .type = graph.ops[op]->operation->type,
                                   .unit = engine ? Unit::neural_engine : Unit::cpu,
                                   .milliseconds = milliseconds,
                                   .obstacle = std::string(graph.obstacles[op])});
  }
  forecast.residency = in_ops > 0 ? on_engine / in_ops : 0;
  forecast.below_launch_cost =
      placement.segments == 0 && is_below_launch_cost(function, graph, chip, obstacles, sizes);
  if (!forecast.below_launch_cost) forecast.interruptions = interruptions_of(graph, placement);
  return forecast;
}

}  // namespace anemone::ane
