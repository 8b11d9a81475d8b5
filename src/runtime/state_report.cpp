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

Result<FunctionStates> run_function(Model& model, const mil::Function& function) {
  FunctionStates result{.function = function.name,
                        .states = {},
                        .expected = expected_traffic(function, model.options().numerics),
                        .counted = {},
                        .counted_empty = {}};
  for (const mil::NamedType& input : function.inputs)
    if (input.type.kind == mil::ValueType::Kind::state) result.states.push_back(input.name);
  ANEMONE_TRY(const auto runner, model.prepare(function.name, {}));
  if (!count_states(*runner))
    return fail(ErrorCode::unsupported, "function '{}': Core ML does not say what it moves",
                function.name);
  State state = model.new_state();
  const auto before = addresses(state);
  promise_used_rows(*runner, 0);
  ANEMONE_RETURN_IF_ERROR(runner->run(&state));
  result.counted_empty = counted_states(*runner);
  ANEMONE_RETURN_IF_ERROR(runner->run(&state));
  result.counted = counted_states(*runner);
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
