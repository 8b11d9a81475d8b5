#include "package/write_program.h"

#include <algorithm>

#include "package/wire_fields.h"
#include "package/write_type.h"
#include "package/write_value.h"

namespace anemone::package {
namespace {

using mil::NamedType;
using mil::Value;

/// Entries of a map are messages of key and value.
template <typename Fill>
void add_entry(Writer& parent, uint32_t tag, const std::string& key, Fill&& fill) {
  add_message(parent, tag, [&](Writer& entry) {
    entry.add_string(wire::MapEntry::key, key);
    add_message(entry, wire::MapEntry::value, fill);
  });
}

/// The elements of `items` in the order of their names: the program may not have been read.
template <typename Item, typename Name>
std::vector<const Item*> sorted(const std::vector<Item>& items, Name name) {
  std::vector<const Item*> order;
  for (const Item& item : items) order.push_back(&item);
  std::ranges::stable_sort(
      order, {}, [&](const Item* item) -> const std::string& { return std::invoke(name, *item); });
  return order;
}

class ProgramWriter {
 public:
  explicit ProgramWriter(const WeightPlan& plan) : plan_(plan) {}

  void program(Writer& message, const mil::Program& program) const {
    message.add_int64(wire::Program::version, program.version);
    for (const mil::Function* function : sorted(program.functions, &mil::Function::name))
      add_entry(message, wire::Program::functions, function->name,
                [&](Writer& inner) { write_function(inner, *function); });
    add_text(message, wire::Program::docString, program.doc);
    add_attributes(message, wire::Program::attributes, program.attributes);
  }

 private:
  using Attributes = std::vector<std::pair<std::string, Value>>;

  void write_function(Writer& message, const mil::Function& function) const {
    for (const NamedType& input : function.inputs)
      add_named_type(message, wire::Function::inputs, input);
    message.add_string(wire::Function::opset, function.opset);
    add_entry(message, wire::Function::block_specializations, function.opset,
              [&](Writer& inner) { write_block(inner, function.block); });
    add_attributes(message, wire::Function::attributes, function.attributes);
  }

  void write_block(Writer& message, const mil::Block& block) const {
    for (const NamedType& input : block.inputs) add_named_type(message, wire::Block::inputs, input);
    for (const std::string& output : block.outputs)
      message.add_string(wire::Block::outputs, output);
    for (const mil::Operation& operation : block.operations)
      add_message(message, wire::Block::operations,
                  [&](Writer& inner) { write_operation(inner, operation); });
    add_attributes(message, wire::Block::attributes, block.attributes);
  }

  void write_operation(Writer& message, const mil::Operation& operation) const {
    message.add_string(wire::Operation::type, operation.type);
    for (const mil::Argument* input : sorted(operation.inputs, &mil::Argument::parameter))
      add_entry(message, wire::Operation::inputs, input->parameter, [&](Writer& argument) {
        for (const mil::Binding& binding : input->bindings) add_binding(argument, binding);
      });
    for (const NamedType& output : operation.outputs)
      add_named_type(message, wire::Operation::outputs, output);
    for (const mil::Block& block : operation.blocks)
      add_message(message, wire::Operation::blocks,
                  [&](Writer& inner) { write_block(inner, block); });
    add_attributes(message, wire::Operation::attributes, operation.attributes);
  }

  void add_binding(Writer& argument, const mil::Binding& binding) const {
    add_message(argument, wire::Argument::arguments, [&](Writer& message) {
      if (binding.is_name()) return message.add_string(wire::Binding::name, binding.name());
      add_message(message, wire::Binding::value,
                  [&](Writer& value) { write_value(value, binding.value(), plan_); });
    });
  }

  void add_attributes(Writer& parent, uint32_t tag, const Attributes& attributes) const {
    for (const auto* attribute : sorted(attributes, &Attributes::value_type::first))
      add_entry(parent, tag, attribute->first,
                [&](Writer& value) { write_value(value, attribute->second, plan_); });
  }

  static void add_named_type(Writer& parent, uint32_t tag, const NamedType& named) {
    add_message(parent, tag, [&](Writer& message) {
      message.add_string(wire::NamedValueType::name, named.name);
      add_message(message, wire::NamedValueType::type,
                  [&](Writer& type) { write_value_type(type, named.type); });
    });
  }

  const WeightPlan& plan_;
};

}  // namespace

void write_program(Writer& message, const mil::Program& program, const WeightPlan& plan) {
  ProgramWriter(plan).program(message, program);
}

}  // namespace anemone::package
