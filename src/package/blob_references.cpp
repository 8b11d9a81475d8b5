#include "package/blob_references.h"

namespace anemone::package {
namespace {

using mil::Value;

void collect(const Value& value, BlobReferences& references) {
  if (value.blob) references.insert(*value.blob);
  for (const Value& element : value.elements) collect(element, references);
  for (const auto& [key, entry] : value.entries) {
    collect(key, references);
    collect(entry, references);
  }
}

void collect(const std::vector<std::pair<std::string, Value>>& attributes,
             BlobReferences& references) {
  for (const auto& [name, value] : attributes) collect(value, references);
}

void collect(const mil::Block& block, BlobReferences& references) {
  collect(block.attributes, references);
  for (const mil::Operation& operation : block.operations) {
    collect(operation.attributes, references);
    for (const mil::Argument& argument : operation.inputs)
      for (const mil::Binding& binding : argument.bindings)
        if (!binding.is_name()) collect(binding.value(), references);
    for (const mil::Block& nested : operation.blocks) collect(nested, references);
  }
}

}  // namespace

BlobReferences blob_references(const mil::Program& program) {
  BlobReferences references;
  for (const mil::Function& function : program.functions) {
    collect(function.attributes, references);
    collect(function.block, references);
  }
  return references;
}

}  // namespace anemone::package
