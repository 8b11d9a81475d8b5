#include "package/open_package.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "package/compiled_description.h"
#include "support/shared.h"
#include "support/small_package.h"

namespace anemone::package {
namespace {

using namespace test;
using ::testing::HasSubstr;

std::string error_of(const std::string& model_bytes) {
  const SmallPackage package(model_bytes);
  const auto opened = open(package.path());
  return opened.ok()
             ? "ok"
             : std::string(to_string(opened.error().code)) + ": " + opened.error().to_string();
}

TEST(OpenPackageTest, ReadsDescriptionAndProgram) {
  const SmallPackage package;
  const auto opened = open(package.path());
  ASSERT_TRUE(opened.ok()) << opened.error().to_string();
  EXPECT_EQ(opened->form, Form::mlpackage);
  EXPECT_EQ(opened->specification_version, 9);
  EXPECT_EQ(opened->default_function, "main");
  EXPECT_EQ(opened->weight_file_bytes, 160u);
  const FunctionDescription* main = opened->find_function("main");
  ASSERT_NE(main, nullptr);
  ASSERT_NE(main->find_input("x"), nullptr);
  EXPECT_EQ(main->find_input("x")->dtype, DType::fp16);
  EXPECT_EQ(main->find_input("x")->shape, (std::vector<int64_t>{2, 8}));
  const mil::Function* function = opened->program.find_function("main");
  ASSERT_NE(function, nullptr);
  EXPECT_EQ(function->opset, "CoreML8");
  ASSERT_EQ(function->block.operations.size(), 2u);
  EXPECT_EQ(function->block.operations[0].display_name(), "weight");
  EXPECT_EQ(function->block.operations[1].find_input("x")->bindings[0].name(), "x");
  const mil::Value* weight = function->block.operations[0].find_attribute("val");
  ASSERT_NE(weight, nullptr);
  EXPECT_EQ(weight->blob->offset_bytes, 64u);
  EXPECT_EQ(weight->tensor.shape(), (Shape{2, 8}));
}

TEST(OpenPackageTest, ASlashAtTheEndIsNoPartOfThePath) {
  const SmallPackage package;
  const auto opened = open(package.path() / "");
  ASSERT_TRUE(opened.ok()) << opened.error().to_string();
  EXPECT_EQ(opened->path, package.path());
}

TEST(OpenPackageTest, WeightsOutliveThePackage) {
  Tensor weight;
  {
    const SmallPackage package;
    auto opened = open(package.path());
    ASSERT_TRUE(opened.ok());
    weight = opened->program.functions[0].block.operations[0].find_attribute("val")->tensor;
  }
  EXPECT_EQ(weight.bytes()[31], std::byte{1});
}

TEST(OpenPackageTest, S3_74_APlainModelFileIsAccepted) {
  const SmallPackage package;
  package.folder().write("plain/model.mlmodel", small_model());
  package.folder().write("plain/weights/weight.bin", small_weights());
  const auto opened = open(package.folder().path() / "plain/model.mlmodel");
  ASSERT_TRUE(opened.ok()) << opened.error().to_string();
  EXPECT_EQ(opened->form, Form::mlmodel);
  EXPECT_EQ(opened->weight_file_bytes, 160u);
}

TEST(OpenPackageTest, S0_32_BothSuffixesHoldTheSameProgram) {
  const SmallPackage package;
  write_small_mlmodelc(package.folder());
  const auto source = open(package.path());
  const auto compiled = open(package.folder().path() / "m.mlmodelc");
  ASSERT_TRUE(source.ok()) << source.error().to_string();
  ASSERT_TRUE(compiled.ok()) << compiled.error().to_string();
  EXPECT_EQ(source->form, Form::mlpackage);
  EXPECT_EQ(compiled->form, Form::mlmodelc);
  EXPECT_EQ(compiled->specification_version, 9);
  EXPECT_EQ(compiled->weight_file_bytes, 160u);
  EXPECT_EQ(mil::print(source->program), mil::print(compiled->program));
}

/// The text of a program as coremlc would write it: inputs by name, no program attributes.
std::string compiled_text(mil::Program program) {
  program.attributes.clear();
  for (mil::Function& function : program.functions) {
    std::ranges::sort(function.inputs, {}, &mil::NamedType::name);
    function.attributes.clear();
  }
  return mil::print(program);
}

TEST(OpenPackageTest, S0_34_PublishedPairsHoldTheSameProgram) {
  ANEMONE_NEED_SHARED("fixtures/realworld");
  int pairs = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(shared_folder() / "fixtures/realworld")) {
    if (entry.path().extension() != ".mlpackage") continue;
    const auto source = open(entry.path());
    const auto compiled = open(std::filesystem::path(entry.path()).replace_extension(".mlmodelc"));
    ASSERT_TRUE(source.ok()) << source.error().to_string();
    ASSERT_TRUE(compiled.ok()) << compiled.error().to_string();
    EXPECT_EQ(compiled_text(source->program), compiled_text(compiled->program)) << entry.path();
    EXPECT_EQ(source->metadata, compiled->metadata);
    EXPECT_EQ(source->weight_file_bytes, compiled->weight_file_bytes);
    ++pairs;
  }
  EXPECT_EQ(pairs, 3);
}

TEST(OpenPackageTest, CompiledModelsNeedTheirParts) {
  for (const char* name : {"coremldata.bin", "model.mil", "weights/weight.bin"}) {
    const ScratchFolder folder;
    write_small_mlmodelc(folder);
    std::filesystem::remove(folder.path() / "m.mlmodelc" / name);
    const auto opened = open(folder.path() / "m.mlmodelc");
    ASSERT_FALSE(opened.ok()) << name;
    EXPECT_EQ(opened.error().code, ErrorCode::not_found) << name;
    EXPECT_THAT(opened.error().to_string(), HasSubstr(name));
  }
  const ScratchFolder folder;
  write_small_mlmodelc(folder);
  folder.write("m.mlmodelc/coremldata.bin", compiled_description(500));
  const auto opened = open(folder.path() / "m.mlmodelc");
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code, ErrorCode::unsupported);
  EXPECT_THAT(opened.error().to_string(), HasSubstr("neuralNetwork"));
}

