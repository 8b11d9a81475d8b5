#include "coreml/coreml_runner.h"

#include <algorithm>
#include <thread>

#include "base/error.h"

namespace anemone::coreml {

CoremlRunner::CoremlRunner(std::shared_ptr<CoremlModel> model,
                           std::shared_ptr<const Function> function, std::unique_ptr<Call> call,
                           std::vector<DeclaredState> states)
    : model_(std::move(model)),
      function_(std::move(function)),
      call_(std::move(call)),
      states_(std::move(states)) {
  for (const Call::Output& output : call_->outputs()) output_names_.push_back(output.name);
}

Tensor* CoremlRunner::input(std::string_view name) {
  const auto found = std::ranges::find(call_->inputs(), name, &NamedTensor::name);
  return found == call_->inputs().end() ? nullptr : &found->tensor;
}

const Tensor* CoremlRunner::output(std::string_view name) const {
  const auto found = std::ranges::find(call_->outputs(), name, &Call::Output::name);
  return found == call_->outputs().end() ? nullptr : &found->tensor;
}

Status CoremlRunner::run(runtime::State* state) {
  StateBuffers* buffers = nullptr;
  if (!states_.empty()) {
    if (state == nullptr)
      return fail(ErrorCode::mismatch, "the function has states and none was given");
    ANEMONE_TRY(buffers, HeldStates::of(*state)->lend(*state, *function_, states_));
  }
  uint64_t repeats = 0;
  Status status = call_patiently(
      Patience(), [&] { return call_->run(buffers); },
      [](std::chrono::milliseconds pause) { std::this_thread::sleep_for(pause); }, repeats);
  if (repeats > 0) model_->count_repeats(repeats);
  return status;
}

}  // namespace anemone::coreml
