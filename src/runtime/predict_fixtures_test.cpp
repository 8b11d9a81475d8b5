// Networks that are no language models: coremltools' packages against torch, and published packages
// in both forms against each other.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "anemone/npz.h"
#include "anemone/predict.h"
#include "support/shared.h"

namespace anemone::runtime {
namespace {

namespace fs = std::filesystem;

const Tensor* find(std::span<const NamedTensor> arrays, std::string_view name) {
  const auto found = std::ranges::find(arrays, name, &NamedTensor::name);
  return found == arrays.end() ? nullptr : &found->tensor;
}

std::vector<NamedTensor> predict(const fs::path& path, std::span<const NamedTensor> inputs,
                                 Numerics numerics) {
  auto package = package::open(path);
  if (!package.ok()) {
    ADD_FAILURE() << package.error().to_string();
    return {};
  }
  const std::string function = package->default_function;
  Options options;
  options.numerics = numerics;
  auto model = Model::load(*std::move(package), options);
  if (!model.ok()) {
    ADD_FAILURE() << model.error().to_string();
    return {};
  }
  auto outputs = predict_arrays(**model, function, inputs);
  if (!outputs.ok()) {
    ADD_FAILURE() << outputs.error().to_string();
    return {};
  }
  return *std::move(outputs);
}

double largest_difference(const Tensor& a, const Tensor& b) {
  double largest = a.element_count() == b.element_count() ? 0 : INFINITY;
  for (int64_t i = 0; i < std::min(a.element_count(), b.element_count()); ++i) {
    const double difference = std::fabs(a.at(i) - b.at(i));
    largest = std::isnan(difference) ? INFINITY : std::max(largest, difference);
  }
  return largest;
}

TEST(PredictFixtures, ImageClassifierEqualsTorch) {
  ANEMONE_NEED_SHARED("fixtures/coreml/cnn_rgb");
  const fs::path folder = test::shared_folder() / "fixtures/coreml/cnn_rgb";
  const auto inputs = read_npz(folder / "inputs.npz");
  const auto expected = read_npz(folder / "expected.npz");
  ASSERT_TRUE(inputs.ok() && expected.ok());
  const Tensor& planes = *find(*inputs, "image");  // [3, 48, 40]; predict takes [48, 40, 3]
  Tensor image = Tensor::zeros(DType::uint8, {48, 40, 3});
  for (int64_t channel = 0; channel < 3; ++channel)
    for (int64_t pixel = 0; pixel < 48 * 40; ++pixel)
      image.set(pixel * 3 + channel, planes.at(channel * 48 * 40 + pixel));
  const NamedTensor arrays[] = {{"image", image}};
  for (const Numerics numerics : {Numerics::fp16, Numerics::fp32}) {
    const auto outputs = predict(folder / "model.mlpackage", arrays, numerics);
    const Tensor* label = find(outputs, "classLabel");
    const Tensor* keys = find(outputs, "classLabel_probs.keys");
    const Tensor* values = find(outputs, "classLabel_probs.values");
    ASSERT_TRUE(label != nullptr && keys != nullptr && values != nullptr);
    EXPECT_EQ(label->strings()[0], find(*expected, "label")->strings()[0]);
    EXPECT_EQ(keys->element_count(), 5);
    EXPECT_LE(largest_difference(*values, *find(*expected, "probabilities")), 1e-4);
  }
}

TEST(PredictFixtures, RecurrentNetworkEqualsTorch) {
  ANEMONE_NEED_SHARED("fixtures/coreml/lstm");
  const fs::path folder = test::shared_folder() / "fixtures/coreml/lstm";
  const auto inputs = read_npz(folder / "inputs.npz");
  const auto expected = read_npz(folder / "expected.npz");
  ASSERT_TRUE(inputs.ok() && expected.ok());
  for (const Numerics numerics : {Numerics::fp16, Numerics::fp32}) {
    const auto outputs = predict(folder / "model.mlpackage", *inputs, numerics);
    ASSERT_EQ(outputs.size(), 1U);
    EXPECT_LE(largest_difference(outputs[0].tensor, *find(*expected, "y")), 1e-5);
  }
}

/// Inputs of a voice-activity network: audio in [-1, 1], states as a run leaves them.
std::vector<NamedTensor> random_inputs(const package::FunctionDescription& function,
                                       uint32_t seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<double> uniform(-1, 1);
  std::vector<NamedTensor> inputs;
  for (const package::Feature& feature : function.inputs) {
    Tensor tensor = Tensor::zeros(feature.dtype, Shape(feature.shape));
    for (int64_t i = 0; i < tensor.element_count(); ++i) tensor.set(i, uniform(random));
    inputs.push_back({feature.name, std::move(tensor)});
  }
  return inputs;
}

TEST(PublishedPackages, BothFormsGiveTheSameBits) {
  ANEMONE_NEED_SHARED("fixtures/realworld");
  int pairs = 0;
  for (const auto& entry : fs::directory_iterator(test::shared_folder() / "fixtures/realworld")) {
    if (entry.path().extension() != ".mlpackage") continue;
    SCOPED_TRACE(entry.path().filename().string());
    fs::path compiled = entry.path();
    compiled.replace_extension(".mlmodelc");
    auto package = package::open(entry.path());
    ASSERT_TRUE(package.ok()) << package.error().to_string();
    EXPECT_TRUE(package::verify(*package).empty());
    auto twin = package::open(compiled);
    ASSERT_TRUE(twin.ok()) << twin.error().to_string();
    EXPECT_TRUE(package::verify(*twin).empty());
    for (const Numerics numerics : {Numerics::fp16, Numerics::fp32})
      for (const uint32_t seed : {1U, 2U}) {
        const auto inputs = random_inputs(package->functions[0], seed);
        const auto first = predict(entry.path(), inputs, numerics);
        const auto second = predict(compiled, inputs, numerics);
        ASSERT_EQ(first.size(), second.size());
        ASSERT_GE(first.size(), 1U);
        for (const NamedTensor& output : first) {
          const Tensor* other = find(second, output.name);
          ASSERT_NE(other, nullptr) << output.name;
          EXPECT_TRUE(std::ranges::equal(output.tensor.bytes(), other->bytes())) << output.name;
          for (int64_t i = 0; i < output.tensor.element_count(); ++i)
            ASSERT_TRUE(std::isfinite(output.tensor.at(i)));
        }
      }
    ++pairs;
  }
  EXPECT_GE(pairs, 3);
}

/// The compressed variants differ from the uncompressed one as compression does, not more.
TEST(PublishedPackages, CompressionChangesLittleAndSomething) {
  ANEMONE_NEED_SHARED("fixtures/realworld");
  const fs::path root = test::shared_folder() / "fixtures/realworld";
  auto package = package::open(root / "silero-vad-unified-v6.0.0.mlpackage");
  ASSERT_TRUE(package.ok());
  const auto inputs = random_inputs(package->functions[0], 3);
  const auto whole = predict(root / "silero-vad-unified-v6.0.0.mlpackage", inputs, Numerics::fp32);
  const auto pruned = predict(root / "unified_pruned_int8.mlpackage", inputs, Numerics::fp32);
  ASSERT_EQ(whole.size(), pruned.size());
  for (const NamedTensor& output : whole) {
    const Tensor* other = find(pruned, output.name);
    ASSERT_NE(other, nullptr);
    const double difference = largest_difference(output.tensor, *other);
    EXPECT_GT(difference, 0) << output.name;
    EXPECT_LT(difference, 1.0) << output.name;
  }
}

}  // namespace
}  // namespace anemone::runtime
