#include "coreml/objects.h"

namespace anemone::coreml {

struct Call::Handle {
  std::shared_ptr<const Function> function;
  std::vector<NamedTensor> inputs;
  std::vector<Output> outputs;
  Retained<MLDictionaryFeatureProvider*> features;
  Retained<MLPredictionOptions*> options;
};

Call::Call(std::unique_ptr<Handle> handle) : handle_(std::move(handle)) {}
Call::~Call() = default;
std::vector<NamedTensor>& Call::inputs() { return handle_->inputs; }
const std::vector<Call::Output>& Call::outputs() const { return handle_->outputs; }

namespace {

using Features = Retained<MLDictionaryFeatureProvider*>;

Result<Features> features_over(std::vector<NamedTensor>& inputs) {
  NSMutableDictionary<NSString*, MLFeatureValue*>* const values = [NSMutableDictionary dictionary];
  for (NamedTensor& input : inputs) {
    auto array = array_over(input.tensor);
    if (!array.ok()) return std::move(array).in(input.name).error();
    [values setObject:[MLFeatureValue featureValueWithMultiArray:array->get()]
               forKey:to_ns(input.name)];
  }
  NSError* error = nil;
  MLDictionaryFeatureProvider* const features =
      [[MLDictionaryFeatureProvider alloc] initWithDictionary:values error:&error];
  if (features == nil) return to_error(ErrorCode::io, "the inputs", error);
  return Features::adopt(features);
}

/// Asks for the outputs whose shape is known to be written in their place.
Result<Retained<MLPredictionOptions*>> options_for(std::vector<Call::Output>& outputs) {
  auto options = Retained<MLPredictionOptions*>::adopt([[MLPredictionOptions alloc] init]);
  NSMutableDictionary<NSString*, id>* const backings = [NSMutableDictionary dictionary];
  for (Call::Output& output : outputs) {
    if (!output.tensor.defined()) continue;
    auto array = array_over(output.tensor);
    if (!array.ok()) return std::move(array).in(output.name).error();
    [backings setObject:array->get() forKey:to_ns(output.name)];
  }
  options.get().outputBackings = backings;
  return options;
}

}  // namespace

Result<std::unique_ptr<Call>> Call::make(std::shared_ptr<const Function> function,
                                         std::vector<NamedTensor> inputs,
                                         std::vector<Output> outputs) {
  @autoreleasepool {
    return guarded(ErrorCode::io, "preparing", [&]() -> Result<std::unique_ptr<Call>> {
      auto handle = std::make_unique<Handle>();
      handle->function = std::move(function);
      handle->inputs = std::move(inputs);
      handle->outputs = std::move(outputs);
      ANEMONE_TRY(handle->features, features_over(handle->inputs));
      ANEMONE_TRY(handle->options, options_for(handle->outputs));
      return std::make_unique<Call>(std::move(handle));
    });
  }
}

Status Call::run(StateBuffers* states) {
  @autoreleasepool {
    return guarded(ErrorCode::io, "predicting", [&]() -> Status {
      MLModel* const model = handle_->function->handle().model.get();
      NSError* error = nil;
      id<MLFeatureProvider> result = nil;
      if (states == nullptr) {
        result = [model predictionFromFeatures:handle_->features.get()
                                       options:handle_->options.get()
                                         error:&error];
      } else if (@available(macOS 15.0, iOS 18.0, *)) {
        result = [model predictionFromFeatures:handle_->features.get()
                                    usingState:states->handle().state.get()
                                       options:handle_->options.get()
                                         error:&error];
      }
      if (result == nil) return to_error(ErrorCode::io, "predicting", error);
      for (Output& output : handle_->outputs) {
        MLMultiArray* const array =
            [[result featureValueForName:to_ns(output.name)] multiArrayValue];
        if (array == nil)
          return fail(ErrorCode::mismatch, "Core ML: predicting: no array '{}' came back",
                      output.name);
        const Shape shape(to_numbers(array.shape));
        if (!output.tensor.defined() || output.tensor.element_count() != shape.element_count())
          output.tensor = Tensor::zeros(output.dtype, shape);
        ANEMONE_RETURN_IF_ERROR(read_array(array, output.name, output.tensor));
      }
      return {};
    });
  }
}

}  // namespace anemone::coreml
