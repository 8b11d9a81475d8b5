#pragma once

#include <memory>
#include <vector>

#include "ane/model_view.h"
#include "anemone/check.h"

namespace anemone::ane {

/// Opens a package or a model directory with all its packages.
/// Errors: those of package::open and open_anemll; not_found (nothing there), unsupported (a
/// checkpoint).
Result<std::unique_ptr<ModelView>> open_model(const std::filesystem::path& path);

/// The same of a package in memory.
std::unique_ptr<ModelView> view_of(const package::Package& package);
std::unique_ptr<ModelView> view_of(const ModelInMemory& model);

struct FoundArtifacts {
  std::vector<std::filesystem::path> paths;        ///< sorted; they do not lie in each other.
  size_t folders = 0;                              ///< that were looked into.
  std::vector<std::filesystem::path> checkpoints;  ///< folders of them, by their files; sorted.
  /// Links to folders outside that are no artifacts: what lies there is not looked for. Sorted.
  std::vector<std::filesystem::path> links_not_followed;
};
/// The artifacts below a folder that is none itself, at most 8 folders deep. A link to an artifact
/// counts, wherever that lies, where it and what it lies in have no other name in the folder, or
/// where its name says that it is a package and nothing is there; file systems without a size
/// (/proc, /sys) are not entered. Errors: interrupted.
Result<FoundArtifacts> artifacts_below(const std::filesystem::path& folder,
                                       const ProgressSink& progress);

/// Whether the path is one artifact: a package, a file, a directory that a manifest joins.
bool is_artifact(const std::filesystem::path& path);

}  // namespace anemone::ane
