#include "coreml/plan_document.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace anemone::coreml {
namespace {

TEST(PlanDocument, HasTheKeysOfItsPage) {
  const std::vector<PlannedFunction> functions = {
      {"main",
       {{"conv", {"y"}, "neural_engine", {"cpu", "neural_engine"}, 0.75},
        {"const", {"w"}, "", {}, {}}}}};
  const auto document =
      nlohmann::json::parse(plan_document({.model = "m.mlpackage",
                                           .device = "Mac16,9",
                                           .operating_system = "macOS 15.5",
                                           .compute_units = runtime::ComputeUnits::cpu_ane},
                                          functions));
  const auto expected = nlohmann::json::parse(R"({
    "format": "anemone-compute-plan", "version": 1, "model": "m.mlpackage", "device": "Mac16,9",
    "operating_system": "macOS 15.5", "compute_units": "cpu-ane",
    "functions": [{"name": "main", "operations": [
      {"type": "conv", "outputs": ["y"], "preferred": "neural_engine",
       "supported": ["cpu", "neural_engine"], "cost": 0.75},
      {"type": "const", "outputs": ["w"], "preferred": null, "supported": [], "cost": null}]}]})");
  EXPECT_EQ(document, expected);
}

TEST(PlanDocument, TheSystemIsNamedByItsRelease) {
  EXPECT_EQ(release_of("Version 15.5 (Build 24F74)"), "15.5");
  EXPECT_EQ(release_of("15.5.1"), "15.5.1");
  EXPECT_EQ(release_of("unknown"), "unknown");
}

}  // namespace
}  // namespace anemone::coreml
