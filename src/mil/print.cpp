#include <fmt/format.h>

#include "mil/text_elements.h"
#include "mil/type.h"

namespace anemone::mil {
namespace {

using Attributes = std::vector<std::pair<std::string, Value>>;

std::string name_text(std::string_view name) {
  return is_plain_name(name) ? std::string(name) : quote(name);
}

class Printer {
 public:
  explicit Printer(int64_t max_elements) : max_elements_(max_elements) {}

  std::string print(const Program& program) &&;

 private:
  void put(std::string_view text) { text_ += text; }
  void put_typed_names(const std::vector<NamedType>& names);
  void put_names(const std::vector<std::string>& names);
  void put_attributes(const Attributes& attributes);
  void put_literal(const Value& value);
  void put_body(const Value& value);
  void put_elements(const Tensor& tensor, size_t axis, int64_t& next);
  void put_binding(const Binding& binding);
  void put_argument(const Argument& argument);
  void put_operation(const Operation& operation, size_t indent);
  void put_block_body(const Block& block, size_t indent, size_t closing_indent);
  void put_function(const Function& function);

  std::string text_;
  int64_t max_elements_;
};

void Printer::put_typed_names(const std::vector<NamedType>& names) {
  for (size_t i = 0; i < names.size(); ++i) {
    if (i > 0) put(", ");
    put(to_string(names[i].type));
    put(" ");
    put(name_text(names[i].name));
  }
}

void Printer::put_names(const std::vector<std::string>& names) {
  for (size_t i = 0; i < names.size(); ++i) {
    if (i > 0) put(", ");
    put(name_text(names[i]));
  }
}

void Printer::put_attributes(const Attributes& attributes) {
  if (attributes.empty()) return;
  put("[");
  for (size_t i = 0; i < attributes.size(); ++i) {
    if (i > 0) put(", ");
    put(name_text(attributes[i].first));
    put(" = ");
    put_literal(attributes[i].second);
  }
  put("]");
}

void Printer::put_literal(const Value& value) {
  put(to_string(value.type));
  put("(");
  put_body(value);
  put(")");
}

void Printer::put_body(const Value& value) {
  const auto put_all = [&](std::string_view open, std::string_view close) {
    put(open);
    for (size_t i = 0; i < value.elements.size(); ++i) {
      if (i > 0) put(", ");
      put_body(value.elements[i]);
    }
    put(close);
  };
  if (value.blob != nullptr) {
    put(fmt::format("BLOBFILE(path = string({}), offset = uint64({}))", quote(value.blob->path),
                    value.blob->offset_bytes));
    return;
  }
  switch (value.type.kind) {
    case ValueType::Kind::tensor:
      if (!value.tensor.defined() ||
          (max_elements_ >= 0 && value.tensor.element_count() > max_elements_)) {
        put("...");
      } else {
        int64_t next = 0;
        put_elements(value.tensor, 0, next);
      }
      return;
    case ValueType::Kind::list:
      return put_all("[", "]");
    case ValueType::Kind::tuple:
      return put_all("(", ")");
    case ValueType::Kind::state:
      put("...");
      return;
    case ValueType::Kind::dictionary:
      break;
  }
  put("{");
  for (size_t i = 0; i < value.entries.size(); ++i) {
    if (i > 0) put(", ");
    put("{");
    put_body(value.entries[i].first);
    put(", ");
    put_body(value.entries[i].second);
    put("}");
  }
  put("}");
}

void Printer::put_elements(const Tensor& tensor, size_t axis, int64_t& next) {
  const Shape& shape = tensor.shape();
  if (axis == shape.rank()) {
    put(element_text(tensor, next++));
    return;
  }
  put("[");
  for (int64_t i = 0; i < shape[axis] && tensor.element_count() > 0; ++i) {
    if (i > 0) put(", ");
    put_elements(tensor, axis + 1, next);
  }
  put("]");
}

void Printer::put_binding(const Binding& binding) {
  if (binding.is_name())
    put(name_text(binding.name()));
  else
    put_literal(binding.value());
}

void Printer::put_argument(const Argument& argument) {
  put(name_text(argument.parameter));
  put(" = ");
  const bool tuple = argument.is_tuple || argument.bindings.size() != 1;
  if (tuple) put("(");
  for (size_t i = 0; i < argument.bindings.size(); ++i) {
    if (i > 0) put(", ");
    put_binding(argument.bindings[i]);
  }
  if (tuple) put(")");
}

void Printer::put_operation(const Operation& operation, size_t indent) {
  put(std::string(indent, ' '));
  put_typed_names(operation.outputs);
  if (!operation.outputs.empty()) put(" = ");
  put(name_text(operation.type));
  put("(");
  for (size_t i = 0; i < operation.inputs.size(); ++i) {
    if (i > 0) put(", ");
    put_argument(operation.inputs[i]);
  }
  put(")");
  put_attributes(operation.attributes);
  for (const Block& block : operation.blocks) {
    put(" (");
    put_typed_names(block.inputs);
    put(")");
    put_block_body(block, indent + 4, indent);
  }
  put(";\n");
}

void Printer::put_block_body(const Block& block, size_t indent, size_t closing_indent) {
  put(" {\n");
  for (const Operation& operation : block.operations) put_operation(operation, indent);
  put(std::string(closing_indent, ' '));
  put("} -> (");
  put_names(block.outputs);
  put(")");
  put_attributes(block.attributes);
}

void Printer::put_function(const Function& function) {
  const int opset = opset_number(function.opset);
  put("    func ");
  put(name_text(function.name));
  put("<");
  put(opset == 0 ? name_text(function.opset) : fmt::format("ios{}", opset));
  put(">(");
  put_typed_names(function.inputs);
  put(")");
  if (!function.attributes.empty()) put(" ");
  put_attributes(function.attributes);
  put_block_body(function.block, 12, 8);
  put(";\n");
}

std::string Printer::print(const Program& program) && {
  put(fmt::format("program({}.3)\n", program.version));
  if (!program.attributes.empty()) {
    put_attributes(program.attributes);
    put("\n");
  }
  put("{\n");
  for (const Function& function : program.functions) put_function(function);
  put("}\n");
  return std::move(text_);
}

}  // namespace

std::string print(const Program& program, int64_t max_elements) {
  return Printer(max_elements).print(program);
}

}  // namespace anemone::mil
