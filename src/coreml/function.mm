#include "coreml/objects.h"

namespace anemone::coreml {

Function::Function(std::unique_ptr<Handle> handle) : handle_(std::move(handle)) {}
Function::~Function() = default;

Result<std::shared_ptr<Function>> Function::load(const std::filesystem::path& compiled,
                                                 runtime::ComputeUnits units,
                                                 const std::string& name) {
  @autoreleasepool {
    return guarded(ErrorCode::unsupported, "loading", [&]() -> Result<std::shared_ptr<Function>> {
      NSError* error = nil;
      MLModel* const model = [MLModel modelWithContentsOfURL:to_url(compiled)
                                               configuration:configuration_of(units, name)
                                                       error:&error];
      if (model == nil) return to_error(ErrorCode::unsupported, "loading", error);
      auto handle = std::make_unique<Handle>();
      handle->model = Retained<MLModel*>::share(model);
      handle->name = name;
      handle->units = units;
      return std::make_shared<Function>(std::move(handle));
    });
  }
}

runtime::ComputeUnits Function::units() const { return handle_->units; }

Result<std::unique_ptr<StateBuffers>> Function::new_states() const {
  using States = Result<std::unique_ptr<StateBuffers>>;
  const std::lock_guard lock(handle_->in_use);
  @autoreleasepool {
    return guarded(ErrorCode::io, "making states", [&]() -> States {
      if (@available(macOS 15.0, iOS 18.0, *)) {
        auto handle = std::make_unique<StateBuffers::Handle>();
        handle->state = Retained<MLState*>::adopt([handle_->model.get() newState]);
        if (handle->state.get() == nil)
          return fail(ErrorCode::io, "Core ML: making states: gives no reason");
        return std::make_unique<StateBuffers>(std::move(handle));
      }
      return fail(ErrorCode::unsupported, "states need macOS 15 or iOS 18");
    });
  }
}

StateBuffers::StateBuffers(std::unique_ptr<Handle> handle) : handle_(std::move(handle)) {}
StateBuffers::~StateBuffers() = default;

Status StateBuffers::read(const std::string& name, Tensor& tensor) const {
  @autoreleasepool {
    return guarded(ErrorCode::io, "reading a state", [&]() -> Status {
      Status status;
      Status* const result = &status;
      Tensor* const target = &tensor;
      const std::string* const label = &name;
      if (@available(macOS 15.0, iOS 18.0, *))
        [handle_->state.get() getMultiArrayForStateNamed:to_ns(name)
                                                 handler:^(MLMultiArray* buffer) {
                                                   *result = read_array(buffer, *label, *target);
                                                 }];
      return status;
    });
  }
}

Status StateBuffers::write(const std::string& name, const Tensor& tensor) {
  @autoreleasepool {
    return guarded(ErrorCode::io, "writing a state", [&]() -> Status {
      Status status;
      Status* const result = &status;
      const Tensor* const source = &tensor;
      const std::string* const label = &name;
      if (@available(macOS 15.0, iOS 18.0, *))
        [handle_->state.get() getMultiArrayForStateNamed:to_ns(name)
                                                 handler:^(MLMultiArray* buffer) {
                                                   *result = write_array(*source, *label, buffer);
                                                 }];
      return status;
    });
  }
}

}  // namespace anemone::coreml
