#include "checkpoint/safetensors.h"

#include <gmock/gmock.h>

#include <cstring>

#include "checkpoint/sharded.h"
#include "support/safetensors_file.h"
#include "support/scratch_folder.h"

namespace anemone::checkpoint {
namespace {

using test::safetensors_bytes;
using ::testing::HasSubstr;

Result<std::shared_ptr<const TensorSource>> parse(const std::string& bytes) {
  const auto owner = std::make_shared<const std::string>(bytes);
  return parse_safetensors(std::as_bytes(std::span(*owner)), owner);
}

std::string file_of(const std::string& header, size_t data_bytes) {
  std::string file(8, '\0');
  const uint64_t size = header.size();
  std::memcpy(file.data(), &size, 8);
  return file + header + std::string(data_bytes, '\1');
}

void expect_error(const std::string& file, ErrorCode code, const std::string& text) {
  const auto source = parse(file);
  ASSERT_FALSE(source.ok()) << text;
  EXPECT_EQ(source.error().code, code) << source.error().to_string();
  EXPECT_THAT(source.error().to_string(), HasSubstr(text));
}

TEST(Safetensors, S3_5_EveryDTypeIsReadAsStored) {
  for (const DType dtype :
       {DType::bool_, DType::uint8, DType::int8, DType::uint16, DType::int16, DType::uint32,
        DType::int32, DType::uint64, DType::int64, DType::fp16, DType::bf16, DType::fp32,
        DType::fp64, DType::fp8e4m3fn, DType::fp8e5m2}) {
    Tensor values = Tensor::zeros(dtype, {2, 3});
    const auto one = dtype == DType::fp8e4m3fn ? std::byte{0x38} : std::byte{0x3c};  // as fp8
    for (int64_t i = 0; i < 6; ++i)
      if (is_float(dtype) && bit_width(dtype) == 8)
        values.mutable_bytes()[static_cast<size_t>(i)] = i % 2 == 1 ? one : std::byte{0};
      else
        values.set(i, static_cast<double>(i % 2));
    const auto source = parse(safetensors_bytes({{"z.weight", values}, {"a", values}}));
    ASSERT_TRUE(source.ok()) << source.error().to_string();
    ASSERT_EQ((*source)->tensors().size(), 2u);
    EXPECT_EQ((*source)->tensors()[0].name, "a");
    const auto back = (*source)->read("z.weight");
    ASSERT_TRUE(back.ok());
    EXPECT_EQ(back->dtype(), dtype);
    EXPECT_EQ(back->shape(), Shape({2, 3}));
    for (int64_t i = 0; i < 6; ++i)
      EXPECT_EQ(back->at(i), static_cast<double>(i % 2)) << to_string(dtype);
  }
}

TEST(Safetensors, OffsetsThatDoNotSuitTheTypeAreCopied) {
  const std::string header = R"({"b":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                             R"("w":{"dtype":"F32","shape":[1],"data_offsets":[1,5]}})";
  std::string file = file_of(header, 5);
  const float value = 2.5F;
  std::memcpy(file.data() + file.size() - 4, &value, 4);
  const auto source = parse(file);
  ASSERT_TRUE(source.ok()) << source.error().to_string();
  EXPECT_EQ((*source)->read("w")->values<float>()[0], 2.5F);
}

TEST(Safetensors, ScalarsAndEmptyTensorsAndMetadataAreValid) {
  const auto source = parse(file_of(
      R"({"__metadata__":{"format":"pt"},"e":{"dtype":"F32","shape":[0,4],"data_offsets":[0,0]},)"
      R"("s":{"dtype":"F16","shape":[],"data_offsets":[0,2]}}   )",
      2));
  ASSERT_TRUE(source.ok()) << source.error().to_string();
  EXPECT_EQ((*source)->find("s")->shape.rank(), 0u);
  EXPECT_EQ((*source)->read("e")->element_count(), 0);
  EXPECT_EQ((*source)->read("x").error().code, ErrorCode::not_found);
  EXPECT_TRUE(parse(file_of(R"({"__metadata__":null})", 0)).ok());
}

TEST(Safetensors, TypesThatAreNotReadAreNamed) {
  expect_error(file_of(R"({"w":{"dtype":"F8_E8M0","shape":[2],"data_offsets":[0,2]}})", 2),
               ErrorCode::unsupported, "tensor 'w': dtype F8_E8M0");
}

TEST(Safetensors, HeadersThatLieAreRefused) {
  const auto one = [](const char* body, size_t bytes) {
    return file_of(std::string("{\"w\":{") + body + "}}", bytes);
  };
  expect_error(one(R"("dtype":"F32","shape":[2],"data_offsets":[0,4])", 4), ErrorCode::corrupt,
               "needs 8 bytes");
  expect_error(one(R"("dtype":"U8","shape":[2],"data_offsets":[2,4])", 4), ErrorCode::corrupt,
               "leave a gap");
  expect_error(one(R"("dtype":"U8","shape":[2],"data_offsets":[0,2])", 3), ErrorCode::corrupt,
               "tensors end at 2");
  expect_error(one(R"("dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0])", 0),
               ErrorCode::corrupt, "overflows");
  expect_error(one(R"("dtype":"U8","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,1])", 1),
               ErrorCode::unsupported, "9 dimensions");
  expect_error(one(R"("dtype":"U8","shape":[-1],"data_offsets":[0,1])", 1), ErrorCode::corrupt,
               "dimension -1");
  expect_error(file_of(R"({"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"w":{}})", 1),
               ErrorCode::corrupt, "'w' twice");
  expect_error(file_of("{\"w\":" + std::string(100, '[') + std::string(100, ']') + "}", 0),
               ErrorCode::limit, "deeper than 64");
  expect_error(file_of(R"({"__metadata__":{"a":1}})", 0), ErrorCode::corrupt, "__metadata__");
  expect_error(file_of(R"( {})", 0), ErrorCode::corrupt, "does not begin");
  expect_error(file_of("{\"" + std::string(100'000'001, 'a') + "\"}", 0), ErrorCode::limit,
               "100000000");
}

