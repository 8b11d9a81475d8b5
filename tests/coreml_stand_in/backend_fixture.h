#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "anemone/model.h"
#include "coreml_stand_in/stand_in.h"
#include "support/scratch_folder.h"
#include "support/shared.h"

namespace anemone::test {

/// Core ML, as far as the stand-in goes, with a cache of the test's own.
class BackendFixture : public testing::Test {
 protected:
  BackendFixture() {
    setenv("ANEMONE_COMPILED_CACHE", (folder_.path() / "cache").c_str(), 1);
    stand_in::start_anew();
  }
  ~BackendFixture() override {
    unsetenv("ANEMONE_COMPILED_CACHE");
    stand_in::start_anew();
  }

  static std::filesystem::path tiny() { return source_folder() / "models/anemone-tiny-anemll"; }
  /// Functions infer and prefill on one state.
  static std::filesystem::path chunk() { return tiny() / "qwen_FFN_PF_chunk_01of01.mlpackage"; }
  /// One function without states.
  static std::filesystem::path head() { return tiny() / "qwen_lm_head.mlpackage"; }
  /// One function whose tokens are 1 or 64.
  static std::filesystem::path embeddings() { return tiny() / "qwen_embeddings.mlpackage"; }

  static runtime::Options options(runtime::Backend backend, runtime::ComputeUnits units) {
    runtime::Options options;
    options.backend = backend;
    options.compute_units = units;
    options.threads = 1;
    return options;
  }
  static Result<std::shared_ptr<runtime::Model>> load(
      const std::filesystem::path& path, runtime::Backend backend = runtime::Backend::coreml,
      runtime::ComputeUnits units = runtime::ComputeUnits::cpu_ane) {
    ANEMONE_TRY(auto package, package::open(path));
    return runtime::Model::load(std::move(package), options(backend, units));
  }
  static Result<std::shared_ptr<runtime::Model>> load_executor(const std::filesystem::path& path) {
    return load(path, runtime::Backend::cpu);
  }

  /// Fills a runner's inputs with numbers that depend on `seed`; integers stay below 64.
  static void fill(runtime::Runner& runner, const package::FunctionDescription& function,
                   int64_t seed) {
    for (const package::Feature& feature : function.inputs) {
      Tensor& input = *runner.input(feature.name);
      for (int64_t i = 0; i < input.element_count(); ++i) {
        const int64_t number = (i * 37 + seed * 11) % 64;
        input.set(i, is_integer(input.dtype()) ? static_cast<double>(number)
                                               : static_cast<double>(number - 32) / 64);
      }
    }
  }
  static bool has_same_bytes(const Tensor& a, const Tensor& b) {
    return a.dtype() == b.dtype() && a.shape() == b.shape() &&
           std::ranges::equal(a.bytes(), b.bytes());
  }
  static bool mentions(const std::vector<std::string>& notes, const std::string& words) {
    return std::ranges::any_of(
        notes, [&](const std::string& note) { return note.find(words) != std::string::npos; });
  }

  ScratchFolder folder_;
};

}  // namespace anemone::test