TEST(OpenPackageTest, CompiledDescriptionsCutAnywhereAreErrors) {
  const std::string whole = compiled_description();
  ASSERT_TRUE(read_compiled_description(std::as_bytes(std::span(whole))).ok());
  constexpr size_t kTailBytes = 16;
  for (size_t size = 0; size < whole.size() - kTailBytes; ++size) {
    const std::string cut = whole.substr(0, size);
    EXPECT_EQ(read_compiled_description(std::as_bytes(std::span(cut))).error().code,
              ErrorCode::corrupt)
        << size;
  }
  std::string huge = whole;
  huge.replace(0x1c, 8, 8, '\xff');
  EXPECT_EQ(read_compiled_description(std::as_bytes(std::span(huge))).error().code,
            ErrorCode::corrupt);
}

TEST(OpenPackageTest, TrailingSlashesAndBareNamesAreFine) {
  const SmallPackage package;
  EXPECT_TRUE(open(package.path() / "").ok());
  std::filesystem::rename(package.path(), package.folder().path() / "renamed");
  EXPECT_TRUE(open(package.folder().path() / "renamed").ok());
}

TEST(OpenPackageTest, EveryFormListsItsBlobsWithoutReadingTheProgramAgain) {
  const SmallPackage package;
  write_small_mlmodelc(package.folder());
  package.folder().write("plain/model.mlmodel", small_model());
  package.folder().write("plain/weights/weight.bin", small_weights());
  const auto folder = package.folder().path();
  for (const auto& [path, program] :
       {std::pair{package.path(), package.path() / "Data/com.apple.CoreML/model.mlmodel"},
        {folder / "m.mlmodelc", folder / "m.mlmodelc/model.mil"},
        {folder / "plain/model.mlmodel", folder / "plain/model.mlmodel"}}) {
    const auto opened = open(path);
    ASSERT_TRUE(opened.ok()) << opened.error().to_string();
    EXPECT_EQ(form_of(path), opened->form);
    std::filesystem::resize_file(program, 0);
    const auto blobs = list_blobs(*opened);
    ASSERT_TRUE(blobs.ok()) << blobs.error().to_string();
    ASSERT_EQ(blobs->size(), 1u);
    EXPECT_EQ(blobs->front().file, "weights/weight.bin");
    EXPECT_EQ(blobs->front().offset_bytes, 64u);
    EXPECT_EQ(blobs->front().dtype, DType::fp16);
    EXPECT_EQ(blobs->front().size_bytes, 32u);
  }
}

