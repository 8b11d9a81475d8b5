#include "coreml_stand_in/program.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "anemone/package.h"

namespace anemone::stand_in {

namespace fs = std::filesystem;

namespace {

constexpr const char* kWord = "compiled by the stand-in";

}  // namespace

std::unique_ptr<Program> Program::open(const std::string& compiled, std::string& reason) {
  std::ifstream stream(fs::path(compiled) / "coremldata.bin");
  std::string word;
  std::getline(stream, word);
  auto package =
      package::open(word == kWord ? fs::path(compiled) / "copy.mlpackage" : fs::path(compiled));
  if (!package.ok()) {
    reason = "Unable to load model: " + package.error().to_string();
    return nullptr;
  }
  runtime::Options options;
  options.threads = 1;
  auto model = runtime::Model::load(*std::move(package), options);
  if (!model.ok()) {
    reason = model.error().to_string();
    return nullptr;
  }
  auto program = std::make_unique<Program>();
  program->model_ = *std::move(model);
  return program;
}

bool Program::has_function(const std::string& name) const {
  return model_->package().find_function(name) != nullptr;
}

bool Program::has_named_functions() const {
  const auto& functions = model_->package().functions;
  return functions.size() != 1 || functions[0].name != "main";
}

const std::string& Program::default_function() const { return model_->package().default_function; }

std::vector<NamedTensor> Program::predict(const std::string& function,
                                          const std::vector<NamedTensor>& inputs,
                                          runtime::State* state, std::string& reason) const {
  auto outputs = model_->predict(function, inputs, state);
  if (outputs.ok()) return *std::move(outputs);
  reason = outputs.error().to_string();
  return {};
}

std::string compile_folder(const std::string& package, std::string& reason) {
  static int count = 0;
  const fs::path folder = fs::temp_directory_path() / ("stand_in_" + std::to_string(getpid()) +
                                                       "_" + std::to_string(count++) + ".mlmodelc");
  std::error_code error;
  if (!package::form_of(package)) {
    reason = "Error reading the model: " + package + " is no model package";
    return "";
  }
  fs::create_directories(folder, error);
  fs::copy(package, folder / "copy.mlpackage", fs::copy_options::recursive, error);
  if (error) {
    reason = error.message();
    return "";
  }
  std::ofstream(folder / "coremldata.bin") << kWord << '\n';
  return folder.string();
}

}  // namespace anemone::stand_in
