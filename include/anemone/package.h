#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "anemone/program.h"
#include "anemone/result.h"
#include "anemone/tensor.h"

/// Core ML packages on disk: `.mlpackage`, `.mlmodelc`, and ANEMLL model directories.
namespace anemone::package {

/// Lower and upper bound (inclusive) of one dimension; upper < 0 is unbounded.
struct DimRange {
  int64_t lower = 0;
  int64_t upper = -1;
};

/// An input, output or state as the model description declares it.
struct Feature {
  enum class Kind : uint8_t {
    multi_array,
    image,
    state,
    dictionary,
    sequence,
    string,
    int64,
    fp64
  };
  enum class ColorSpace : uint8_t { none, gray, rgb, bgr, gray_fp16 };
  std::string name;
  std::string description;
  Kind kind = Kind::multi_array;
  DType dtype = DType::fp32;
  std::vector<int64_t>
      shape;  ///< declared or default shape; empty for outputs of flexible programs.
  std::vector<std::vector<int64_t>> enumerated_shapes;  ///< images: [height, width] each.
  std::vector<DimRange> ranges;  ///< one per dimension when the shape is a range; images: height,
                                 ///< width.
  bool is_optional = false;
  std::optional<double> default_value;  ///< of an optional input, spread over the shape.
  int64_t width = 0;                    ///< images.
  int64_t height = 0;                   ///< images.
  ColorSpace color_space = ColorSpace::none;
  DType dictionary_key = DType::string;  ///< dictionaries: string or int64 keys.
};

struct FunctionDescription {
  std::string name;
  std::vector<Feature> inputs;
  std::vector<Feature> outputs;
  std::vector<Feature> states;
  std::string predicted_feature_name;        ///< classifiers.
  std::string predicted_probabilities_name;  ///< classifiers.
  const Feature* find_input(std::string_view name) const;
  const Feature* find_output(std::string_view name) const;
};

/// One blob of a weight file, for listings.
struct BlobEntry {
  std::string file;  ///< path as the program names it, below "@model_path/".
  uint64_t offset_bytes = 0;
  DType dtype = DType::fp16;
  uint64_t size_bytes = 0;
};

enum class Form : uint8_t { mlpackage, mlmodelc, mlmodel };
const char* to_string(Form form);

/// A package in memory: its description and program. Weights stay in the mapped files; Tensors of
/// the program keep those mappings alive, also after the Package is gone.
struct Package {
  std::filesystem::path path;
  Form form = Form::mlpackage;
  int64_t specification_version = 0;
  /// author, license, version, description (where not empty) and the user-defined keys.
  std::map<std::string, std::string> metadata;
  std::vector<FunctionDescription>
      functions;  ///< a single-function package has one, "main" or its own name.
  std::string default_function;
  mil::Program program;
  uint64_t weight_file_bytes = 0;

