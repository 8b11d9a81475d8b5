#include "package/program_values.h"

namespace anemone::package {
namespace {

using mil::Value;
using Visit = std::function<void(const Value&, ValuePlace)>;

void walk(const Value& value, ValuePlace place, const Visit& visit) {
  visit(value, place);
  for (const Value& element : value.elements) walk(element, ValuePlace::other, visit);
  for (const auto& [key, entry] : value.entries) {
    walk(key, ValuePlace::other, visit);
    walk(entry, ValuePlace::other, visit);
  }
}

void walk(const std::vector<std::pair<std::string, Value>>& attributes, ValuePlace place,
          const Visit& visit) {
  for (const auto& [name, value] : attributes) walk(value, place, visit);
}

void walk(const mil::Block& block, const Visit& visit) {
  walk(block.attributes, ValuePlace::other, visit);
  for (const mil::Operation& operation : block.operations) {
    const bool constexpr_op = operation.type.starts_with("constexpr_");
    walk(operation.attributes, ValuePlace::weight, visit);
    for (const mil::Argument& argument : operation.inputs)
      for (const mil::Binding& binding : argument.bindings)
        if (!binding.is_name())
          walk(binding.value(), constexpr_op ? ValuePlace::weight : ValuePlace::other, visit);
    for (const mil::Block& nested : operation.blocks) walk(nested, visit);
  }
}

}  // namespace

void for_each_value(const mil::Program& program, const Visit& visit) {
  walk(program.attributes, ValuePlace::other, visit);
  for (const mil::Function& function : program.functions) {
    walk(function.attributes, ValuePlace::other, visit);
    walk(function.block, visit);
  }
}

}  // namespace anemone::package
