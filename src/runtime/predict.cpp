#include "anemone/predict.h"

#include <algorithm>
#include <charconv>
#include <map>

#include "base/error.h"

namespace anemone::runtime {
namespace {

struct Step {
  std::string prefix;  ///< "step3/" or "".
  std::vector<NamedTensor> arrays;
};

/// Splits `stepK/name` arrays into steps in the order of K; more than one in `least` makes at least
/// so many.
Result<std::vector<Step>> split_steps(std::span<const NamedTensor> arrays, int64_t least) {
  std::map<int64_t, Step> steps;
  for (int64_t number = 0; least > 1 && number < least; ++number)
    steps[number].prefix = fmt::format("step{}/", number);
  for (const NamedTensor& array : arrays) {
    const size_t slash = array.name.find('/');
    int64_t number = -1;
    Step* step = &steps[-1];
    if (array.name.starts_with("step") && slash != std::string::npos) {
      const char* digits = array.name.data() + 4;
      const auto [end, error] = std::from_chars(digits, array.name.data() + slash, number);
      if (error != std::errc() || end != array.name.data() + slash || number < 0)
        return fail(ErrorCode::mismatch, "array {}: expected stepK/name", array.name);
      step = &steps[number];
      step->prefix = array.name.substr(0, slash + 1);
    }
    step->arrays.push_back({array.name.substr(number < 0 ? 0 : slash + 1), array.tensor});
  }
  if (steps.size() > 1 && steps.contains(-1) && !steps[-1].arrays.empty())
    return fail(ErrorCode::mismatch, "array {}: some arrays are of steps and this one is not",
                steps[-1].arrays[0].name);
  if (steps.size() > 1) steps.erase(-1);
  std::vector<Step> result;
  for (auto& entry : steps) result.push_back(std::move(entry.second));
  if (result.empty()) result.emplace_back();
  return result;
}

/// uint8 [H, W, 3] in RGB order or [H, W] → [1, C, H, W] in the channel order of the description.
Result<Tensor> image_tensor(const package::Feature& feature, const Tensor& array) {
  using ColorSpace = package::Feature::ColorSpace;
  const bool gray =
      feature.color_space == ColorSpace::gray || feature.color_space == ColorSpace::gray_fp16;
  const Shape expected =
      gray ? Shape{feature.height, feature.width} : Shape{feature.height, feature.width, 3};
  if (array.shape() != expected || array.dtype() != DType::uint8)
    return fail(ErrorCode::mismatch, "image {}: {} {}, expected uint8 {}", feature.name,
                to_string(array.dtype()), array.shape().to_string(), expected.to_string());
  const int64_t channels = gray ? 1 : 3;
  const int64_t pixels = feature.height * feature.width;
  Tensor image = Tensor::zeros(DType::fp32, {1, channels, feature.height, feature.width});
  for (int64_t channel = 0; channel < channels; ++channel) {
    const int64_t source =
        feature.color_space == ColorSpace::bgr ? channels - 1 - channel : channel;
    for (int64_t pixel = 0; pixel < pixels; ++pixel)
      image.set(channel * pixels + pixel, array.at(pixel * channels + source));
  }
  return image;
}

Result<Tensor> input_tensor(const package::Feature& feature, const Tensor& array) {
  if (feature.kind == package::Feature::Kind::image) return image_tensor(feature, array);
  if (array.dtype() == DType::string || feature.kind == package::Feature::Kind::string ||
      feature.dtype == DType::string)
    return fail(ErrorCode::unsupported, "input {}: text inputs are not supported", feature.name);
  if (feature.shape.empty() && array.shape() == Shape{1}) return array.reshaped({});
  return array;
}

/// The elements of a list of scalars as one tensor, or a tensor as it is.
Tensor flattened(const mil::Value& value) {
  if (value.type.kind != mil::ValueType::Kind::list) return value.tensor;
  if (value.elements.empty()) return {};
  const DType dtype = value.elements[0].tensor.dtype();
  Tensor list = Tensor::zeros(dtype, {static_cast<int64_t>(value.elements.size())});
  for (size_t i = 0; i < value.elements.size(); ++i) {
    const Tensor& element = value.elements[i].tensor;
    if (!element.defined() || element.dtype() != dtype || element.element_count() != 1) return {};
    if (dtype == DType::string)
      list.mutable_strings()[i] = element.strings()[0];
    else
      list.set(static_cast<int64_t>(i), element.at(0));
  }
  return list;
}

/// The class labels of the classify op that makes `output`, as text or int64; undefined when not
/// found.
Tensor class_labels(const mil::Function& function, std::string_view output) {
  for (const mil::Operation& op : function.block.operations) {
    if (op.type != "classify") continue;
    if (std::ranges::none_of(op.outputs, [&](const auto& named) { return named.name == output; }))
      continue;
    const mil::Argument* classes = op.find_input("classes");
    if (classes == nullptr || classes->bindings.empty()) return {};
    const mil::Binding& binding = classes->bindings[0];
    if (!binding.is_name()) return flattened(binding.value());
    for (const mil::Operation& constant : function.block.operations)
      if (constant.type == "const" && !constant.outputs.empty() &&
          constant.outputs[0].name == binding.name())
        if (const mil::Value* value = constant.find_attribute("val")) return flattened(*value);
  }
  return {};
}

const mil::Function* program_function(const package::Package& package, std::string_view name) {
  if (const mil::Function* function = package.program.find_function(name)) return function;
  return package.program.functions.size() == 1 ? &package.program.functions[0] : nullptr;
}

Status append_outputs(const package::Package& package,
                      const package::FunctionDescription& description,
                      std::vector<NamedTensor> outputs, const std::string& prefix,
                      std::vector<NamedTensor>& results) {
  for (NamedTensor& output : outputs) {
    const package::Feature* feature = description.find_output(output.name);
    if (feature == nullptr || feature->kind != package::Feature::Kind::dictionary) {
      results.push_back({prefix + output.name, std::move(output.tensor)});
      continue;
    }
    const mil::Function* function = program_function(package, description.name);
    const Tensor labels = function == nullptr ? Tensor() : class_labels(*function, output.name);
    if (!labels.defined() || labels.element_count() != output.tensor.element_count())
      return fail(ErrorCode::unsupported, "dictionary output {}: its class labels were not found",
                  output.name);
    results.push_back({prefix + output.name + ".keys", labels.reshaped({labels.element_count()})});
    results.push_back({prefix + output.name + ".values",
                       output.tensor.reshaped({output.tensor.element_count()})});
  }
  return {};
}

Result<std::vector<NamedTensor>> step_inputs(const package::FunctionDescription& description,
                                             const Step& step) {
  std::vector<NamedTensor> inputs;
  for (const NamedTensor& array : step.arrays) {
    const package::Feature* feature = description.find_input(array.name);
    if (feature == nullptr) {
      std::string known;
      for (const auto& input : description.inputs)
        known += (known.empty() ? "" : ", ") + input.name;
      return fail(ErrorCode::mismatch, "array {} is no input of {}; inputs are {}", array.name,
                  description.name, known);
    }
    ANEMONE_TRY(auto tensor, input_tensor(*feature, array.tensor));
    inputs.push_back({array.name, std::move(tensor)});
  }
  for (const package::Feature& feature : description.inputs)
    if (!feature.is_optional &&
        std::ranges::find(inputs, feature.name, &NamedTensor::name) == inputs.end())
      return fail(ErrorCode::not_found, "input {} is missing from {}arrays", feature.name,
                  step.prefix);
  return inputs;
}

}  // namespace

Result<std::vector<NamedTensor>> predict_arrays(Model& model, std::string_view function,
                                                std::span<const NamedTensor> arrays,
                                                int64_t steps_at_least) {
  const package::Package& package = model.package();
  const package::FunctionDescription* description = package.find_function(function);
  if (description == nullptr) {
    std::string known;
    for (const auto& entry : package.functions) known += (known.empty() ? "" : ", ") + entry.name;
    return fail(ErrorCode::not_found, "no function {}; functions are {}", function, known);
  }
  ANEMONE_TRY(const auto steps, split_steps(arrays, steps_at_least));
  State state = model.new_state();
  std::vector<NamedTensor> results;
  for (const Step& step : steps) {
    ANEMONE_TRY(const auto inputs, step_inputs(*description, step));
    ANEMONE_TRY(auto outputs, model.predict(function, inputs, &state));
    ANEMONE_RETURN_IF_ERROR(
        append_outputs(package, *description, std::move(outputs), step.prefix, results));
  }
  return results;
}

}  // namespace anemone::runtime