  const FunctionDescription* find_function(std::string_view name) const;
};

/// The form that `path` is in by its name and contents, nothing when it is no package (an ANEMLL
/// directory, a missing file). Whether it is sound, open() says. Any thread.
std::optional<Form> form_of(const std::filesystem::path& path);

/// Opens `path`, a directory that ends in `.mlpackage` or `.mlmodelc` (or has their contents), or a
/// `.mlmodel` file. Reads description and program and holds them against each other; does not
/// verify the program. No name in the files leads out of the directory.
/// Errors: not_found (`path`, or a file that the manifest or the program names), corrupt (file,
/// place, expected, found), mismatch (a blob that does not fit its type; description and program
/// disagree: all faults), unsupported (no ML Program: neural network, pipeline; a rank above
/// Shape::kMaxRank), io.
Result<Package> open(const std::filesystem::path& path);

/// Every blob in the weight files that the program of an open package refers to, in file order.
/// Checks each record; reads no program again. The package has a path.
/// Errors: not_found and io (a weight file that is gone), corrupt (file, record).
Result<std::vector<BlobEntry>> list_blobs(const Package& package);

/// All that `inspect --verify` checks of an open package: the program's constraints, that
/// description and program agree (inputs, outputs, states, dtypes, shapes), and that the records of
/// the weight files are sound (not of packages without a path). Constraints package_c1 …
/// package_c10 are listed in src/package.
mil::Diagnostics verify(const Package& package);

/// What a function's inputs, results and states are, as the program says it; `given` replaces by
/// name what the program cannot know: ranges and enumerated shapes, defaults, words. Scalars have
/// shape [1]; results of unknown size have none.
/// Errors: invalid_argument (an input of unknown size that is not given), unsupported (a dtype that
/// descriptions do not know), not_found (a result that nothing computes).
Result<FunctionDescription> describe(const mil::Function& function,
                                     std::span<const Feature> given = {});

/// The least specification version for a program: that of its highest opset, of its states and
/// functions, and of the dtypes of its inputs and results.
int64_t specification_version(const mil::Program& program);

/// Takes elements of a constant, in row-major order, as tensors of the constant's dtype and of any
/// shape; parts but the last have whole bytes. Errors: mismatch (dtype, too many), io.
using WeightSink = std::function<Status(const Tensor& part)>;
/// Fetches the contents of a deferred constant of the given type and hands them to the sink, whole
/// or in parts. An error ends the writing.
using WeightStream =
    std::function<Status(const mil::BlobReference&, const mil::TensorType&, const WeightSink&)>;
/// A stream that fetches each constant whole.
WeightStream whole_tensors(std::function<Result<Tensor>(const mil::BlobReference&)> fetch);

struct WriteProgress {
  uint64_t weight_bytes_done = 0;
  uint64_t weight_bytes_total = 0;
  size_t constants_done = 0;
  size_t constants_total = 0;
  std::string_view next;  ///< reference of the constant that comes now; may be empty.
};

struct WriteOptions {
  WeightStream weights;    ///< needed when constants are deferred.
  bool overwrite = false;  ///< replace a .mlpackage that stands there.
  /// Called before each constant of the weight file and at the end. An error ends the writing.
  std::function<Status(const WriteProgress&)> progress;
  /// Where set, files are hashed while they are written, the weights on another thread, and this is
  /// called for each with its path in the package and its digest: `blake3:` and 64 digits.
  std::function<void(std::string_view file, std::string_view digest)> hashed;
  /// Called when all weights are written: metadata that was not known before; it replaces entries
  /// of the same key.
  std::function<Result<std::map<std::string, std::string>>()> late_metadata;
};

/// Writes `package` as a `.mlpackage` in the layout of coremltools. The same package gives the same
/// bytes. `path` and the weights' old references play no part.
///
/// Constants that come from a weight file, deferred ones and large ones go to one weight file,
/// equal ones once; deferred ones are fetched once per reference and dtype, one at a time, in file
/// order, so that memory holds the model file and one part of one constant. A specification version
/// of 0 becomes `specification_version(program)`. One function 'main' is described at the top
/// level.
///
/// All is written aside and appears under `path` at the end, or not at all. Nothing that is no
/// package is ever replaced.
/// Errors: invalid_argument (`path` exists; a constant without contents; no such default function),
/// not_found (the folder of `path`), mismatch (description and program disagree: all faults; a
/// specification version that is too low; contents that are not of the constant's type),
/// unsupported (a dtype without a place in weight files or descriptions, a sequence), limit (a
/// model file above 2 GiB), io (also: needed and available bytes, before any weight is fetched),
/// and those of the callbacks.
Status write(const std::filesystem::path& path, const Package& package,
             const WriteOptions& options = {});

/// Sizes of the files that `write` would make; fetches nothing. Errors: those of `write` that do
/// not concern files.
struct PackageSize {
  uint64_t model_bytes = 0;
  uint64_t weight_bytes = 0;
  size_t weight_constants = 0;
};
Result<PackageSize> measure(const Package& package);

/// An ANEMLL model directory: meta.yaml and the packages it stands for.
/// meta.yaml's words about functions, window and masks are not trusted; read the packages. Numbers
/// that its version does not carry are 0.
struct AnemllDirectory {
  std::filesystem::path path;
  std::string name;
  std::string version;
  std::string architecture;
  bool monolithic = false;
  int64_t context_length = 0;
  int64_t batch_size = 0;  ///< prefill rows.
  int64_t num_chunks = 0;  ///< as the files say; 1 when monolithic.
  int64_t split_lm_head = 0;
  std::optional<int64_t> sliding_window;
  std::optional<int64_t> vocab_size;
  std::vector<int64_t> lm_head_chunk_sizes;
  bool argmax_in_model = false;
  std::map<std::string, std::string> parameters;  ///< every scalar key of `parameters`, as text.

  std::filesystem::path embeddings;           ///< empty when monolithic.
  std::filesystem::path lm_head;              ///< empty when monolithic.
  std::vector<std::filesystem::path> chunks;  ///< in order; the one monolith when monolithic.
  std::vector<std::filesystem::path> rotate_chunks;  ///< `_rot` packages of a split-rotate build.
};

/// Reads meta.yaml (every version) and finds the packages by listing the directory.
/// Errors: not_found (no meta.yaml, a missing part by name), corrupt (YAML: file and line),
/// mismatch (a key with a wrong value, by name).
Result<AnemllDirectory> open_anemll(const std::filesystem::path& path);

}  // namespace anemone::package
