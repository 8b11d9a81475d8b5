#pragma once

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "anemone/model.h"
#include "anemone/package.h"
#include "anemone/passes.h"
#include "anemone/program.h"
#include "anemone/state_report.h"
#include "command.h"

namespace anemone::tools {

/// What a report shows beside functions, features and sizes.
struct ReportFlags {
  bool mil = false;
  bool ops = false;
  bool kernels = false;
  bool states = false;
  bool verify = false;
  bool passes = false;
  passes::Options pass_options;
};

/// What one package is, gathered once for both forms of output.
struct PackageReport {
  package::Package package;
  std::vector<package::BlobEntry> blobs;
  std::vector<passes::Report> passes;
  mil::Diagnostics faults;
  std::map<std::string, std::map<std::string, int64_t>> ops;          // by function
  std::map<std::string, std::vector<runtime::KernelChoice>> kernels;  // by function
  std::optional<runtime::StateReport> states;

  /// The program's function that the description calls `name`.
  const mil::Function* body(std::string_view name) const;
};

/// Opens the package at `path` and gathers what `flags` ask for.
Result<PackageReport> examine(const std::filesystem::path& path, const ReportFlags& flags,
                              const CommonFlags& common);

nlohmann::ordered_json to_json(const PackageReport& report, const ReportFlags& flags);

/// Lines for people, without the program.
std::string to_text(const PackageReport& report, const ReportFlags& flags);

}  // namespace anemone::tools
