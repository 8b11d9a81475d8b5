#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "anemone/result.h"

namespace anemone::lm {

inline constexpr const char* kAnemoneManifest = "anemone.json";

/// What an anemone.json says about running the model in its folder.
struct AnemoneManifest {
  /// One function of one package. Both names are as the file has them: not to be trusted.
  struct Stage {
    std::string package;
    std::string function;
  };
  std::string architecture;    ///< empty: not said.
  int64_t vocab_size = 0;      ///< 0: not said.
  int64_t context_length = 0;  ///< 0: not said.
  std::string source_digest;   ///< of the checkpoint; empty: not said.
  /// Digest by name of each file in the folder. The names are not to be trusted either.
  std::map<std::string, std::string, std::less<>> files;
  std::string model;  ///< the package that is the whole model; empty: `passes` join several.
  std::map<std::string, std::vector<Stage>, std::less<>> passes;  ///< none is without stages.
};

/// Reads the text of an untrusted anemone.json.
/// Errors: corrupt (syntax, format, passes, files, counts), unsupported (format_version), limit
/// (nesting, more than 64 passes or 1000 stages in all).
Result<AnemoneManifest> parse_anemone_manifest(std::string_view json);

/// The manifest of the model in `folder`. Errors: those of parsing, not_found, io.
Result<AnemoneManifest> read_anemone_manifest(const std::filesystem::path& folder);

}  // namespace anemone::lm
