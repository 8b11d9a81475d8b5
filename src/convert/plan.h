#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "anemone/package.h"
#include "checkpoint/checkpoint.h"
#include "compress/spec.h"
#include "models/graph.h"

/// What a conversion will write, before any weight is read.
namespace anemone::converter {

/// A checkpoint that is understood.
struct Source {
  checkpoint::Checkpoint checkpoint;
  models::Decoder decoder;
  std::string hash;  ///< of the files; SourceHash::unknown() before it is known.
};

struct Settings {
  std::string layout;
  int64_t context = 512;
  std::vector<int64_t> prefill;  ///< none above the context, the largest first; empty: none.
  std::optional<int64_t> chunks;
  std::vector<int64_t> lengths;
  bool any_length = false;        ///< a range from the first length to the last.
  std::string opset = "CoreML8";  ///< of the target.
  DType dtype = DType::fp16;
  double residual_scale = 1;
  uint64_t chunk_limit = 0;   ///< bytes of weights in a program.
  bool monolith = false;      ///< layout anemll: one package.
  bool argmax = false;        ///< of a monolith: no logits leave a step.
  compress::Spec quantize;    ///< how weights are stored.
  std::string quantize_text;  ///< what the packages say of that; empty: nothing is compressed.
  bool is_package = false;    ///< the output is one `.mlpackage`, not a folder.
};

struct PlannedPackage {
  std::string name;
  package::Package package;
};

/// Constants refer to `weights` by path.
struct Plan {
  std::map<std::string, models::WeightEntry, std::less<>> weights;
  std::vector<PlannedPackage> packages;
  nlohmann::ordered_json manifest;  ///< what the layout says of the output; becomes anemone.json.
  std::vector<std::pair<std::string, std::string>> texts;  ///< further files: name and contents.
  std::vector<int64_t> blocks;   ///< tokens of the prefill functions, the largest first.
  bool copies_config = true;     ///< config.json travels as it is.
  uint64_t bytes_per_token = 0;  ///< weights and cache that one step reads; 0: not known.
};

/// A function spec with what all functions of a conversion share.
models::FunctionSpec base_spec(const Settings& settings);

/// Where a package names the files that it comes from, and how.
inline constexpr std::string_view kSourceKey = "anemone.source";
/// Where it has the options that it was made with, as JSON.
inline constexpr std::string_view kSettingsKey = "anemone.settings";

/// What packages and manifest call the checkpoint: its folder's name, in UTF-8 whatever the disk
/// has.
std::string name_of(const checkpoint::Checkpoint& checkpoint);

/// A package without functions: name and provenance.
PlannedPackage new_package(std::string name, const Source& source, const Settings& settings);

/// Builds the function into the package. A weight that has several shapes is one constant.
/// `given`: see package::describe.
Status add_function(const Source& source, const models::FunctionSpec& spec, Plan& plan,
                    PlannedPackage& package, std::span<const package::Feature> given = {});
/// The same for a function that is already built over `table`.
Status add_built(mil::Function function, const models::WeightTable& table,
                 std::span<const package::Feature> given, Plan& plan, PlannedPackage& package);

/// Bytes of the weights by constant, for functions of this spec, and of its state.
struct FunctionBytes {
  std::map<std::string, uint64_t> constants;
  std::map<std::string, uint64_t> tables;  ///< rotary tables and masks; equal ones have one name.
  uint64_t state = 0;
};
Result<FunctionBytes> measure_function(const Source& source, const models::FunctionSpec& spec);

/// Parts of a vocabulary none of which passes the largest dimension of every Neural Engine.
int64_t head_parts(int64_t vocab_size);

/// Whether there is a block. Errors: invalid_argument.
Status check_blocks(const Settings& settings);

/// Contents of the plan's constants from the checkpoint, large ones in parts.
package::WeightStream weight_stream(const Source& source, const Plan& plan);

}  // namespace anemone::converter
