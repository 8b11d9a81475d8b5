#include "check_report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <span>

#include "simulation_report.h"
#include "terminal.h"

namespace anemone::tools {
namespace {

using Json = nlohmann::ordered_json;

std::string dumped(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string summary(const ane::CheckReport& report) {
  return fmt::format("{}, {}, {}", counted(report.count(ane::Severity::error), "error"),
                     counted(report.count(ane::Severity::warning), "warning"),
                     counted(report.count(ane::Severity::note), "note"));
}

bool same_line(const ane::Finding& a, const ane::Finding& b) {
  return a.rule == b.rule && a.severity == b.severity && a.artifact == b.artifact &&
         a.package == b.package && a.chips == b.chips &&
         a.operation_type.empty() == b.operation_type.empty() &&
         (!a.operation_type.empty() || a.operand == b.operand);
}

std::string chips_text(const std::vector<std::string_view>& chips) {
  constexpr size_t kShown = 4;
  if (chips.empty()) return "";
  const auto shown = std::span(chips).first(std::min(chips.size(), kShown));
  const size_t more = chips.size() - shown.size();
  return fmt::format(" [{}{}]", fmt::join(shown, " "),
                     more > 0 ? fmt::format(" and {} more", more) : "");
}

using FunctionCounts = std::vector<std::pair<std::string_view, size_t>>;

void count_in(FunctionCounts& functions, std::string_view function) {
  const auto own = std::ranges::find(functions, function, &FunctionCounts::value_type::first);
  if (own == functions.end())
    functions.emplace_back(function, 1);
  else
    ++own->second;
}

/// " (and 20 more; prefill: 20)": those of the first function, of which one is told, then others'.
std::string more_text(const FunctionCounts& functions) {
  constexpr size_t kShown = 3;
  std::string text;
  if (functions[0].second > 1) text = fmt::format("and {} more", functions[0].second - 1);
  for (size_t i = 1; i < std::min(functions.size(), kShown + 1); ++i)
    text +=
        fmt::format("{}{}: {}", text.empty() ? "" : "; ", functions[i].first, functions[i].second);
  if (functions.size() > kShown + 1)
    text += fmt::format("; and {} more functions", functions.size() - kShown - 1);
  return text.empty() ? "" : " (" + text + ")";
}

/// The lines of one artifact and one severity.
std::string lines_of(const ane::CheckReport& report, const ane::CheckedArtifact& artifact,
                     ane::Severity severity) {
  struct Line {
    const ane::Finding* first;
    FunctionCounts functions;
  };
  std::vector<Line> lines;
  for (const ane::Finding& finding : report.findings) {
    if (finding.artifact != artifact.path || finding.severity != severity) continue;
    const auto same = std::ranges::find_if(
        lines, [&](const Line& line) { return same_line(*line.first, finding); });
    if (same == lines.end())
      lines.push_back({&finding, {{finding.function, 1}}});
    else
      count_in(same->functions, finding.function);
  }
  std::string text;
  for (const auto& [finding, functions] : lines) {
    const std::string place = finding->place();
    text += fmt::format("  {:<8} {:<24} {}{}{}", to_string(severity), finding->rule, place,
                        place.empty() ? "" : ": ", finding->message);
    text += more_text(functions);
    text += chips_text(finding->chips) + "\n";
  }
  return text;
}

Json to_json(const ane::RuleInfo& rule) {
  return {{"id", rule.id},
          {"family", to_string(rule.family)},
          {"severity", to_string(rule.severity)},
          {"chips", rule.chips},
          {"explanation", rule.explanation},
          {"fix", rule.fix},
          {"source", rule.source}};
}

Json to_json(const ane::Finding& finding) {
  const auto or_null = [](const std::string& text) { return text.empty() ? Json() : Json(text); };
  return {{"rule", finding.rule},
          {"severity", to_string(finding.severity)},
          {"artifact", finding.artifact.string()},
          {"package", or_null(finding.package)},
          {"function", or_null(finding.function)},
          {"operation", or_null(finding.operation)},
          {"operation_type", or_null(finding.operation_type)},
          {"operation_index", finding.operation_index < 0 ? Json() : Json(finding.operation_index)},
          {"operand", or_null(finding.operand)},
          {"value", or_null(finding.value)},
          {"message", finding.message},
          {"chips", finding.chips.empty() ? Json("all") : Json(finding.chips)}};
}

}  // namespace

bool is_built(const ane::CheckedArtifact& artifact) { return artifact.form == "checkpoint"; }

std::string check_text(const ane::CheckReport& report,
                       const std::vector<ArtifactForecast>& forecasts, bool verbose) {
  std::string text;
  for (size_t i = 0; i < report.artifacts.size(); ++i) {
    const ane::CheckedArtifact& artifact = report.artifacts[i];
    text += fmt::format("{}: {}", artifact.path.string(), artifact.form);
    if (!artifact.packages.empty()) text += ", " + counted(artifact.packages.size(), "package");
    text += fmt::format("; predicted: {} suit the Neural Engine, {} do not, {} not measured\n",
                        counted(artifact.ops.suited, "op"), artifact.ops.unsuited,
                        artifact.ops.unmeasured);
    if (is_built(artifact))
      text += "  the programs are those that anemone convert makes of it by default\n";
    text += lines_of(report, artifact, ane::Severity::error);
    text += lines_of(report, artifact, ane::Severity::warning);
    if (verbose) text += lines_of(report, artifact, ane::Severity::note);
    text += forecast_text(forecasts[i], verbose);
  }
  if (report.folders > 0)
    text += fmt::format("looked into {}: {}\n", counted(report.folders, "folder"),
                        counted(report.artifacts.size(), "artifact"));
  for (const std::filesystem::path& link : report.links_not_followed)
    text += fmt::format("not followed: {}, a link to a folder outside\n", link.string());
  for (const ane::NotJudged& one : report.not_judged)
    text += fmt::format("not judged: {}\n", one.reason);
  const bool hidden = !verbose && report.count(ane::Severity::note) > 0;
  return text + summary(report) + (hidden ? " (-v shows notes)\n" : "\n");
}

std::string check_json(const ane::CheckReport& report,
                       const std::vector<ArtifactForecast>& forecasts,
                       const std::optional<simulate::Report>& simulation,
                       const DeviceRecords& records, const std::vector<Error>& failures) {
  Json json = {{"version", 1},
               {"predicted", true},
               {"chips", report.chips},
               {"passed", failures.empty()},
               {"failures", Json::array()},
               {"errors", report.count(ane::Severity::error)},
               {"warnings", report.count(ane::Severity::warning)},
               {"notes", report.count(ane::Severity::note)},
               {"folders", report.folders > 0 ? Json(report.folders) : Json()},
               {"links_not_followed", Json::array()},
               {"not_judged", Json::array()},
               {"artifacts", Json::array()},
               {"findings", Json::array()},
               {"simulation", simulation ? simulation_json(*simulation) : Json()},
               {"records", records_json(records)}};
  for (const Error& failure : failures) json["failures"].push_back(failure.to_string());
  for (const std::filesystem::path& link : report.links_not_followed)
    json["links_not_followed"].push_back(link.string());
  for (const ane::NotJudged& one : report.not_judged)
    json["not_judged"].push_back({{"path", one.path.string()}, {"reason", one.reason}});
  for (size_t i = 0; i < report.artifacts.size(); ++i) {
    const ane::CheckedArtifact& artifact = report.artifacts[i];
    json["artifacts"].push_back({{"path", artifact.path.string()},
                                 {"form", artifact.form},
                                 {"built", is_built(artifact)},
                                 {"packages", artifact.packages},
                                 {"ops",
                                  {{"suited", artifact.ops.suited},
                                   {"unsuited", artifact.ops.unsuited},
                                   {"unmeasured", artifact.ops.unmeasured}}},
                                 {"forecast", forecast_json(forecasts[i])}});
  }
  for (const ane::Finding& finding : report.findings) {
    Json entry = to_json(finding);
    for (const ane::RuleInfo& rule : ane::rules())
      if (rule.id == finding.rule) entry["fix"] = rule.fix;
    json["findings"].push_back(std::move(entry));
  }
  return dumped(json);
}

std::string rule_text(const ane::RuleInfo& rule) {
  return fmt::format("{}: {}, {}\n{}\n  chips:  {}\n  fix:    {}\n  source: {}\n", rule.id,
                     to_string(rule.severity), to_string(rule.family), rule.explanation, rule.chips,
                     rule.fix, rule.source);
}

std::string rule_json(const ane::RuleInfo& rule) {
  Json json = {{"version", 1}};
  json.update(to_json(rule));
  return dumped(json);
}

std::string rules_text() {
  std::string text;
  for (const ane::RuleInfo& rule : ane::rules())
    text += fmt::format("{:<26} {:<9} {:<8} {}\n", rule.id, to_string(rule.family),
                        to_string(rule.severity), rule.explanation);
  return text;
}

std::string rules_json() {
  Json json = {{"version", 1}, {"rules", Json::array()}};
  for (const ane::RuleInfo& rule : ane::rules()) json["rules"].push_back(to_json(rule));
  return dumped(json);
}

std::string rules_markdown() {
  const auto cell = [](std::string_view text) {
    std::string escaped;
    for (const char c : text) escaped += c == '|' ? std::string("\\|") : std::string(1, c);
    return escaped;
  };
  std::string text =
      "| rule | severity | chips | what it finds | what to do | source |\n"
      "| --- | --- | --- | --- | --- | --- |\n";
  for (const ane::RuleInfo& rule : ane::rules())
    text += fmt::format("| `{}` | {}, {} | {} | {} | {} | {} |\n", rule.id, to_string(rule.family),
                        to_string(rule.severity), cell(rule.chips), cell(rule.explanation),
                        cell(rule.fix), cell(rule.source));
  return text;
}

}  // namespace anemone::tools
