#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <numeric>

#include "anemone/package.h"
#include "base/blake3.h"
#include "package/weight_file.h"
#include "support/scratch_folder.h"

namespace anemone::package {
namespace {

namespace fs = std::filesystem;
using test::ScratchFolder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

mil::Operation constant(const std::string& name, mil::Value value) {
  mil::Operation operation;
  operation.type = "const";
  operation.outputs = {{name, value.type}};
  operation.attributes = {{"name", mil::make_string(name)}, {"val", std::move(value)}};
  return operation;
}

mil::Value held(Tensor tensor) {
  mil::Value value;
  value.type = mil::ValueType::of(tensor.dtype(), tensor.shape());
  value.tensor = std::move(tensor);
  return value;
}

mil::Value deferred(const std::string& key, DType dtype, const Shape& shape) {
  mil::Value value;
  value.type = mil::ValueType::of(dtype, shape);
  value.blob = std::make_shared<const mil::BlobReference>(mil::BlobReference{"@checkpoint/" + key});
  return value;
}

const std::vector<int> kSixteenOnes(16, 1);

Tensor counting(DType dtype, const Shape& shape, int first = 0) {
  std::vector<int> values(static_cast<size_t>(shape.element_count()));
  std::iota(values.begin(), values.end(), first);
  return Tensor::from_values<int>(dtype, shape, values);
}

/// One function that returns its input fp16 [2, 8] plus the first constant of `values` and holds
/// the others.
mil::Function function_of(const std::string& name, std::vector<mil::Value> values) {
  const auto type = mil::ValueType::of(DType::fp16, {2, 8});
  mil::Function function;
  function.name = name;
  function.opset = "CoreML8";
  function.inputs = {{"x", type}};
  for (mil::Value& value : values)
    function.block.operations.push_back(
        constant("c" + std::to_string(function.block.operations.size()), std::move(value)));
  mil::Operation add;
  add.type = "add";
  add.inputs = {{"x", {{std::string("x")}}, false}, {"y", {{std::string("c0")}}, false}};
  add.outputs = {{"sum", type}};
  add.attributes = {{"name", mil::make_string("sum")}};
  function.block.operations.push_back(std::move(add));
  function.block.outputs = {"sum"};
  return function;
}

Package package_of(std::vector<mil::Function> functions) {
  Package package;
  package.program.functions = std::move(functions);
  for (const mil::Function& function : package.program.functions)
    package.functions.push_back(*describe(function));
  package.default_function = package.functions.front().name;
  return package;
}

Package package_of(std::vector<mil::Value> values) {
  std::vector<mil::Function> functions;
  functions.push_back(function_of("main", std::move(values)));
  return package_of(std::move(functions));
}

const mil::Value& value_of(const Package& package, size_t constant, size_t function = 0) {
  return *package.program.functions[function].block.operations[constant].find_attribute("val");
}

/// Writes into a folder of its own.
struct Writing {
  ScratchFolder folder;
  fs::path path = folder.path() / "m.mlpackage";

