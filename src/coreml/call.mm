#include "coreml/objects.h"

namespace anemone::coreml {

struct Call::Handle {
  std::shared_ptr<const Function> function;
  std::vector<NamedTensor> inputs;
  std::vector<Output> outputs;
  std::vector<bool> varies;  ///< outputs that came in another shape than their tensor had.
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

/// Asks for the outputs whose shape is known, and stays, to be written in their place.
Result<Retained<MLPredictionOptions*>> options_for(std::vector<Call::Output>& outputs,
                                                   const std::vector<bool>& varies) {
  auto options = Retained<MLPredictionOptions*>::adopt([[MLPredictionOptions alloc] init]);
  NSMutableDictionary<NSString*, id>* const backings = [NSMutableDictionary dictionary];
  for (size_t i = 0; i < outputs.size(); ++i) {
    Call::Output& output = outputs[i];
    if (!output.tensor.defined() || varies[i]) continue;
    auto array = array_over(output.tensor);
    if (!array.ok()) return std::move(array).in(output.name).error();
    [backings setObject:array->get() forKey:to_ns(output.name)];
  }
  options.get().outputBackings = backings;
  return options;
}

/// A scalar comes as an array of one number.
bool has_shape(const Tensor& tensor, const Shape& shape) {
  return tensor.shape() == shape || (tensor.shape().rank() == 0 && shape == Shape{1});
}

/// The array of each output; where it has another shape than the output's tensor, zeros of its
/// shape.
struct Arrival {
  MLMultiArray* array = nil;
  Tensor fitting;
};

Result<Arrival> arrival_of(const Call::Output& output, id<MLFeatureProvider> result) {
  MLMultiArray* const array = [[result featureValueForName:to_ns(output.name)] multiArrayValue];
  if (array == nil)
    return fail(ErrorCode::mismatch, "Core ML: predicting: no array '{}' came back", output.name);
  const std::vector<int64_t> dims = to_numbers(array.shape);
  const auto count = checked_element_count(dims);
  if (!count || !checked_byte_count(output.dtype, *count))
    return fail(ErrorCode::mismatch, "Core ML: predicting: array '{}' has an impossible shape",
                output.name);
  const Shape shape(dims);
  if (output.tensor.defined() && has_shape(output.tensor, shape)) return Arrival{array, {}};
  return Arrival{array, Tensor::zeros(output.dtype, shape)};
}

Status take_outputs(Call::Handle& call, id<MLFeatureProvider> result) {
  std::vector<Arrival> arrivals;
  for (const Call::Output& output : call.outputs) {
    ANEMONE_TRY(Arrival arrival, arrival_of(output, result));
    arrivals.push_back(std::move(arrival));
  }
  bool is_backing_replaced = false;
  for (size_t i = 0; i < arrivals.size(); ++i)
    if (arrivals[i].fitting.defined() && call.outputs[i].tensor.defined())
      call.varies[i] = is_backing_replaced = true;
  // The options' arrays lie over bytes that end with `arrivals`.
  if (is_backing_replaced) call.options = {};
  for (size_t i = 0; i < arrivals.size(); ++i)
    if (arrivals[i].fitting.defined()) std::swap(call.outputs[i].tensor, arrivals[i].fitting);
  if (is_backing_replaced) {
    ANEMONE_TRY(call.options, options_for(call.outputs, call.varies));
  }
  for (size_t i = 0; i < arrivals.size(); ++i)
    ANEMONE_RETURN_IF_ERROR(
        read_array(arrivals[i].array, call.outputs[i].name, call.outputs[i].tensor));
  return {};
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
      handle->varies.resize(handle->outputs.size());
      ANEMONE_TRY(handle->options, options_for(handle->outputs, handle->varies));
      return std::make_unique<Call>(std::move(handle));
    });
  }
}

Status Call::run(StateBuffers* states) {
  const std::lock_guard lock(handle_->function->handle().in_use);
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
      return take_outputs(*handle_, result);
    });
  }
}

}  // namespace anemone::coreml
