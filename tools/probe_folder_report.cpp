#include "probe_folder_report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "simulated_heading.h"
#include "terminal.h"

namespace anemone::tools {
namespace {

using Json = nlohmann::ordered_json;

std::string_view verdict(bool passed) { return passed ? "passed" : "failed"; }

/// The point with the largest relative error, of which no number is the worst; null where all have
/// other shapes.
const probe::PointError* worst(const probe::Report& report) {
  const auto found = std::ranges::max_element(report.points, {}, [](const probe::PointError& each) {
    return std::isnan(each.relative) ? std::numeric_limits<double>::infinity() : each.relative;
  });
  return found == report.points.end() ? nullptr : &*found;
}

/// The first point over tolerance.
std::string first_over(const probe::Report& report) {
  return report.first_over ? report.points[*report.first_over].name : "";
}

std::string check_text(const ProbedArtifact& artifact) {
  return fmt::format(
      "  check: {}: {}, {}{}\n", verdict(artifact.errors == 0), counted(artifact.errors, "error"),
      counted(artifact.warnings, "warning"),
      artifact.rules.empty() ? "" : fmt::format(" ({})", fmt::join(artifact.rules, " ")));
}

std::string parity_text(const ProbedArtifact& artifact) {
  if (!artifact.parity) return fmt::format("  probe: failed: {}\n", artifact.failure);
  const probe::Report& report = *artifact.parity;
  std::string text = fmt::format("  probe: {}: {}", verdict(report.passed()),
                                 counted(report.points.size(), "point"));
  if (artifact.tokens > 0) text += " of " + counted(artifact.tokens, "token");
  if (const probe::PointError* point = worst(report))
    text += fmt::format(", relative error {:.3g} at most ({})", point->relative, point->name);
  if (report.top1_agreement)
    text += fmt::format(", the same likeliest token at {:.1f} %", *report.top1_agreement * 100);
  if (report.first_over) text += ", first over tolerance: " + first_over(report);
  if (const auto& points = report.shapes_differ; !points.empty())
    text += fmt::format(", {} of other shape: {}{}", counted(points.size(), "point"),
                        points.front(), points.size() > 1 ? " …" : "");
  if (!report.skipped.empty()) text += fmt::format(", {} not compared", report.skipped.size());
  return text + '\n';
}

Json number(const std::optional<double>& value) {
  return value && std::isfinite(*value) ? Json(*value) : Json(nullptr);
}

Json to_json(const ProbedArtifact& artifact) {
  Json json = {{"path", artifact.path},
               {"form", artifact.form},
               {"passed", artifact.passed()},
               {"check",
                {{"passed", artifact.errors == 0},
                 {"errors", artifact.errors},
                 {"warnings", artifact.warnings},
                 {"rules", artifact.rules}}},
               {"probe", nullptr},
               {"probe_error", artifact.parity ? Json(nullptr) : Json(artifact.failure)}};
  if (!artifact.parity) return json;
  const probe::Report& report = *artifact.parity;
  const probe::PointError* const point = worst(report);
  json["probe"] = {
      {"passed", report.passed()},
      {"tokens", artifact.tokens > 0 ? Json(artifact.tokens) : Json(nullptr)},
      {"points", report.points.size()},
      {"not_compared", report.skipped},
      {"shapes_differ", report.shapes_differ},
      {"relative_error", point == nullptr ? Json(nullptr) : number(point->relative)},
      {"first_over_tolerance", report.first_over ? Json(first_over(report)) : Json(nullptr)},
      {"top1_agreement", number(report.top1_agreement)},
      {"kl_divergence", number(report.kl_divergence)}};
  return json;
}

Json paths(const std::vector<std::filesystem::path>& all) {
  Json json = Json::array();
  for (const std::filesystem::path& path : all) json.push_back(path.string());
  return json;
}

bool any_simulated(const std::vector<ProbedArtifact>& artifacts) {
  return std::ranges::any_of(artifacts, &ProbedArtifact::simulated);
}

}  // namespace

std::string probe_folder_text(const std::vector<ProbedArtifact>& artifacts,
                              const PassedOver& passed_over) {
  std::string text(any_simulated(artifacts) ? kSimulatedHeading : "");
  size_t passed = 0;
  for (const ProbedArtifact& artifact : artifacts) {
    text += fmt::format("{}: {}\n", artifact.path, verdict(artifact.passed()));
    text += check_text(artifact) + parity_text(artifact);
    passed += artifact.passed();
  }
  for (const std::filesystem::path& checkpoint : passed_over.checkpoints)
    text += fmt::format("not probed: {}, a checkpoint\n", checkpoint.string());
  for (const std::filesystem::path& link : passed_over.links)
    text += fmt::format("not followed: {}, a link to a folder outside\n", link.string());
  return text + fmt::format("{}: {} passed, {} failed\n", counted(artifacts.size(), "artifact"),
                            passed, artifacts.size() - passed);
}

std::string probe_folder_json(const std::vector<ProbedArtifact>& artifacts,
                              const PassedOver& passed_over, const ProbeFlags& flags) {
  Json json = {
      {"version", 1},
      {"folder", flags.model.model},
      {"reference", flags.reference},
      {"tolerance", {{"relative_error", flags.tolerance.relative}, {"mse", flags.tolerance.mse}}},
      {"simulated", any_simulated(artifacts)},
      {"passed", std::ranges::all_of(artifacts, &ProbedArtifact::passed)},
      {"checkpoints_not_probed", paths(passed_over.checkpoints)},
      {"links_not_followed", paths(passed_over.links)},
      {"artifacts", Json::array()}};
  for (const ProbedArtifact& artifact : artifacts) json["artifacts"].push_back(to_json(artifact));
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
}

}  // namespace anemone::tools