TEST(OpenPackageTest, TheFormComesFromNameOrContents) {
  const ScratchFolder folder;
  folder.write("a.mlpackage/x", "");
  folder.write("b.mlmodelc/x", "");
  folder.write("c/Manifest.json", "");
  folder.write("d/coremldata.bin", "");
  folder.write("e.mlmodel", "");
  folder.write("model/meta.yaml", "");
  folder.write("file.mlpackage", "");
  EXPECT_EQ(form_of(folder.path() / "a.mlpackage"), Form::mlpackage);
  EXPECT_EQ(form_of(folder.path() / "a.mlpackage" / ""), Form::mlpackage);
  EXPECT_EQ(form_of(folder.path() / "b.mlmodelc"), Form::mlmodelc);
  EXPECT_EQ(form_of(folder.path() / "c"), Form::mlpackage);
  EXPECT_EQ(form_of(folder.path() / "d"), Form::mlmodelc);
  EXPECT_EQ(form_of(folder.path() / "e.mlmodel"), Form::mlmodel);
  for (const char* name : {"model", "file.mlpackage", "none.mlpackage"})
    EXPECT_EQ(form_of(folder.path() / name), std::nullopt) << name;
}

TEST(OpenPackageTest, WhatIsNoPackageIsNamed) {
  const ScratchFolder folder;
  folder.write("file.txt", "x");
  folder.write("folder/file.txt", "x");
  folder.write("empty.mlpackage/file.txt", "x");
  EXPECT_EQ(open(folder.path() / "none.mlpackage").error().code, ErrorCode::not_found);
  EXPECT_EQ(open(folder.path() / "file.txt").error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(open(folder.path() / "folder").error().code, ErrorCode::not_found);
  const auto empty = open(folder.path() / "empty.mlpackage");
  EXPECT_EQ(empty.error().code, ErrorCode::not_found);
  EXPECT_THAT(empty.error().to_string(), HasSubstr("Manifest.json"));
}

TEST(OpenPackageTest, OtherKindsOfModelsAreUnsupportedByName) {
  EXPECT_THAT(error_of(field(1, 4) + field(500, "")), HasSubstr("unsupported: "));
  EXPECT_THAT(error_of(field(1, 4) + field(500, "")), HasSubstr("neuralNetwork;"));
  EXPECT_THAT(error_of(field(1, 4) + field(202, "")), HasSubstr("pipeline;"));
  EXPECT_THAT(error_of(field(1, 4) + field(777, "")), HasSubstr("model kind 777"));
  EXPECT_THAT(error_of(""), HasSubstr("corrupt: "));
}

TEST(OpenPackageTest, WeightNamesDoNotLeaveThePackage) {
  const std::string type = tensor_type(kFp16, {2, 8});
  for (const char* name :
       {"@model_path/../../../../secret", "/etc/passwd", "weights/weight.bin",
        "@model_path//etc/passwd", "@model_path/weights/../../../../x", "", "@model_path/"}) {
    FunctionParts main;
    main.operations = {constant("c", type, blob_value(type, 64, name))};
    const std::string error = error_of(model("", program({{"main", function(main)}})));
    EXPECT_THAT(error, HasSubstr("corrupt: ")) << name;
    EXPECT_THAT(error, HasSubstr("function 'main': op 0: 'c' (const): attribute 'val'")) << name;
  }
}

TEST(OpenPackageTest, MissingWeightFileIsNotFound) {
  const SmallPackage package;
  std::filesystem::remove(package.folder().path() / SmallPackage::kWeights);
  const auto opened = open(package.path());
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code, ErrorCode::not_found);
  EXPECT_THAT(opened.error().to_string(), HasSubstr("weights/weight.bin"));
}

