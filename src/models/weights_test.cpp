#include "models/weights.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "base/float16.h"
#include "models/memory_source.h"

namespace anemone::models {
namespace {

Tensor tensor(DType dtype, Shape shape, std::vector<double> values) {
  return Tensor::from_values<double>(dtype, shape, values);
}

std::vector<double> numbers(const Tensor& tensor) {
  std::vector<double> result;
  for (int64_t i = 0; i < tensor.element_count(); ++i) result.push_back(tensor.at(i));
  return result;
}

using Numbers = std::vector<double>;

TEST(WeightKey, IsEqualForEqualWeightsOnly) {
  const WeightRef plain{.name = "w"};
  EXPECT_EQ(weight_key(plain, DType::fp16, {2, 3}), weight_key({.name = "w"}, DType::fp16, {2, 3}));
  std::set<std::string> keys{weight_key(plain, DType::fp16, {2, 3}),
                             weight_key(plain, DType::fp32, {2, 3}),
                             weight_key(plain, DType::fp16, {3, 2})};
  WeightRef other = plain;
  other.name = "w 1";
  keys.insert(weight_key(other, DType::fp16, {2, 3}));
  other = plain;
  other.first_row = 1;
  keys.insert(weight_key(other, DType::fp16, {2, 3}));
  other = plain;
  other.rows = 1;
  keys.insert(weight_key(other, DType::fp16, {2, 3}));
  other = plain;
  other.transposed = true;
  keys.insert(weight_key(other, DType::fp16, {2, 3}));
  other = plain;
  other.offset = 1;
  keys.insert(weight_key(other, DType::fp16, {2, 3}));
  other = plain;
  other.scale = 1 + 1e-15;
  keys.insert(weight_key(other, DType::fp16, {2, 3}));
  other = plain;
  other.expert = 0;
  keys.insert(weight_key(other, DType::fp16, {2, 3}));
  EXPECT_EQ(keys.size(), 10u);
}

TEST(LoadWeight, TakesRowsTransposedAndExperts) {
  const MemorySource source({{"w", tensor(DType::fp32, {2, 3}, {1, 2, 3, 4, 5, 6})},
                             {"e", tensor(DType::bf16, {2, 2, 1}, {1, 2, 3, 4})}});
  const auto load = [&](WeightRef ref, Shape shape) {
    const auto loaded = load_weight(source, {ref, DType::fp32, shape});
    EXPECT_TRUE(loaded.ok()) << loaded.error().to_string();
    return loaded.ok() ? numbers(*loaded) : Numbers{};
  };
  EXPECT_EQ(load({.name = "w"}, {2, 3, 1, 1}), (Numbers{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(load({.name = "w", .first_row = 1, .rows = 1}, {1, 3, 1, 1}), (Numbers{4, 5, 6}));
  EXPECT_EQ(load({.name = "w", .transposed = true}, {3, 2, 1, 1}), (Numbers{1, 4, 2, 5, 3, 6}));
  EXPECT_EQ(load({.name = "w", .first_row = 1, .rows = 2, .transposed = true}, {2, 2}),
            (Numbers{2, 5, 3, 6}));
  EXPECT_EQ(load({.name = "e", .expert = 1}, {2, 1}), (Numbers{3, 4}));
  EXPECT_EQ(load({.name = "w", .offset = 1, .scale = 2}, {2, 3}), (Numbers{4, 6, 8, 10, 12, 14}));
}

TEST(LoadWeight, IsAViewWhereNothingChanges) {
  const Tensor stored = tensor(DType::fp16, {3, 2}, {1, 2, 3, 4, 5, 6});
  const MemorySource source({{"w", stored}});
  const auto loaded =
      load_weight(source, {{.name = "w", .first_row = 1, .rows = 2}, DType::fp16, {2, 2, 1, 1}});
  ASSERT_TRUE(loaded.ok());
  EXPECT_EQ(loaded->bytes().data(), stored.bytes().data() + 4);
  EXPECT_EQ(numbers(*loaded), (Numbers{3, 4, 5, 6}));
}

TEST(LoadWeight, RoundsToNearestEvenOnce) {
  const MemorySource source({{"w", tensor(DType::fp32, {3}, {2049, 2051, 0x1.004p-15})},
                             {"b", tensor(DType::bf16, {2}, {0x1p-24, 3e-8})},
                             {"d", tensor(DType::fp64, {1}, {1 + 0x1p-11 + 0x1p-40})}});
  const auto load = [&](const char* name, int64_t count) {
    return numbers(*load_weight(source, {{.name = name}, DType::fp16, {count}}));
  };
  EXPECT_EQ(load("w", 3), (Numbers{2048, 2052, 0x1p-15}));
  EXPECT_EQ(load("b", 2), (Numbers{0x1p-24, 0x1p-24}));
  EXPECT_EQ(load("d", 1), (Numbers{1 + 0x1p-10}));
}

TEST(StreamWeight, GivesTheSameInPartsOfWholeRows) {
  std::vector<double> values;
  for (int i = 0; i < 3000 * 700; ++i) values.push_back(i % 2039 - 1000);
  const MemorySource source({{"w", tensor(DType::fp32, {3000, 700}, values)},
                             {"nan", tensor(DType::bf16, {4, 1}, {1, 2, 3, NAN})}});
  for (const bool transposed : {false, true}) {
    WeightEntry entry{{.name = "w", .first_row = 5, .transposed = transposed}, DType::fp16, {}};
    entry.shape = transposed ? Shape{695, 3000, 1, 1} : Shape{2995, 700, 1, 1};
    const auto whole = load_weight(source, entry);
    ASSERT_TRUE(whole.ok()) << whole.error().to_string();
    std::vector<std::byte> streamed;
    size_t parts = 0;
    const Status status = stream_weight(source, entry, [&](const Tensor& part) -> Status {
      EXPECT_EQ(part.shape()[1], entry.shape[1]);
      streamed.insert(streamed.end(), part.bytes().begin(), part.bytes().end());
      ++parts;
      return {};
    });
    EXPECT_TRUE(status.ok());
    EXPECT_GT(parts, 2u);
    EXPECT_TRUE(std::ranges::equal(streamed, whole->bytes()));
  }
  const auto add = [](const Tensor&) -> Status { return {}; };
  const Status faulty =
      stream_weight(source, {{.name = "nan", .first_row = 2, .rows = 2}, DType::fp16, {2, 1}}, add);
  ASSERT_FALSE(faulty.ok());
  EXPECT_EQ(faulty.error().to_string(), "tensor 'nan': the value at row 3, column 0 is nan");
}

TEST(LoadWeight, NamesTheTensorThatDoesNotFit) {
  const MemorySource source({{"huge", tensor(DType::bf16, {2}, {1, -70144})},
                             {"wide", tensor(DType::fp32, {2}, {65504, 65520})},
                             {"nan", tensor(DType::fp16, {2, 2}, {1, 2, NAN, 3})},
                             {"count", tensor(DType::int32, {2}, {1, 2})}});
  const auto error = [&](const char* name, Shape shape) {
    const auto loaded = load_weight(source, {{.name = name}, DType::fp16, shape});
    EXPECT_FALSE(loaded.ok());
    return loaded.ok() ? std::string() : loaded.error().to_string();
  };
  EXPECT_NE(error("huge", {2}).find("tensor 'huge': the value -70144 does not fit"),
            std::string::npos);
  EXPECT_NE(error("wide", {2}).find("65520"), std::string::npos);
  EXPECT_EQ(error("nan", {2, 2}), "tensor 'nan': the value at row 1, column 0 is nan");
  EXPECT_NE(error("count", {2}).find("tensor 'count' is int32"), std::string::npos);
  EXPECT_NE(error("wide", {3}).find("tensor 'wide' has shape [2], expected [2] for"),
            std::string::npos);
  EXPECT_EQ(load_weight(source, {{.name = "none"}, DType::fp16, {1}}).error().code,
            ErrorCode::not_found);
  EXPECT_EQ(load_weight(source, {{.name = "wide", .first_row = 1, .rows = 2}, DType::fp16, {2}})
                .error()
                .code,
            ErrorCode::mismatch);
  EXPECT_TRUE(load_weight(source, {{.name = "huge"}, DType::fp32, {2}}).ok());
}

}  // namespace
}  // namespace anemone::models
