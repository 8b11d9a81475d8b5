#pragma once

#include <filesystem>

#include "probe_side.h"

namespace anemone::tools {

/// Whether the path is a folder that is no model, package or checkpoint itself.
bool is_artifact_folder(const std::filesystem::path& path);

/// Checks every artifact below the folder by the rules of `anemone check`, probes it against the
/// reference, and says of each whether it passed both. Errors: invalid_argument (flags of one
/// model), mismatch (an artifact failed), and those of the reference and of ane::check.
Status probe_folder(const ProbeFlags& flags, const CommonFlags& common);

}  // namespace anemone::tools
