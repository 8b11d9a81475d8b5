#pragma once

#include <optional>

#include "anemone/program.h"
#include "package/read_description.h"

namespace anemone::package {

/// A `Model` message that is an ML Program.
struct ModelFile {
  int64_t specification_version = 0;
  ModelDescription description;
  mil::Program program;
};

/// Reads the contents of a `.mlmodel` file.
/// Errors: corrupt, unsupported (another kind of model, by its name), and those of `blobs`.
Result<ModelFile> read_model(std::string_view file, const mil::BlobLoader& blobs);

/// The name of a model kind that is no ML Program: "neuralNetwork" for 500.
std::string model_kind_name(uint32_t number);

}  // namespace anemone::package