TEST(OpenPackageTest, ProgramFaultsOfTheFileItself) {
  const std::string type = tensor_type(kFp16, {1});
  FunctionParts main;
  main.operations = {binary("add", "a", "b", "y", type)};
  const std::string good = function(main);
  EXPECT_THAT(error_of(model("", program({{"f", good}, {"f", good}}))),
              HasSubstr("two functions are named 'f'"));
  EXPECT_THAT(error_of(model("", program({{"main", field(2, "CoreML8")}}))),
              HasSubstr("no block for opset 'CoreML8'"));
  main.operations = {operation("add", input("x", "a") + input("x", "b"), "", {})};
  EXPECT_THAT(error_of(model("", program({{"main", function(main)}}))),
              HasSubstr("two parameters are named 'x'"));
  EXPECT_THAT(error_of(model("", program({{"f", good}, {"g", good}}))), HasSubstr("mismatch: "));
}

TEST(OpenPackageTest, DescriptionAndProgramMustAgree) {
  const std::string type = tensor_type(kFp16, {2});
  FunctionParts parts;
  parts.inputs = {named_type("x", type), named_type("s", state_type(type))};
  parts.operations = {binary("add", "x", "x", "y", type)};
  parts.outputs = {"y"};
  const std::string bytes = program({{"main", function(parts)}});
  const std::string half = array(kArrayFp16, {2});
  const auto described = [&](const std::string& x, const std::string& y, const std::string& s) {
    return error_of(model(field(1, x) + field(10, y) + field(13, s), bytes));
  };
  const std::string x = array_feature("x", half);
  const std::string y = array_feature("y", half);
  const std::string s = state_feature("s", half);
  EXPECT_EQ(described(x, y, s), "ok");
  EXPECT_THAT(described(array_feature("z", half), y, s), HasSubstr("package_c3"));
  EXPECT_THAT(described(array_feature("x", array(kArrayFp32, {2})), y, s), HasSubstr("package_c4"));
  EXPECT_THAT(described(array_feature("x", array(kArrayFp16, {3})), y, s), HasSubstr("package_c4"));
  EXPECT_THAT(described(x, array_feature("z", half), s), HasSubstr("package_c5"));
  EXPECT_THAT(described(x, array_feature("y", array(kArrayFp16, {2, 1})), s),
              HasSubstr("package_c6"));
  EXPECT_EQ(described(x, array_feature("y", array(kArrayFp16, {})), s), "ok");
  EXPECT_THAT(described(x, y, state_feature("t", half)), HasSubstr("package_c7"));
  EXPECT_THAT(
      described(x, y, state_feature("s", array(kArrayFp16, {4}))),
      HasSubstr("state 's' is described as fp16 [4], the program has state<tensor<fp16, [2]>>"));
}

std::string function_description(std::string_view name) { return field(20, field(1, name)); }

TEST(OpenPackageTest, SeveralFunctions) {
  const std::string bytes = program({{"b", function({})}, {"a", function({})}});
  const std::string both = function_description("b") + function_description("a");
  const SmallPackage package(model(both + field(21, "a"), bytes));
  const auto opened = open(package.path());
  ASSERT_TRUE(opened.ok()) << opened.error().to_string();
  EXPECT_EQ(opened->default_function, "a");
  EXPECT_EQ(opened->program.functions[0].name, "a");
  EXPECT_EQ(opened->functions[0].name, "b");
  EXPECT_THAT(error_of(model(both + field(21, "c"), bytes)), HasSubstr("default function 'c'"));
  EXPECT_THAT(error_of(model(both, bytes)), HasSubstr("default function 'main'"));
  EXPECT_THAT(error_of(model(both + function_description("a"), bytes)),
              HasSubstr("a second function 'a'"));
  EXPECT_THAT(error_of(model(both + function_description("c") + field(21, "a"), bytes)),
              HasSubstr("package_c1"));
  EXPECT_THAT(error_of(model(function_description("a"), bytes)), HasSubstr("package_c2"));
}

