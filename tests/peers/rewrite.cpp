// Rewrites a package and says what is in it, for others to compare with what they read:
//   peers_rewrite IN.mlpackage OUT.mlpackage VIEW.json WEIGHTS.npz
// VIEW.json holds the description; WEIGHTS.npz every constant of IN's weight files, by
// "function/result/attribute or parameter", packed ones as bytes.

#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

#include "anemone/npz.h"
#include "anemone/package.h"

namespace {

using anemone::DType;
using anemone::NamedTensor;
using anemone::package::Feature;
using Json = nlohmann::json;

Json view(const std::vector<Feature>& features) {
  Json result = Json::array();
  for (const Feature& feature : features) {
    Json ranges = Json::array();
    for (const auto& range : feature.ranges) ranges.push_back({range.lower, range.upper});
    result.push_back({{"name", feature.name},
                      {"description", feature.description},
                      {"state", feature.kind == Feature::Kind::state},
                      {"array", feature.kind == Feature::Kind::multi_array ||
                                    feature.kind == Feature::Kind::state},
                      {"dtype", to_string(feature.dtype)},
                      {"shape", feature.shape},
                      {"enumerated_shapes", feature.enumerated_shapes},
                      {"ranges", ranges},
                      {"optional", feature.is_optional},
                      {"default", feature.default_value ? Json(*feature.default_value) : Json()}});
  }
  return result;
}

Json view(const anemone::package::Package& package) {
  Json functions = Json::object();
  for (const auto& function : package.functions)
    functions[function.name] = {{"inputs", view(function.inputs)},
                                {"outputs", view(function.outputs)},
                                {"states", view(function.states)}};
  return {{"specification_version", package.specification_version},
          {"default_function", package.default_function},
          {"metadata", package.metadata},
          {"functions", functions}};
}

class Weights {
 public:
  std::vector<NamedTensor> arrays;

  void add(const std::string& function, const anemone::mil::Block& block) {
    for (const auto& operation : block.operations) {
      const std::string prefix =
          function + "/" + (operation.outputs.empty() ? "" : operation.outputs[0].name) + "/";
      for (const auto& [name, value] : operation.attributes) add_value(prefix + name, value);
      for (const auto& input : operation.inputs)
        for (const auto& binding : input.bindings)
          if (!binding.is_name()) add_value(prefix + input.parameter, binding.value());
      for (const auto& nested : operation.blocks) add(function, nested);
    }
  }

 private:
  void add_value(const std::string& name, const anemone::mil::Value& value) {
    if (!value.blob) return;
    const bool packed = is_sub_byte(value.tensor.dtype());
    const DType bytes = value.tensor.dtype() == DType::int4 ? DType::int8 : DType::uint8;
    arrays.push_back({name, packed ? value.tensor.converted(bytes) : value.tensor});
  }
};

int failed(const anemone::Error& error) {
  std::cerr << "peers_rewrite: " << error.to_string() << "\n";
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::cerr << "peers_rewrite: IN.mlpackage OUT.mlpackage VIEW.json WEIGHTS.npz\n";
    return 2;
  }
  const auto package = anemone::package::open(argv[1]);
  if (!package.ok()) return failed(package.error());
  anemone::package::WriteOptions options;
  options.overwrite = true;
  if (const auto status = write(argv[2], *package, options); !status.ok())
    return failed(status.error());
  std::ofstream(argv[3]) << view(*package).dump(1) << "\n";
  Weights weights;
  for (const auto& function : package->program.functions)
    weights.add(function.name, function.block);
  if (const auto status = anemone::write_npz(argv[4], weights.arrays); !status.ok())
    return failed(status.error());
  return 0;
}
