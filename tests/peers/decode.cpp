// Says what this project makes of the compressed weights of a package, for others to compare:
//   peers_decode IN.mlpackage WEIGHTS.npz
// WEIGHTS.npz has every result of a constexpr operation that another operation reads, by
// "function/result".

#include <iostream>
#include <set>

#include "anemone/npz.h"
#include "anemone/package.h"
#include "mil/interpret.h"

namespace {

using anemone::NamedTensor;
namespace mil = anemone::mil;

bool is_constant(const mil::Operation& operation) {
  return operation.type == "const" || operation.type.starts_with("constexpr_");
}

/// The function without all that is computed, which gives its compressed weights.
mil::Function weights_only(const mil::Function& function) {
  std::set<std::string> compressed;
  std::set<std::string> read;
  mil::Function weights = function;
  weights.inputs.clear();
  weights.block.operations.clear();
  for (const mil::Operation& operation : function.block.operations) {
    if (is_constant(operation)) {
      weights.block.operations.push_back(operation);
      if (operation.type != "const")
        for (const mil::NamedType& output : operation.outputs) compressed.insert(output.name);
      continue;
    }
    for (const mil::Argument& argument : operation.inputs)
      for (const mil::Binding& binding : argument.bindings)
        if (binding.is_name()) read.insert(binding.name());
  }
  weights.block.outputs.clear();
  for (const std::string& name : compressed)
    if (read.contains(name)) weights.block.outputs.push_back(name);
  return weights;
}

anemone::Status decode(const char* from, const char* to) {
  ANEMONE_TRY(anemone::package::Package package, anemone::package::open(from));
  std::vector<NamedTensor> decoded;
  for (mil::Function& function : package.program.functions) {
    function = weights_only(function);
    ANEMONE_TRY(const auto values, mil::interpret(package.program, function.name, {}));
    for (size_t i = 0; i < values.size(); ++i)
      decoded.push_back({function.name + "/" + function.block.outputs[i], values[i]});
  }
  return anemone::write_npz(to, decoded);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: peers_decode IN.mlpackage WEIGHTS.npz\n";
    return 2;
  }
  const anemone::Status status = decode(argv[1], argv[2]);
  if (!status.ok()) std::cerr << status.error().to_string() << "\n";
  return status.ok() ? 0 : 1;
}
