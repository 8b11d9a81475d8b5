#pragma once

#include <optional>
#include <string>
#include <vector>

#include "anemone/check.h"
#include "anemone/simulate.h"
#include "command.h"
#include "forecast_report.h"
#include "records_report.h"

/// The results of `anemone check` as text, JSON and SARIF, and its rules as text and Markdown.
namespace anemone::tools {

/// Whether the programs were built in memory, of a checkpoint.
bool is_built(const ane::CheckedArtifact& artifact);

/// Findings of one rule in one package are one line, with their number in each function. Notes and
/// long lists only when `verbose`. Forecasts are in the order of the artifacts.
std::string check_text(const ane::CheckReport& report,
                       const std::vector<ArtifactForecast>& forecasts, bool verbose);

/// One document; `passed` says whether there are no `failures`: what --strict does not let pass,
/// what --min-ane asks for and is not there, and models that were named and could not be opened.
std::string check_json(const ane::CheckReport& report,
                       const std::vector<ArtifactForecast>& forecasts,
                       const std::optional<simulate::Report>& simulation,
                       const DeviceRecords& records, const std::vector<Error>& failures);

/// SARIF 2.1.0 (OASIS, 2020-03-27): a log of one run with all rules.
std::string check_sarif(const ane::CheckReport& report);

std::string rule_text(const ane::RuleInfo& rule);
std::string rule_json(const ane::RuleInfo& rule);
std::string rules_text();
std::string rules_json();
std::string rules_markdown();

}  // namespace anemone::tools