TEST(OpenPackageTest, SoundFixturesOpenAndListTheirBlobs) {
  ANEMONE_NEED_SHARED("fixtures/anemll");
  int opened = 0;
  const auto fixtures = shared_folder() / "fixtures";
  for (const char* family : {"anemll", "coreml", "realworld"})
    for (auto entry = std::filesystem::recursive_directory_iterator(fixtures / family);
         entry != std::filesystem::recursive_directory_iterator(); ++entry) {
      if (entry->path().extension() != ".mlpackage") continue;
      entry.disable_recursion_pending();
      if (entry->path().string().find("broken-state-declaration") != std::string::npos) continue;
      const auto package = open(entry->path());
      ASSERT_TRUE(package.ok()) << package.error().to_string();
      const auto blobs = list_blobs(*package);
      ASSERT_TRUE(blobs.ok()) << blobs.error().to_string();
      ++opened;
    }
  EXPECT_GE(opened, 60);
}

TEST(OpenPackageTest, FeaturesOfRealPackages) {
  ANEMONE_NEED_SHARED("fixtures/coreml");
  const auto fixtures = shared_folder() / "fixtures/coreml";
  const auto image = open(fixtures / "cnn_rgb/model.mlpackage");
  ASSERT_TRUE(image.ok()) << image.error().to_string();
  const Feature* picture = image->functions[0].find_input("image");
  ASSERT_NE(picture, nullptr);
  EXPECT_EQ(picture->kind, Feature::Kind::image);
  EXPECT_EQ(picture->color_space, Feature::ColorSpace::rgb);
  EXPECT_FALSE(image->functions[0].predicted_feature_name.empty());

  const auto range = open(fixtures / "granite_range/model.mlpackage");
  ASSERT_TRUE(range.ok());
  const Feature& ids = range->functions[0].inputs[0];
  ASSERT_EQ(ids.ranges.size(), 2u);
  EXPECT_EQ(ids.ranges[1].lower, 1);
  EXPECT_EQ(ids.ranges[1].upper, 128);
  EXPECT_EQ(ids.shape, (std::vector<int64_t>{1, 16}));

  const auto enumerated = open(fixtures / "granite_enum/model.mlpackage");
  ASSERT_TRUE(enumerated.ok());
  EXPECT_EQ(enumerated->functions[0].inputs[0].enumerated_shapes.size(), 3u);

  const auto multi = open(fixtures / "granite_multifunction/model.mlpackage");
  ASSERT_TRUE(multi.ok());
  EXPECT_EQ(multi->default_function, "seq64");
  EXPECT_NE(multi->find_function("seq16"), nullptr);

  const auto stateful = open(fixtures / "llama_stateful/model.mlpackage");
  ASSERT_TRUE(stateful.ok());
  ASSERT_EQ(stateful->functions[0].states.size(), 2u);
  EXPECT_EQ(stateful->functions[0].states[0].shape, (std::vector<int64_t>{3, 1, 3, 128, 16}));
  EXPECT_EQ(stateful->metadata.count("com.github.apple.coremltools.version"), 1u);
}

TEST(OpenPackageTest, BrokenStateDeclarationIsRefused) {
  constexpr const char* kPath =
      "fixtures/anemll/broken-state-declaration/qwen_FFN_PF_chunk_02of02.mlpackage";
  ANEMONE_NEED_SHARED(kPath);
  const auto opened = open(shared_folder() / kPath);
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code, ErrorCode::mismatch);
  EXPECT_THAT(opened.error().message, HasSubstr("fp16 [4, 1, 128, 32]"));
  EXPECT_THAT(opened.error().message, HasSubstr("[4, 1, 256, 32]"));
}

}  // namespace
}  // namespace anemone::package
