// What cannot be written is refused, and nothing is lost or half written.

#include <gmock/gmock.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <csignal>

#include "package/write_package_test.h"

namespace anemone::package {
namespace {

namespace fs = std::filesystem;
using test::ScratchFolder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(WriteRefusalsTest, WrongPartsAreRefusedAndLeaveNothing) {
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

TEST(WriteRefusalsTest, ErrorsOfTheCallbacksEndTheWritingAndLeaveNothing) {
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

TEST(WriteRefusalsTest, TooLittleSpaceIsSaidBeforeAnyWeightIsFetched) {
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

TEST(WriteRefusalsTest, AWriteThatTheSystemRefusesLeavesNothing) {
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

TEST(WriteRefusalsTest, OnlyPackagesAreReplacedAndOnlyWhenAsked) {
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

TEST(WriteRefusalsTest, WhatOnlyLooksLikeAPackageIsNotReplaced) {
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

TEST(WriteRefusalsTest, WhatCannotBeRightIsRefused) {
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

TEST(WriteRefusalsTest, ModelsBeyondTheLimitOfProtobufAreRefused) {
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

}  // namespace
}  // namespace anemone::package
