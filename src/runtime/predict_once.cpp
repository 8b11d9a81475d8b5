#include "runtime/predict_once.h"

#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "runtime/convert_input.h"

namespace anemone::runtime {
namespace {

Status fill(Tensor& buffer, const std::string& name, std::string_view function,
            const package::Package& package, std::span<const NamedTensor> inputs) {
  const auto given = std::ranges::find(inputs, name, &NamedTensor::name);
  if (given != inputs.end()) {
    ANEMONE_TRY(const Tensor converted,
                convert_input(given->tensor, buffer.dtype(),
                              fmt::format("input '{}' of function '{}'", name, function)));
    const auto bytes = converted.bytes();
    if (!bytes.empty()) std::memcpy(buffer.mutable_bytes().data(), bytes.data(), bytes.size());
    return {};
  }
  const package::FunctionDescription* description = package.find_function(function);
  const package::Feature* feature =
      description != nullptr ? description->find_input(name) : nullptr;
  if (feature == nullptr || !feature->is_optional)
    return fail(ErrorCode::mismatch, "input '{}' of function '{}' is missing", name, function);
  for (int64_t i = 0; i < buffer.element_count(); ++i)
    buffer.set(i, feature->default_value.value_or(0));
  return {};
}

}  // namespace

Result<std::vector<NamedTensor>> predict_once(Model& model, std::string_view function,
                                              std::span<const NamedTensor> inputs, State* state) {
  std::vector<Model::InputShape> shapes;
  for (const NamedTensor& input : inputs) shapes.push_back({input.name, input.tensor.shape()});
  ANEMONE_TRY(const auto runner, model.prepare(function, shapes));
  const mil::Function& declared = *model.package().program.find_function(function);
  for (const mil::NamedType& input : declared.inputs) {
    if (input.type.kind != mil::ValueType::Kind::tensor) continue;
    ANEMONE_RETURN_IF_ERROR(
        fill(*runner->input(input.name), input.name, function, model.package(), inputs));
  }
  State own;
  if (state == nullptr) {
    own = model.new_state();
    state = &own;
  }
  ANEMONE_RETURN_IF_ERROR(runner->run(state));
  std::vector<NamedTensor> outputs;
  for (const std::string& name : runner->output_names())
    outputs.push_back({name, runner->output(name)->clone()});
  return outputs;
}

}  // namespace anemone::runtime
