#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "anemone/version.h"
#include "check_report.h"

namespace anemone::tools {
namespace {

using Json = nlohmann::ordered_json;

/// Reserved characters of a path as SARIF's URI references want them (RFC 3986).
std::string uri_of(const std::filesystem::path& path) {
  constexpr std::string_view kPlain = "-._~/";
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string uri;
  for (const char c : path.generic_string()) {
    const auto byte = static_cast<unsigned char>(c);
    const bool alnum = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    if (alnum || kPlain.find(c) != std::string_view::npos)
      uri += c;
    else
      uri += {'%', kHex[byte >> 4], kHex[byte & 15]};
  }
  return path.is_absolute() ? "file://" + uri : uri;
}

Json text(std::string_view words) { return {{"text", words}}; }

Json to_sarif(const ane::RuleInfo& rule) {
  return {{"id", rule.id},
          {"shortDescription", text(rule.explanation)},
          {"help", text(rule.fix)},
          {"defaultConfiguration", {{"level", to_string(rule.severity)}}},
          {"properties",
           {{"family", to_string(rule.family)}, {"chips", rule.chips}, {"source", rule.source}}}};
}

/// Packages of a model in memory are no files: their place is the model, and their name goes with
/// the function's.
Json location_of(const ane::Finding& finding, bool is_built) {
  std::filesystem::path path = finding.artifact;
  if (!finding.package.empty() && !is_built) path /= finding.package;
  Json location = {{"physicalLocation", {{"artifactLocation", {{"uri", uri_of(path)}}}}}};
  if (!finding.function.empty()) {
    std::string name = is_built ? finding.package + "/" + finding.function : finding.function;
    if (!finding.operation.empty()) name += "/" + finding.operation;
    location["logicalLocations"] = {{{"fullyQualifiedName", name},
                                     {"kind", finding.operation.empty() ? "function" : "member"}}};
  }
  return location;
}

}  // namespace

std::string check_sarif(const ane::CheckReport& report) {
  Json rules = Json::array();
  std::map<std::string_view, size_t> indices;
  for (const ane::RuleInfo& rule : ane::rules()) {
    indices[rule.id] = rules.size();
    rules.push_back(to_sarif(rule));
  }
  Json results = Json::array();
  for (const ane::Finding& finding : report.findings) {
    const auto artifact =
        std::ranges::find(report.artifacts, finding.artifact, &ane::CheckedArtifact::path);
    const bool built = artifact != report.artifacts.end() && is_built(*artifact);
    Json properties = Json::object();
    if (!finding.operand.empty()) properties["operand"] = finding.operand;
    if (!finding.value.empty()) properties["value"] = finding.value;
    if (!finding.chips.empty()) properties["chips"] = finding.chips;
    results.push_back({{"ruleId", finding.rule},
                       {"ruleIndex", indices.at(finding.rule)},
                       {"level", to_string(finding.severity)},
                       {"message", text(finding.message)},
                       {"locations", {location_of(finding, built)}},
                       {"properties", std::move(properties)}});
  }
  const Json log = {
      {"$schema", "https://json.schemastore.org/sarif-2.1.0.json"},
      {"version", "2.1.0"},
      {"runs",
       {{{"tool",
          {{"driver",
            {{"name", "anemone check"}, {"version", version()}, {"rules", std::move(rules)}}}}},
         {"properties", {{"predicted", true}}},
         {"results", std::move(results)}}}}};
  return log.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace anemone::tools