  std::string error(const Package& package, const WriteOptions& options = {}) const {
    const Status status = write(path, package, options);
    return status.ok()
               ? "ok"
               : std::string(to_string(status.error().code)) + ": " + status.error().to_string();
  }
  Package written(const Package& package, const WriteOptions& options = {}) const {
    EXPECT_EQ(error(package, options), "ok");
    auto opened = open(path);
    EXPECT_TRUE(opened.ok()) << opened.error().to_string();
    return opened.ok() ? std::move(*opened) : Package();
  }
  std::vector<std::string> names() const {
    std::vector<std::string> found;
    for (const auto& entry : fs::directory_iterator(folder.path()))
      found.push_back(entry.path().filename().string());
    return found;
  }
};

WriteOptions fetching(std::function<Result<Tensor>(const mil::BlobReference&)> fetch) {
  WriteOptions options;
  options.weights = whole_tensors(std::move(fetch));
  return options;
}

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

TEST(WritePackageTest, WrongPartsAreRefusedAndLeaveNothing) {
  const Package package = package_of({deferred("w", DType::fp16, {2, 8})});
  const Package packed =
      package_of({held(counting(DType::fp16, {2, 8})), deferred("w", DType::int4, {4, 4})});
  const Writing writing;
  const auto given = [&](const Package& to_write, std::vector<Tensor> parts) {
    WriteOptions options;
    options.weights = [&](const mil::BlobReference&, const mil::TensorType&,
                          const WeightSink& add) -> Status {
      for (const Tensor& part : parts) ANEMONE_RETURN_IF_ERROR(add(part));
      return {};
    };
    const std::string error = writing.error(to_write, options);
    EXPECT_THAT(writing.names(), IsEmpty());
    return error;
  };
  EXPECT_THAT(given(package, {counting(DType::fp32, {2, 8})}),
              AllOf(HasSubstr("mismatch: "), HasSubstr("m.mlpackage"), HasSubstr("@checkpoint/w"),
                    HasSubstr("got fp32, expected fp16")));
  EXPECT_THAT(given(package, {Tensor()}), HasSubstr("got nothing, expected fp16"));
  EXPECT_THAT(given(package, {}), HasSubstr("got 0 elements, expected 16"));
  EXPECT_THAT(given(package, {counting(DType::fp16, {15})}),
              HasSubstr("got 15 elements, expected 16"));
  EXPECT_THAT(given(package, {counting(DType::fp16, {15}), counting(DType::fp16, {2})}),
              HasSubstr("got 17 elements, expected 16"));
  EXPECT_THAT(given(packed, {counting(DType::int4, {3}), counting(DType::int4, {13})}),
              HasSubstr("got a part of 3 int4, expected parts of whole bytes"));
}

TEST(WritePackageTest, ErrorsOfTheCallbacksEndTheWritingAndLeaveNothing) {
  const Package package =
      package_of({held(counting(DType::fp16, {2, 8})), deferred("gone", DType::fp16, {2, 8})});
  const Writing writing;
  EXPECT_THAT(writing.error(package, fetching([](const auto&) -> Result<Tensor> {
                              return Error{ErrorCode::not_found, "no tensor of that name", {}, {}};
                            })),
              AllOf(HasSubstr("not_found: "), HasSubstr("@checkpoint/gone")));
  EXPECT_THAT(writing.error(package), HasSubstr("invalid_argument: "));
  WriteOptions stopping = fetching([](const auto&) -> Result<Tensor> {
    return counting(DType::fp16, {2, 8});
  });
  stopping.progress = [](const WriteProgress& progress) -> Status {
    if (progress.constants_done == 0) return {};
    return Error{ErrorCode::interrupted, "stopped", {}, {}};
  };
  EXPECT_THAT(writing.error(package, stopping), HasSubstr("interrupted: "));
  EXPECT_THAT(writing.names(), IsEmpty());
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

TEST(WritePackageTest, TooLittleSpaceIsSaidBeforeAnyWeightIsFetched) {
  const Writing writing;
  bool fetched = false;
  const Shape huge = {int64_t{1} << 30, int64_t{1} << 24};  // 2^55 bytes
  const std::string error = writing.error(
      package_of({held(counting(DType::fp16, {2, 8})), deferred("huge", DType::fp16, huge)}),
      fetching([&](const auto&) -> Result<Tensor> {
        fetched = true;
        return Tensor();
      }));
  EXPECT_THAT(error, AllOf(HasSubstr("io: "), HasSubstr("no space left: 360287970"),
                           HasSubstr(" bytes are needed, "), HasSubstr(" are available")));
  EXPECT_FALSE(fetched);
  EXPECT_THAT(writing.names(), IsEmpty());
}

TEST(WritePackageTest, AWriteThatTheSystemRefusesLeavesNothing) {
  const Package package = package_of(
      {held(counting(DType::fp16, {2, 8})), held(counting(DType::fp32, {1 << 16}))});  // 256 KiB
  const Writing writing;
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit small{128 << 10, before.rlim_max};
  std::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const std::string error = writing.error(package);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, SIG_DFL);
  EXPECT_THAT(error, AllOf(HasSubstr("io: "), HasSubstr("weight.bin"), HasSubstr("cannot write"),
                           HasSubstr("the package needs 3")));
  EXPECT_THAT(writing.names(), IsEmpty());
}

TEST(WritePackageTest, OnlyPackagesAreReplacedAndOnlyWhenAsked) {
  const Writing writing;
  const Package first = package_of({held(counting(DType::fp16, {2, 8}))});
  const Package second = package_of({held(counting(DType::fp16, {2, 8}, 7))});
  writing.written(first);
  EXPECT_THAT(writing.error(second), AllOf(HasSubstr("invalid_argument: "), HasSubstr("exists")));
  EXPECT_EQ(value_of(*open(writing.path), 0).tensor.at(0), 0);
  WriteOptions overwrite;
  overwrite.overwrite = true;
  EXPECT_EQ(value_of(writing.written(second, overwrite), 0).tensor.at(0), 7);
  EXPECT_THAT(writing.names(), ElementsAre("m.mlpackage"));

  // A package may replace the one that its weights lie in.
  auto opened = open(writing.path);
  ASSERT_TRUE(opened.ok());
  opened->metadata["author"] = "someone";
  const Package again = writing.written(*opened, overwrite);
  EXPECT_EQ(again.metadata.at("author"), "someone");
  EXPECT_EQ(value_of(again, 0).tensor.at(0), 7);

  const ScratchFolder other;
  other.write("letters/one.txt", "dear");
  EXPECT_FALSE(write(other.path() / "letters", first, overwrite).ok());
  EXPECT_FALSE(write(other.path() / "letters/one.txt", first, overwrite).ok());
  EXPECT_EQ(other.read("letters/one.txt"), "dear");
  EXPECT_EQ(write(other.path() / "none/m.mlpackage", first).error().code, ErrorCode::not_found);
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

TEST(WritePackageTest, WhatOnlyLooksLikeAPackageIsNotReplaced) {
  const Package package = package_of({held(counting(DType::fp16, {2, 8}))});
  WriteOptions overwrite;
  overwrite.overwrite = true;
  const Writing thesis;
  thesis.written(package);
  thesis.folder.write("m.mlpackage/thesis.txt", "chapter one");
  EXPECT_THAT(thesis.error(package, overwrite), HasSubstr("'thesis.txt' is no part"));
  EXPECT_EQ(thesis.folder.read("m.mlpackage/thesis.txt"), "chapter one");
  std::filesystem::rename(thesis.path / "thesis.txt", thesis.path / ".DS_Store");
  EXPECT_EQ(thesis.error(package, overwrite), "ok");
  thesis.folder.write("m.mlpackage/Data/mine/two.txt", "chapter two");
  EXPECT_THAT(thesis.error(package, overwrite), HasSubstr("'Data/mine/two.txt' is no part"));
  EXPECT_EQ(thesis.folder.read("m.mlpackage/Data/mine/two.txt"), "chapter two");

  const Writing extension;
  extension.folder.write("m.mlpackage/Manifest.json", R"({"manifest_version": 3})");
  EXPECT_THAT(extension.error(package, overwrite), HasSubstr("fileFormatVersion"));
  EXPECT_EQ(extension.folder.read("m.mlpackage/Manifest.json"), R"({"manifest_version": 3})");

  const Writing lower;
  lower.written(package);
  std::filesystem::rename(lower.path / "Manifest.json", lower.path / "manifest.json");
  EXPECT_THAT(lower.error(package, overwrite), HasSubstr("is no .mlpackage"));

  const Writing link;
  link.written(package);
  std::filesystem::rename(link.path, link.folder.path() / "real");
  std::filesystem::create_directory_symlink(link.folder.path() / "real", link.path);
  EXPECT_THAT(link.error(package, overwrite), HasSubstr("not a folder"));
}

TEST(WritePackageTest, WhatCannotBeRightIsRefused) {
  const Writing writing;
  Package package = package_of({held(counting(DType::fp16, {2, 8}))});
  package.functions[0].inputs[0].shape = {2, 9};
  EXPECT_THAT(writing.error(package), AllOf(HasSubstr("mismatch: "), HasSubstr("package_c4")));
  package = package_of({held(counting(DType::fp16, {2, 8}))});
  package.specification_version = 8;
  EXPECT_THAT(writing.error(package), HasSubstr("specification version 8, the program needs 9"));
  package = package_of({held(counting(DType::fp16, {2, 8})), mil::Value()});
  EXPECT_THAT(writing.error(package), HasSubstr("neither contents nor a reference"));
  mil::Value lie = held(counting(DType::fp16, {2, 8}));
  lie.tensor = counting(DType::fp16, {2, 7});
  EXPECT_THAT(writing.error(package_of({lie})), HasSubstr("holds fp16 [2, 7]"));
  EXPECT_THAT(writing.error(package_of(
                  {deferred("w", DType::fp16, {2, 8}), deferred("w", DType::fp16, {2, 9})})),
              AllOf(HasSubstr("mismatch: "), HasSubstr("stands for 16 elements elsewhere")));
  EXPECT_THAT(writing.error(package_of(
                  {held(counting(DType::fp16, {2, 8})), deferred("w", DType::int64, {2, 8})})),
              AllOf(HasSubstr("unsupported: "), HasSubstr("weight files hold no int64")));
  package = package_of({held(counting(DType::fp16, {2, 8}))});
  package.functions[0].name = package.program.functions[0].name = "other";
  EXPECT_THAT(writing.error(package), HasSubstr("default function 'main' is none of the 1"));
  EXPECT_THAT(writing.names(), IsEmpty());
}

TEST(WritePackageTest, ModelsBeyondTheLimitOfProtobufAreRefused) {
  constexpr size_t kBytes = size_t{1} << 31;  // reserved, never touched
  void* const memory = mmap(nullptr, kBytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  const std::shared_ptr<const void> owner(
      memory, [](const void* start) { munmap(const_cast<void*>(start), kBytes); });
  const Tensor bools = Tensor::view(DType::bool_, {static_cast<int64_t>(kBytes)},
                                    {static_cast<const std::byte*>(memory), kBytes}, owner);
  const Writing writing;
  EXPECT_THAT(writing.error(package_of({held(counting(DType::fp16, {2, 8})), held(bools)})),
              AllOf(HasSubstr("limit: "), HasSubstr("at most 2147483647")));
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
