#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "checkpoint/checkpoint.h"

namespace anemone::converter {

/// A file that travels with a model as it is.
struct Companion {
  std::string name;
  std::filesystem::path path;  ///< where it is read.
  uint64_t size_bytes = 0;
};

/// Tokenizer, chat template and generation config of a checkpoint, as far as they are there, and
/// config.json of its base if wanted. What lies beside the adapter counts before what lies beside
/// the base, file by file; a template inside the adapter's tokenizer_config.json also before the
/// files that the base has its template in.
/// Errors: corrupt (a link that leads out of its folder), invalid_argument (it is no file).
Result<std::vector<Companion>> find_companions(const checkpoint::Checkpoint& checkpoint,
                                               bool copies_config);

/// Those of the checkpoint at `path` with its adapter, which may be empty, and config.json.
/// Errors: those of checkpoint::open and of finding.
Result<std::vector<Companion>> companions_of(const std::filesystem::path& path,
                                             const std::filesystem::path& adapter);

/// Errors: io.
Status copy_companions(std::span<const Companion> companions, const std::filesystem::path& folder);

}  // namespace anemone::converter
