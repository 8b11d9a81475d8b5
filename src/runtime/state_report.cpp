#include "anemone/state_report.h"

#include <algorithm>

#include "base/error.h"
#include "runtime/state_traffic.h"
#include "runtime/used_rows.h"

namespace anemone::runtime {
namespace {

std::vector<const std::byte*> addresses(State& state) {
  std::vector<const std::byte*> addresses;
  for (const NamedTensor& named : state.tensors()) addresses.push_back(named.tensor.bytes().data());
  return addresses;
}

/// Of the inputs of a call of large shapes, together; a mask of 2,047 by 2,047 and its tokens fit.
constexpr double kMostInputElements = 1 << 22;
/// Weights and states, as often as a call of large shapes may read them: a minute or two of work.
constexpr double kMostReadBytes = 0x1p42;

double elements(std::span<const int64_t> dims) {
  double product = 1;
  for (const int64_t dim : dims) product *= static_cast<double>(dim);
  return product;
}

bool has_several_shapes(const package::Feature& input) {
  if (input.kind != package::Feature::Kind::multi_array) return false;
  return input.enumerated_shapes.size() > 1 ||
         std::ranges::any_of(input.ranges, [](const package::DimRange& range) {
           return range.upper < 0 || range.upper > range.lower;
         });
}

Result<Shape> default_shape(const package::Feature& input) { return Shape(std::span(input.shape)); }

Result<Shape> large_shape(const package::Feature& input) {
  if (!input.enumerated_shapes.empty())
    return Shape(std::span(*std::ranges::max_element(input.enumerated_shapes, {}, elements)));
  Shape shape;
  for (const package::DimRange& range : input.ranges) {
    if (range.upper < 0)
      return fail(ErrorCode::out_of_range, "the shapes of input '{}' have no end", input.name);
    shape.push_back(std::max(range.lower, range.upper - 1));
  }
  return shape;
}

/// Inputs of several shapes, each with the one that `choose` gives.
Result<std::vector<Model::InputShape>> shapes_of(const Model& model, const std::string& function,
                                                 Result<Shape> (*choose)(const package::Feature&)) {
  std::vector<Model::InputShape> shapes;
  const package::FunctionDescription* described = model.package().find_function(function);
  if (described == nullptr) return shapes;
  for (const package::Feature& input : described->inputs) {
    if (!has_several_shapes(input)) continue;
    ANEMONE_TRY(Shape shape, choose(input));
    shapes.push_back({input.name, shape});
  }
  return shapes;
}

Result<std::unique_ptr<Runner>> prepare_counting(Model& model, const std::string& function,
                                                 std::span<const Model::InputShape> shapes) {
  ANEMONE_TRY(auto runner, model.prepare(function, shapes));
  if (!count_states(*runner))
    return fail(ErrorCode::unsupported, "function '{}': Core ML does not say what it moves",
                function);
  return runner;
}

/// How many times as long as in `least` the longest dimension is.
double growth(std::span<const Model::InputShape> large, std::span<const Model::InputShape> least) {
  double most = 1;
  for (size_t i = 0; i < large.size(); ++i)
    for (size_t dim = 0; dim < std::min(large[i].shape.rank(), least[i].shape.rank()); ++dim)
      most = std::max(most, static_cast<double>(large[i].shape[dim]) /
                                static_cast<double>(std::max<int64_t>(least[i].shape[dim], 1)));
  return most;
}

/// Errors: limit (bytes, time).
Status check_large(const Model& model, const State& state, std::span<const Model::InputShape> large,
                   std::span<const Model::InputShape> least) {
  double inputs = 0;
  for (const Model::InputShape& input : large) inputs += elements(input.shape);
  if (inputs > kMostInputElements)
    return fail(ErrorCode::limit, "the inputs have {:.0f} elements, at most {:.0f} are tried",
                inputs, kMostInputElements);
  ANEMONE_TRY(const package::PackageSize size, package::measure(model.package()));
  auto bytes = static_cast<double>(size.weight_bytes);
  for (const NamedTensor& named : state.tensors())
    bytes += static_cast<double>(named.tensor.bytes().size());
  const double read = bytes * growth(large, least);
  if (read > kMostReadBytes)
    return fail(ErrorCode::limit, "it would read {:.0f} bytes, at most {:.0f} are tried", read,
                kMostReadBytes);
  return {};
}

Result<CallStates> run_large(Model& model, const std::string& function, State& state,
                             std::span<const Model::InputShape> least) {
  CallStates call;
  ANEMONE_TRY(call.shapes, shapes_of(model, function, large_shape));
  ANEMONE_RETURN_IF_ERROR(check_large(model, state, call.shapes, least));
  ANEMONE_TRY(const auto runner, prepare_counting(model, function, call.shapes));
  ANEMONE_RETURN_IF_ERROR(runner->run(&state));
  call.counted = counted_states(*runner);
  return call;
}

Result<FunctionStates> run_function(Model& model, const mil::Function& function) {
  FunctionStates result{.function = function.name,
                        .states = {},
                        .expected = expected_traffic(function, model.options().numerics),
                        .least = {},
                        .counted_empty = {},
                        .large = {}};
  for (const mil::NamedType& input : function.inputs)
    if (input.type.kind == mil::ValueType::Kind::state) result.states.push_back(input.name);
  ANEMONE_TRY(result.least.shapes, shapes_of(model, function.name, default_shape));
  ANEMONE_TRY(const auto runner, prepare_counting(model, function.name, {}));
  State state = model.new_state();
  const auto before = addresses(state);
  promise_used_rows(*runner, 0);
  ANEMONE_RETURN_IF_ERROR(runner->run(&state));
  result.counted_empty = counted_states(*runner);
  ANEMONE_RETURN_IF_ERROR(runner->run(&state));
  result.least.counted = counted_states(*runner);
  if (!result.least.shapes.empty())
    result.large = run_large(model, function.name, state, result.least.shapes);
  result.in_place = addresses(state) == before;
  return result;
}

}  // namespace

uint64_t StateReport::size_bytes() const {
  uint64_t bytes = 0;
  for (const StateLayout& state : states) bytes += state.size_bytes;
  return bytes;
}

Result<StateReport> report_states(Model& model) {
  StateReport report;
  const State state = model.new_state();
  for (const NamedTensor& named : state.tensors())
    report.states.push_back(
        {named.name, named.tensor.dtype(), named.tensor.shape(), named.tensor.bytes().size()});
  const mil::Program& program = model.package().program;
  for (const mil::Function& function : program.functions) {
    const bool has_states = std::ranges::any_of(function.inputs, [](const mil::NamedType& input) {
      return input.type.kind == mil::ValueType::Kind::state;
    });
    if (!has_states) continue;
    ANEMONE_TRY(FunctionStates states, run_function(model, function));
    report.functions.push_back(std::move(states));
  }
  return report;
}

}  // namespace anemone::runtime
