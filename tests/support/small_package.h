#pragma once

#include <filesystem>
#include <string>

#include "support/model_bytes.h"
#include "support/scratch_folder.h"

namespace anemone::test {

/// coremldata.bin around the ModelDescription of `small_model`.
inline std::string compiled_description(uint32_t kind = 502) {
  const std::string feature = array(kArrayFp16, {2, 8});
  const std::string description =
      field(1, array_feature("x", feature)) + field(10, array_feature("y", feature));
  return little_endian<uint32_t>({kind, 9, 0, 0, 0, 0, 0}) + little_endian<uint64_t>({7}) +
         "generic" + little_endian<uint32_t>({9, 0, 0, 0, 0, 0, 0, 0}) +
         little_endian<uint64_t>({description.size()}) + description +
         little_endian<uint32_t>({502, 0, 0, 0});
}

/// The program of `small_model` as text.
inline constexpr const char* kSmallText = R"(program(1.3)
{
    func main<ios18>(tensor<fp16, [2, 8]> x) {
            tensor<fp16, [2, 8]> weight = const()[name = string("weight"), val = tensor<fp16, [2, 8]>(BLOBFILE(path = string("@model_path/weights/weight.bin"), offset = uint64(64)))];
            tensor<fp16, [2, 8]> y = add(x = x, y = weight)[name = string("y")];
        } -> (y);
}
)";

/// Writes `small_model` in its compiled form to `folder/m.mlmodelc`.
inline void write_small_mlmodelc(const ScratchFolder& folder) {
  folder.write("m.mlmodelc/coremldata.bin", compiled_description());
  folder.write("m.mlmodelc/model.mil", kSmallText);
  folder.write("m.mlmodelc/weights/weight.bin", small_weights());
}

/// A package in a scratch folder, `small_model` unless told otherwise.
class SmallPackage {
 public:
  explicit SmallPackage(const std::string& model_bytes = small_model(),
                        const std::string& weights = small_weights()) {
    folder_.write(kModel, model_bytes);
    folder_.write(kWeights, weights);
    folder_.write(kManifest, manifest());
  }

  static constexpr const char* kModel = "m.mlpackage/Data/com.apple.CoreML/model.mlmodel";
  static constexpr const char* kWeights = "m.mlpackage/Data/com.apple.CoreML/weights/weight.bin";
  static constexpr const char* kManifest = "m.mlpackage/Manifest.json";

  std::filesystem::path path() const { return folder_.path() / "m.mlpackage"; }
  const ScratchFolder& folder() const { return folder_; }
  void write(const char* name, const std::string& bytes) const { folder_.write(name, bytes); }

 private:
  ScratchFolder folder_;
};

}  // namespace anemone::test