TEST(Sharded, TheIndexSaysWhichShardCounts) {
  const test::ScratchFolder folder;
  const Tensor ones = Tensor::from_values<float>(DType::fp32, {1}, std::array{1.0F});
  const Tensor twos = Tensor::from_values<float>(DType::fp32, {1}, std::array{2.0F});
  folder.write("1.safetensors", safetensors_bytes({{"a", ones}, {"b", ones}}));
  folder.write("2.safetensors", safetensors_bytes({{"b", twos}, {"c", twos}}));
  const auto open = [&](const std::string& map) {
    folder.write("i.json", R"({"weight_map":)" + map + "}");
    return open_sharded(folder.path() / "i.json", open_safetensors);
  };
  const auto both = open(R"({"a":"1.safetensors","b":"2.safetensors"})");
  ASSERT_TRUE(both.ok()) << both.error().to_string();
  ASSERT_EQ(both->source->tensors().size(), 3u);
  EXPECT_EQ(both->source->read("b")->at(0), 2.0);
  EXPECT_EQ(both->files.size(), 3u);
  const std::pair<const char*, ErrorCode> wrong[] = {
      {R"({"a":"1.safetensors","c":"2.safetensors"})", ErrorCode::mismatch},
      {R"({"c":"1.safetensors"})", ErrorCode::mismatch},
      {R"({"a":"3.safetensors"})", ErrorCode::not_found},
      {R"({"a":"../1.safetensors"})", ErrorCode::corrupt},
      {R"({"a":1})", ErrorCode::corrupt},
      {R"([])", ErrorCode::corrupt}};
  for (const auto& [map, code] : wrong) {
    const auto result = open(map);
    ASSERT_FALSE(result.ok()) << map;
    EXPECT_EQ(result.error().code, code) << result.error().to_string();
  }
}

}  // namespace
}  // namespace anemone::checkpoint
