#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "anemone/log.h"
#include "anemone/package.h"
#include "anemone/result.h"

/// Whether a model would run on the Neural Engine, and whether its converter left a fault in it:
/// rules over the program, from public findings. Nothing is run and nothing is measured; what a
/// chip really does, only the chip says.
namespace anemone::ane {

enum class Severity : uint8_t {
  note,     ///< worth knowing: a form that others found faster or safer.
  warning,  ///< an op leaves the Neural Engine, is slow, or fails under some condition.
  error,  ///< the program fails, its main work leaves the Neural Engine, or its results are wrong.
};
const char* to_string(Severity severity);

enum class RuleFamily : uint8_t {
  hardware,   ///< what the Neural Engine and its compiler accept.
  converter,  ///< faults that converters make without a word.
};
const char* to_string(RuleFamily family);

/// A rule as a person reads it.
struct RuleInfo {
  std::string_view id;
  RuleFamily family = RuleFamily::hardware;
  Severity severity = Severity::error;  ///< the highest that it reports.
  std::string_view chips;               ///< "all", "H13 to H15".
  std::string_view explanation;
  std::string_view fix;     ///< a rewrite, or what staying costs.
  std::string_view source;  ///< the public finding.
};

/// All rules, hardware first, in the order in which they are listed.
std::vector<RuleInfo> rules();

/// What a rule found, and where. Fields that do not apply are empty.
struct Finding {
  std::string rule;
  Severity severity = Severity::error;
  std::filesystem::path artifact;  ///< the model directory or package that was given or found.
  std::string package;             ///< of a model directory: the name of the package.
  std::string function;
  std::string operation;         ///< display name.
  std::string operation_type;    ///< "conv".
  int64_t operation_index = -1;  ///< in its block, constants counted.
  std::string operand;           ///< parameter, input, output or state.
  std::string value;             ///< what was found there.
  std::string message;
  std::vector<std::string_view> chips;  ///< for which it holds; empty: for all that were asked for.
  /// "chunk_01of02.mlpackage: infer: op 12 'q' (conv)".
  std::string place() const;
};

/// How many ops of the programs are known to run on the Neural Engine as they are, how many are
/// known not to, and how many nobody has measured. Constants do not count.
struct OpCensus {
  size_t suited = 0;
  size_t unsuited = 0;
  size_t unmeasured = 0;
};

struct CheckOptions {
  /// "a12" … "m6"; empty: every chip, and a finding says for which it holds.
  std::string chip;
  ProgressSink progress;  ///< may be empty; by folder while artifacts are looked for, then by them.
};

struct CheckedArtifact {
  std::filesystem::path path;
  std::string form;                   ///< "anemll", "anemone", "mlpackage", "mlmodelc", "mlmodel".
  std::vector<std::string> packages;  ///< file names.
  OpCensus ops;
};

/// A checkpoint that nothing is known of, which is no fault of it: of another family than those
/// that are known, or an adapter whose base lies elsewhere.
struct NotJudged {
  std::filesystem::path path;
  std::string reason;
};

struct CheckReport {
  std::vector<std::string_view> chips;  ///< that were judged.
  std::vector<CheckedArtifact> artifacts;
  std::vector<Finding> findings;  ///< by artifact, in the order of the rules.
  size_t folders = 0;  ///< of a folder of artifacts: how many were looked into, itself with them.
  /// Of such a folder: checkpoints in it, sorted, which have no programs and were not judged.
  std::vector<std::filesystem::path> checkpoints;
  /// Of them, those that are no language model that can be built, and why. `check` adds none: who
  /// builds their programs does.
  std::vector<NotJudged> not_judged;
  /// Of such a folder: links in it to folders outside that are no artifacts. Nothing is known of
  /// what lies there.
  std::vector<std::filesystem::path> links_not_followed;
  size_t count(Severity severity) const;
};

/// Packages of one model that are on no disk, such as a conversion would make.
struct ModelInMemory {
  std::filesystem::path path;     ///< what findings call it.
  std::string form;               ///< "checkpoint".
  std::optional<int64_t> layers;  ///< that it is known to have.
  /// By file name, in the order in which a token passes them.
  std::vector<std::pair<std::string, package::Package>> packages;
};

/// Checks a package, a model directory (anemone.json, meta.yaml), or every such artifact below a
/// folder, up to 8 folders deep; there, one that cannot be opened is a finding and not an error.
/// A link to an artifact counts as one, wherever it leads, unless the artifact is in the folder by
/// another name; a folder with config.json and weights is a checkpoint and named, which is no error
/// where nothing else is there; a link to any other folder outside is named and not followed, and a
/// file system without a size (/proc, /sys) is not entered. Reads programs, descriptions and those
/// weights that a rule asks for. Any thread. Errors: not_found (nothing there), unsupported (no ML
/// Program; a checkpoint, whose programs build_model makes), invalid_argument (the chip),
/// interrupted, and those of package::open and open_anemll.
Result<CheckReport> check(const std::filesystem::path& path, const CheckOptions& options = {});

/// Checks one package in memory, described (`package::describe`) or not; `artifact` is its path.
Result<std::vector<Finding>> check(const package::Package& package,
                                   const CheckOptions& options = {});

/// Checks a model in memory. Constants without contents are judged by their types. Errors:
/// invalid_argument (the chip), interrupted.
Result<CheckReport> check(const ModelInMemory& model, const CheckOptions& options = {});

/// Names that `CheckOptions::chip` takes.
std::vector<std::string_view> chip_names();

}  // namespace anemone::ane
