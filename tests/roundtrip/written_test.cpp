#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <cstring>
#include <iterator>
#include <regex>

#include "anemone/model.h"
#include "anemone/package.h"
#include "package/program_values.h"
#include "roundtrip/models_below.h"
#include "support/scratch_folder.h"
#include "support/shared.h"

namespace anemone {
namespace {

namespace fs = std::filesystem;
using test::ScratchFolder;

constexpr const char* kFiles[] = {"Manifest.json", "Data/com.apple.CoreML/model.mlmodel",
                                  "Data/com.apple.CoreML/weights/weight.bin"};

std::vector<const mil::Value*> constants(const mil::Program& program) {
  std::vector<const mil::Value*> values;
  package::for_each_value(program, [&](const mil::Value& value, package::ValuePlace) {
    if (value.tensor.defined() && value.tensor.dtype() != DType::string) values.push_back(&value);
  });
  return values;
}

/// The text without places in weight files, which may differ.
std::string text_of(const mil::Program& program) {
  static const std::regex place("BLOBFILE\\([^()]*\\([^()]*\\), offset = uint64\\([0-9]+\\)\\)");
  return std::regex_replace(mil::print(program), place, "BLOBFILE");
}

void expect_equal_weights(const mil::Program& expected, const mil::Program& found) {
  const auto left = constants(expected);
  const auto right = constants(found);
  ASSERT_EQ(left.size(), right.size());
  for (size_t i = 0; i < left.size(); ++i) {
    ASSERT_EQ(left[i]->type, right[i]->type);
    const auto bytes = left[i]->tensor.bytes();
    ASSERT_EQ(bytes.size(), right[i]->tensor.bytes().size());
    ASSERT_TRUE(bytes.empty() ||
                std::memcmp(bytes.data(), right[i]->tensor.bytes().data(), bytes.size()) == 0)
        << "constant " << i << " of type " << to_string(left[i]->type);
  }
}

std::string describe(const std::vector<package::Feature>& features) {
  std::string text;
  const auto put = [&](const std::vector<int64_t>& dims) {
    text += " [";
    for (const int64_t dim : dims) text += std::to_string(dim) + " ";
    text += "]";
  };
  for (const package::Feature& feature : features) {
    text += "\n  " + feature.name + " '" + feature.description + "' " +
            std::to_string(static_cast<int>(feature.kind)) + " " +
            std::string(to_string(feature.dtype));
    put(feature.shape);
    for (const auto& shape : feature.enumerated_shapes) put(shape);
    for (const auto& range : feature.ranges) put({range.lower, range.upper});
    text += feature.is_optional ? " optional" : "";
    if (feature.default_value) text += " = " + std::to_string(*feature.default_value);
    put({feature.width, feature.height, static_cast<int>(feature.color_space)});
    text += to_string(feature.dictionary_key);
  }
  return text;
}

std::string describe(const package::Package& package) {
  std::string text =
      std::to_string(package.specification_version) + " default " + package.default_function;
  for (const auto& [key, value] : package.metadata) text += "\n" + key + ": " + value;
  for (const package::FunctionDescription& function : package.functions)
    text += "\n" + function.name + " in" + describe(function.inputs) + "\n out" +
            describe(function.outputs) + "\n states" + describe(function.states) + "\n" +
            function.predicted_feature_name + " " + function.predicted_probabilities_name;
  return text;
}

class Written : public testing::TestWithParam<std::string> {};

TEST_P(Written, PackagesAreTheSameWhenReadAgain) {
  ANEMONE_NEED_SHARED(fs::path("fixtures") / GetParam());
  size_t packages = 0;
  for (const fs::path& path : test::models_below(GetParam())) {
    SCOPED_TRACE(path);
    const ScratchFolder folder;
    const auto original = package::open(path);
    ASSERT_TRUE(original.ok()) << original.error().to_string();
    for (const char* name : {"first.mlpackage", "second.mlpackage"}) {
      const Status status = package::write(folder.path() / name, *original);
      ASSERT_TRUE(status.ok()) << status.error().to_string();
    }
    for (const char* file : kFiles)
      EXPECT_EQ(folder.read(fs::path("first.mlpackage") / file),
                folder.read(fs::path("second.mlpackage") / file));

    const auto written = package::open(folder.path() / "first.mlpackage");
    ASSERT_TRUE(written.ok()) << written.error().to_string();
    for (const mil::Diagnostic& fault : package::verify(*written))
      ADD_FAILURE() << fault.to_string();
    EXPECT_EQ(describe(*written), describe(*original));
    EXPECT_EQ(text_of(written->program), text_of(original->program));
    expect_equal_weights(original->program, written->program);
    EXPECT_LE(written->weight_file_bytes, original->weight_file_bytes);

    // What was written is written again as it is, byte for byte.
    ASSERT_TRUE(package::write(folder.path() / "third.mlpackage", *written).ok());
    for (const char* file : kFiles)
      EXPECT_EQ(folder.read(fs::path("first.mlpackage") / file),
                folder.read(fs::path("third.mlpackage") / file));
    ++packages;
  }
  EXPECT_GT(packages, 0u);
}

INSTANTIATE_TEST_SUITE_P(Fixtures, Written, testing::Values("anemll", "coreml", "realworld"),
                         [](const auto& folder) { return folder.param; });

/// Results of every function on made-up inputs, two calls each on one state.
std::vector<NamedTensor> results_of(package::Package package) {
  const std::vector<package::FunctionDescription> functions = package.functions;
  auto model = runtime::Model::load(std::move(package), {});
  if (!model.ok()) {
    ADD_FAILURE() << model.error().to_string();
    return {};
  }
  std::vector<NamedTensor> results;
  for (const package::FunctionDescription& function : functions) {
    runtime::State state = (*model)->new_state();
    for (int call = 0; call < 2; ++call) {
      std::vector<NamedTensor> inputs;
      for (const package::Feature& feature : function.inputs) {
        Tensor tensor = Tensor::zeros(feature.dtype, Shape(feature.shape));
        for (int64_t i = 0; i < tensor.element_count(); ++i)
          tensor.set(i, is_float(feature.dtype) ? static_cast<double>(i % 5) / 8
                                                : static_cast<double>((i * 7 + call) % 11));
        inputs.push_back({feature.name, std::move(tensor)});
      }
      auto outputs = (*model)->predict(function.name, inputs, &state);
      if (!outputs.ok()) {
        ADD_FAILURE() << function.name << ": " << outputs.error().to_string();
        return {};
      }
      std::ranges::move(*outputs, std::back_inserter(results));
    }
    for (const NamedTensor& tensor : state.tensors()) results.push_back(tensor);
  }
  return results;
}

class WrittenPredictions : public testing::TestWithParam<const char*> {};

TEST_P(WrittenPredictions, AreTheSameBits) {
  const fs::path fixture = fs::path("fixtures") / GetParam();
  ANEMONE_NEED_SHARED(fixture);
  const ScratchFolder folder;
  auto original = package::open(test::shared_folder() / fixture);
  ASSERT_TRUE(original.ok()) << original.error().to_string();
  ASSERT_TRUE(package::write(folder.path() / "m.mlpackage", *original).ok());
  auto written = package::open(folder.path() / "m.mlpackage");
  ASSERT_TRUE(written.ok()) << written.error().to_string();
  const auto expected = results_of(std::move(*original));
  const auto found = results_of(std::move(*written));
  ASSERT_GT(expected.size(), 0u);
  ASSERT_EQ(expected.size(), found.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(expected[i].name, found[i].name);
    ASSERT_EQ(expected[i].tensor.shape(), found[i].tensor.shape());
    EXPECT_TRUE(std::ranges::equal(expected[i].tensor.bytes(), found[i].tensor.bytes()))
        << expected[i].name;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Fixtures, WrittenPredictions,
    testing::Values(
        "coreml/granite_pal4_lut8/model.mlpackage", "coreml/granite_sparse_int8/model.mlpackage",
        "coreml/granite_int8_ios16/model.mlpackage", "coreml/granite_range/model.mlpackage",
        "coreml/granite_multi_stateful/model.mlpackage", "coreml/llama_int4_b32/model.mlpackage",
        "anemll/qwen3-lut4-2chunk/qwen_FFN_PF_lut4_chunk_01of02.mlpackage"),
    [](const auto& fixture) {
      std::string name = fixture.param;
      std::ranges::replace_if(
          name, [](char c) { return std::isalnum(c) == 0; }, '_');
      return name;
    });

}  // namespace
}  // namespace anemone
