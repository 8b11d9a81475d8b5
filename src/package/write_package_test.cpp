#include "package/write_package_test.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "base/blake3.h"
#include "package/weight_file.h"

namespace anemone::package {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::vector<int> kSixteenOnes(16, 1);

TEST(WritePackageTest, ConstantsOfTenElementsGoToTheWeightFile) {
  const Writing writing;
  const Package package = writing.written(package_of({
      held(counting(DType::fp16, {2, 8})),
      held(counting(DType::fp16, {9})),
      held(counting(DType::int32, {10})),
      held(counting(DType::int64, {10})),
      held(counting(DType::bool_, {10})),
      held(counting(DType::uint3, {10})),
      held(counting(DType::uint3, {8})),
  }));
  std::vector<bool> in_file;
  for (size_t i = 0; i < 7; ++i) in_file.push_back(value_of(package, i).blob != nullptr);
  EXPECT_THAT(in_file, ElementsAre(true, false, true, false, false, true, false));
  EXPECT_EQ(value_of(package, 3).tensor.at(9), 9);
  EXPECT_EQ(value_of(package, 4).tensor.at(9), 1);
  EXPECT_EQ(value_of(package, 5).tensor.at(7), 7);
}

TEST(WritePackageTest, InlineParametersStayInTheProgramUnlessOfConstexpr) {
  const Writing writing;
  Package package = package_of({held(counting(DType::fp16, {2, 8}))});
  mil::Block& block = package.program.functions[0].block;
  const mil::Value shared = value_of(package, 0);
  block.operations[1].inputs[1].bindings = {{shared}};
  mil::Operation sparse;
  sparse.type = "constexpr_sparse_to_dense";
  sparse.inputs = {
      {"mask", {{held(Tensor::from_values<int>(DType::uint1, {16}, kSixteenOnes))}}, false},
      {"nonzero_data", {{held(counting(DType::fp16, {16}, 5))}}, false}};
  sparse.outputs = {{"dense", mil::ValueType::of(DType::fp16, {16})}};
  sparse.attributes = {{"name", mil::make_string("dense")}};
  block.operations.push_back(sparse);
  const Package written = writing.written(package);
  const auto& operations = written.program.functions[0].block.operations;
  EXPECT_NE(operations[0].find_attribute("val")->blob, nullptr);
  EXPECT_EQ(operations[1].inputs[1].bindings[0].value().blob, nullptr);
  EXPECT_EQ(operations[1].inputs[1].bindings[0].value().tensor.at(15), 15);
  for (const mil::Argument& input : operations[2].inputs)
    EXPECT_NE(input.bindings[0].value().blob, nullptr) << input.parameter;
}

TEST(WritePackageTest, IntegersStayInProgramsBelowSpecification9) {
  const Writing writing;
  Package old = package_of({held(counting(DType::fp16, {2, 8})), held(counting(DType::int32, {10})),
                            held(counting(DType::int8, {10}))});
  old.program.functions[0].opset = "CoreML7";
  const Package package = writing.written(old);
  EXPECT_EQ(package.specification_version, 8);
  EXPECT_EQ(value_of(package, 1).blob, nullptr);
  EXPECT_NE(value_of(package, 2).blob, nullptr);
}

TEST(WritePackageTest, RecordsAreAlignedAndSayWhatTheyHold) {
  const Writing writing;
  writing.written(
      package_of({held(counting(DType::fp16, {2, 8})), held(counting(DType::uint3, {11})),
                  held(counting(DType::fp32, {10}))}));
  const auto blobs = list_blobs(*open(writing.path));
  ASSERT_TRUE(blobs.ok()) << blobs.error().to_string();
  ASSERT_EQ(blobs->size(), 3u);
  EXPECT_EQ(blobs->at(0).offset_bytes, 64u);
  EXPECT_EQ(blobs->at(1).offset_bytes, 192u);  // 64 header, 64 record, 32 data, 32 zeros
  EXPECT_EQ(blobs->at(1).dtype, DType::uint3);
  EXPECT_EQ(blobs->at(1).size_bytes, 5u);  // 33 bits
  EXPECT_EQ(blobs->at(2).offset_bytes, 320u);
  const std::string file =
      writing.folder.read("m.mlpackage/Data/com.apple.CoreML/weights/weight.bin");
  EXPECT_EQ(file.size(), 320u + 64 + 40);
  const auto record = read_blob_record(std::as_bytes(std::span(file)), 192);
  ASSERT_TRUE(record.ok());
  EXPECT_EQ(record->padding_bits, 7u);
}

TEST(WritePackageTest, EqualConstantsAreOneBlobAlsoAcrossFunctions) {
  const Writing writing;
  Tensor almost = counting(DType::fp16, {2, 8});
  almost.set(15, 99);
  std::vector<mil::Function> functions;
  functions.push_back(function_of(
      "a", {held(counting(DType::fp16, {2, 8})), held(counting(DType::fp16, {16})), held(almost)}));
  functions.push_back(function_of("b", {held(counting(DType::fp16, {2, 8}))}));
  const Package package = writing.written(package_of(std::move(functions)));
  EXPECT_EQ(package.default_function, "a");
  EXPECT_EQ(value_of(package, 0).blob->offset_bytes, 64u);
  EXPECT_EQ(value_of(package, 1).blob->offset_bytes, 64u);
  EXPECT_EQ(value_of(package, 0, 1).blob->offset_bytes, 64u);
  EXPECT_EQ(value_of(package, 2).blob->offset_bytes, 192u);
  EXPECT_EQ(value_of(package, 2).tensor.at(15), 99);
}

TEST(WritePackageTest, DeferredConstantsAreFetchedOncePerReferenceInFileOrder) {
  const Writing writing;
  std::vector<mil::Function> functions;
  functions.push_back(
      function_of("a", {deferred("w", DType::fp16, {2, 8}), deferred("v", DType::fp16, {4}),
                        deferred("w", DType::fp16, {16})}));
  functions.push_back(
      function_of("b", {deferred("w", DType::fp16, {2, 8}), deferred("u", DType::int8, {3})}));
  std::vector<std::string> fetched;
  const auto fetch = [&](const mil::BlobReference& reference) -> Result<Tensor> {
    fetched.push_back(reference.path);
    if (reference.path == "@checkpoint/w") return counting(DType::fp16, {2, 8}, 1);
    if (reference.path == "@checkpoint/v") return counting(DType::fp16, {4}, 2);
    return counting(DType::int8, {3}, 3);
  };
  const Package package = writing.written(package_of(std::move(functions)), fetching(fetch));
  EXPECT_THAT(fetched, ElementsAre("@checkpoint/w", "@checkpoint/v", "@checkpoint/u"));
  const auto blobs = list_blobs(package);
  ASSERT_TRUE(blobs.ok());
  EXPECT_EQ(blobs->size(), 3u);
  EXPECT_EQ(value_of(package, 0).tensor.at(15), 16);
  EXPECT_EQ(value_of(package, 1).tensor.at(0), 2);
  EXPECT_EQ(value_of(package, 2).blob->offset_bytes, 64u);
  EXPECT_EQ(value_of(package, 1, 1).tensor.at(2), 5);
  EXPECT_THAT(verify(package), IsEmpty());
}

TEST(WritePackageTest, DeferredConstantsMayComeInParts) {
  const Writing writing;
  WriteOptions options;
  options.weights = [](const mil::BlobReference&, const mil::TensorType& type,
                       const WeightSink& add) -> Status {
    EXPECT_EQ(type.shape, (Shape{2, 8}));
    ANEMONE_RETURN_IF_ERROR(add(counting(DType::fp16, {8}, 0)));
    return add(counting(DType::fp16, {1, 8}, 8));
  };
  const Package package =
      writing.written(package_of({deferred("w", DType::fp16, {2, 8})}), options);
  EXPECT_EQ(value_of(package, 0).tensor.at(8), 8);
  EXPECT_EQ(value_of(package, 0).tensor.at(15), 15);
}

TEST(WritePackageTest, ProgressCountsConstantsAndBytes) {
  const Writing writing;
  std::vector<uint64_t> bytes;
  std::vector<std::string> next;
  WriteOptions options =
      fetching([](const auto&) -> Result<Tensor> { return counting(DType::fp16, {4}); });
  options.progress = [&](const WriteProgress& progress) -> Status {
    EXPECT_EQ(progress.constants_total, 2u);
    EXPECT_EQ(progress.weight_bytes_total, 192u + 64 + 8);
    EXPECT_EQ(progress.constants_done, bytes.size());
    bytes.push_back(progress.weight_bytes_done);
    next.emplace_back(progress.next);
    return {};
  };
  const Package package =
      package_of({held(counting(DType::fp16, {2, 8})), deferred("w", DType::fp16, {4})});
  writing.written(package, options);
  EXPECT_THAT(bytes, ElementsAre(64, 160, 264));
  EXPECT_THAT(next, ElementsAre("", "@checkpoint/w", ""));
  const auto size = measure(package);
  ASSERT_TRUE(size.ok());
  EXPECT_EQ(size->weight_bytes, 264u);
  EXPECT_EQ(size->weight_constants, 2u);
  EXPECT_EQ(size->model_bytes, fs::file_size(writing.path / "Data/com.apple.CoreML/model.mlmodel"));
}

TEST(WritePackageTest, HashesEachFileAndTakesMetadataThatComesLate) {
  const Writing writing;
  Package package = package_of({held(counting(DType::fp16, {2, 8}))});
  package.metadata = {{"author", "someone"}, {"source", "0000"}};
  WriteOptions options;
  std::map<std::string, std::string> hashes;
  bool weights_written = false;
  options.progress = [&](const WriteProgress& now) -> Status {
    weights_written = now.constants_done == now.constants_total;
    return {};
  };
  options.hashed = [&](std::string_view file, std::string_view hash) {
    hashes.emplace(file, hash);
  };
  options.late_metadata = [&]() -> Result<std::map<std::string, std::string>> {
    EXPECT_TRUE(weights_written);
    return std::map<std::string, std::string>{{"source", "1234"}, {"more", "x"}};
  };
  const Package written = writing.written(package, options);
  EXPECT_EQ(written.metadata, (std::map<std::string, std::string>{
                                  {"author", "someone"}, {"more", "x"}, {"source", "1234"}}));
  ASSERT_EQ(hashes.size(), 3u);
  for (const auto& [file, hash] : hashes) {
    Blake3 contents;
    ASSERT_TRUE(contents.update_from(writing.path / file).ok()) << file;
    EXPECT_EQ(hash, contents.finish()) << file;
  }

  options.late_metadata = []() -> Result<std::map<std::string, std::string>> {
    return Error{ErrorCode::io, "the source is gone", {}, {}};
  };
  options.overwrite = true;
  EXPECT_THAT(writing.error(package, options), HasSubstr("the source is gone"));
  EXPECT_EQ(open(writing.path)->metadata.at("source"), "1234");
}

TEST(WritePackageTest, TheManifestIsThatOfCoremltoolsAndFollowsTheContents) {
  const Writing writing;
  writing.written(package_of({held(counting(DType::fp16, {2, 8}))}));
  const std::string manifest = writing.folder.read("m.mlpackage/Manifest.json");
  EXPECT_EQ(manifest.find("{\n    \"fileFormatVersion\": \"1.0.0\",\n    \"itemInfoEntries\": {"),
            0u);
  EXPECT_THAT(manifest, HasSubstr("\"path\": \"com.apple.CoreML/weights\""));
  EXPECT_THAT(manifest,
              ::testing::ContainsRegex(
                  "\"rootModelIdentifier\": "
                  "\"[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\""));
  const Writing other;
  Package package = package_of({held(counting(DType::fp16, {2, 8}))});
  package.metadata["license"] = "none";
  EXPECT_EQ(other.written(package).metadata, package.metadata);
  EXPECT_NE(other.folder.read("m.mlpackage/Manifest.json"), manifest);
}

}  // namespace
}  // namespace anemone::package
