#include "anemone/program.h"

#include <fmt/format.h>

#include <algorithm>

namespace anemone::mil {

ValueType ValueType::of(DType dtype, Shape shape) {
  ValueType type;
  type.tensor = TensorType{dtype, shape, false};
  return type;
}

std::string to_string(const ValueType& type) {
  const auto tensor = [&] {
    if (type.tensor.shape.rank() == 0 && !type.tensor.variable_rank)
      return std::string(anemone::to_string(type.tensor.dtype));
    return fmt::format(
        "tensor<{}, {}>", anemone::to_string(type.tensor.dtype),
        type.tensor.variable_rank ? std::string("[...]") : type.tensor.shape.to_string());
  };
  switch (type.kind) {
    case ValueType::Kind::tensor:
      return tensor();
    case ValueType::Kind::state:
      return fmt::format("state<{}>", tensor());
    case ValueType::Kind::list:
      return fmt::format("list<{}, {}>", to_string(type.elements.at(0)),
                         type.list_length == kUnknownDim ? "?" : std::to_string(type.list_length));
    case ValueType::Kind::dictionary:
      return fmt::format("dict<{}, {}>", to_string(type.elements.at(0)),
                         to_string(type.elements.at(1)));
    case ValueType::Kind::tuple:
      break;
  }
  std::string text = "tuple<";
  for (size_t i = 0; i < type.elements.size(); ++i)
    text += (i > 0 ? ", " : "") + to_string(type.elements[i]);
  return text + ">";
}

Value make_string(std::string text) {
  return Value{.type = ValueType::of(DType::string, {}),
               .tensor = Tensor::from_strings({}, {std::move(text)})};
}

Value make_int32(int32_t value) {
  Value result{.type = ValueType::of(DType::int32, {}), .tensor = Tensor::zeros(DType::int32, {})};
  result.tensor.set(0, value);
  return result;
}

Value make_bool(bool value) {
  Value result{.type = ValueType::of(DType::bool_, {}), .tensor = Tensor::zeros(DType::bool_, {})};
  result.tensor.set(0, value ? 1 : 0);
  return result;
}

const Argument* Operation::find_input(std::string_view parameter) const {
  const auto found = std::ranges::find(inputs, parameter, &Argument::parameter);
  return found == inputs.end() ? nullptr : &*found;
}

const Value* Operation::find_attribute(std::string_view name) const {
  const auto found =
      std::ranges::find_if(attributes, [&](const auto& entry) { return entry.first == name; });
  return found == attributes.end() ? nullptr : &found->second;
}

std::string_view Operation::display_name() const {
  const Value* name = find_attribute("name");
  if (name != nullptr && name->tensor.defined() && name->tensor.dtype() == DType::string &&
      !name->tensor.strings().empty())
    return name->tensor.strings()[0];
  return outputs.empty() ? std::string_view(type) : std::string_view(outputs[0].name);
}

const Function* Program::find_function(std::string_view name) const {
  const auto found = std::ranges::find(functions, name, &Function::name);
  return found == functions.end() ? nullptr : &*found;
}

std::string Diagnostic::to_string() const {
  std::string text = function;
  if (!operation.empty()) text += fmt::format(": op {} '{}'", operation_index, operation);
  return fmt::format("{}{}{}  [{}]", text, text.empty() ? "" : ": ", message, constraint);
}

int opset_number(std::string_view opset) {
  struct Entry {
    std::string_view name;
    int number;
  };
  constexpr Entry kOpsets[] = {{"CoreML5", 15}, {"CoreML6", 16}, {"CoreML7", 17}, {"CoreML8", 18},
                               {"CoreML9", 26}, {"ios15", 15},   {"ios16", 16},   {"ios17", 17},
                               {"ios18", 18},   {"ios26", 26}};
  for (const Entry& entry : kOpsets)
    if (entry.name == opset) return entry.number;
  return 0;
}

}  // namespace anemone::mil
