#pragma once

#include <filesystem>
#include <string>

#include "support/model_bytes.h"
#include "support/scratch_folder.h"

namespace anemone::test {

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
