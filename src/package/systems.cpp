#include "anemone/systems.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <set>

#include "mil/op.h"

namespace anemone::package {
namespace {

struct System {
  int64_t version;  ///< of the specification.
  int opset;        ///< the number of iOS.
  std::string_view ios;
  std::string_view macos;
};
/// coremltools, docs "Core ML specification version" (_SPECIFICATION_VERSION_IOS_15 …).
constexpr std::array<System, 5> kSystems = {{{6, 15, "15", "12"},
                                             {7, 16, "16", "13"},
                                             {8, 17, "17", "14"},
                                             {9, 18, "18", "15"},
                                             {10, 26, "26", "26"}}};

int64_t version_of_opset(int opset) {
  const auto found = std::ranges::find(kSystems, opset, &System::opset);
  return found == kSystems.end() ? 0 : found->version;
}

/// Ops by the opset that they came with.
void collect(const mil::Block& block, std::map<int, std::set<std::string>>& ops) {
  for (const mil::Operation& operation : block.operations) {
    if (const mil::OpDef* known = mil::find_op(operation.type))
      ops[known->first_opset].insert(operation.type);
    for (const mil::Block& nested : operation.blocks) collect(nested, ops);
  }
}

class Needs {
 public:
  void add(int64_t version, std::string reason) {
    if (version < version_) return;
    if (version > version_) reasons_.clear();
    version_ = version;
    if (std::ranges::find(reasons_, reason) == reasons_.end())
      reasons_.push_back(std::move(reason));
  }
  int64_t version() const { return version_; }
  std::vector<std::string> reasons() && { return std::move(reasons_); }

 private:
  int64_t version_ = 0;
  std::vector<std::string> reasons_;
};

void add_features(const std::vector<Feature>& features, Needs& needs) {
  for (const Feature& feature : features) {
    const bool is_array = feature.kind == Feature::Kind::multi_array;
    if (is_array && feature.dtype == DType::fp16)
      needs.add(7, fmt::format("{} is fp16", feature.name));
    if (is_array && feature.dtype == DType::int8)
      needs.add(10, fmt::format("{} is int8", feature.name));
  }
}

}  // namespace

std::optional<Systems> systems_of(const Package& package) {
  Needs needs;
  std::map<int, std::set<std::string>> ops;
  for (const mil::Function& function : package.program.functions) {
    const int opset = mil::opset_number(function.opset);
    needs.add(version_of_opset(opset), fmt::format("opset of iOS {}", opset));
    collect(function.block, ops);
  }
  for (const auto& [opset, names] : ops)
    needs.add(version_of_opset(opset),
              fmt::format("ops of iOS {}: {}", opset, fmt::join(names, ", ")));
  if (package.functions.size() > 1) needs.add(9, "several functions");
  for (const FunctionDescription& function : package.functions) {
    if (!function.states.empty()) needs.add(9, "states");
    add_features(function.inputs, needs);
    add_features(function.outputs, needs);
  }
  if (package.specification_version > needs.version())
    needs.add(package.specification_version,
              fmt::format("declared specification version {}", package.specification_version));
  const auto found = std::ranges::find(kSystems, needs.version(), &System::version);
  if (found == kSystems.end()) return std::nullopt;
  return Systems{found->ios, found->macos, std::move(needs).reasons()};
}

}  // namespace anemone::package
