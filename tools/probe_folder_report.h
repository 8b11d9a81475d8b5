#pragma once

#include <optional>
#include <string>
#include <vector>

#include "anemone/probe.h"
#include "probe_side.h"

namespace anemone::tools {

/// What the rules and the parity with the reference say of one artifact of a folder.
struct ProbedArtifact {
  std::string path;
  std::string form;
  size_t errors = 0;
  size_t warnings = 0;
  std::vector<std::string> rules;  ///< of the errors, each once.
  size_t tokens = 0;
  bool simulated = false;  ///< it, or the reference, ran in Numerics::ane.
  std::optional<probe::Report> parity;
  std::string failure;  ///< why there is no parity.
  bool passed() const { return errors == 0 && parity && parity->passed(); }
};

/// What is in a folder and was not probed.
struct PassedOver {
  std::vector<std::filesystem::path> checkpoints;
  std::vector<std::filesystem::path> links;  ///< to folders outside.
};

/// Three lines for each artifact, what was passed over, and how many passed.
std::string probe_folder_text(const std::vector<ProbedArtifact>& artifacts,
                              const PassedOver& passed_over);
/// The same as one JSON document, with the keys of docs/probe.md.
std::string probe_folder_json(const std::vector<ProbedArtifact>& artifacts,
                              const PassedOver& passed_over, const ProbeFlags& flags);

}  // namespace anemone::tools
