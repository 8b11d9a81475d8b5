// Finished models of every layout, compressed: what they are stays, and what they compute is near.

#include <gtest/gtest.h>

#include "anemone/language_model.h"
#include "anemone/package.h"
#include "anemone/verify_folder.h"
#include "convert/convert_output.h"

namespace anemone {
namespace {

namespace fs = std::filesystem;

struct Form {
  const char* name;
  const char* output;  ///< a folder, or one package.
  ConvertOptions options;
};
std::ostream& operator<<(std::ostream& stream, const Form& form) { return stream << form.name; }

std::vector<Form> forms() {
  return {
      {"anemone", "out", {.context = 64, .prefill = {16}, .chunks = 2}},
      {"anemll", "out", {.layout = "anemll", .context = 64, .prefill = {16}, .chunks = 2}},
      {"monolith", "out", {.layout = "anemll", .monolith = true, .context = 64, .prefill = {16}}},
      {"stateful", "out.mlpackage", {.layout = "stateful", .context = 64}},
      {"plain", "out", {.layout = "plain", .lengths = {16, 64}}}};
}

std::vector<fs::path> files_of(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.is_regular_file()) files.push_back(entry.path().lexically_relative(folder));
  std::ranges::sort(files);
  return files;
}

class CompressModel : public ::testing::TestWithParam<Form> {};

TEST_P(CompressModel, KeepsWhatTheModelIsAndNearlyWhatItComputes) {
  const fs::path source = test::shared_folder() / "fixtures/hf/qwen3";
  ANEMONE_NEED_SHARED(source);
  const Form& form = GetParam();
  const test::ScratchFolder scratch;
  const fs::path dense = scratch.path() / "dense" / form.output;
  const fs::path packed = scratch.path() / "packed" / form.output;
  fs::create_directories(dense.parent_path());
  fs::create_directories(packed.parent_path());
  ASSERT_TRUE(test::converted(source, dense, form.options));
  const auto report = compress_model(dense, packed, {.quantize = "int8,"});
  ASSERT_FALSE(report.ok());
  EXPECT_FALSE(fs::exists(packed)) << "a spec that is none leaves nothing";

  const auto done =
      compress_model(dense, packed, {.quantize = "ffn=int8,attn=int8:b32,head=int8,embed=int8"});
  ASSERT_TRUE(done.ok()) << done.error().to_string();
  EXPECT_LT(done->bytes * 10, done->dense_bytes * 7);
  EXPECT_EQ(files_of(packed), files_of(dense));
  if (fs::exists(packed / "anemone.json")) {
    std::ifstream stream(packed / "anemone.json");
    const auto manifest = nlohmann::json::parse(stream);
    EXPECT_EQ(manifest.at("quantize"), done->quantize);
    EXPECT_TRUE(lm::verify_folder(packed).empty());
  }
  const test::Arrays expected = test::read_arrays(source / "expected.npz");
  const auto before = test::opened(dense, runtime::Numerics::fp32);
  const auto after = test::opened(packed, runtime::Numerics::fp32);
  ASSERT_TRUE(before != nullptr && after != nullptr);
  constexpr int64_t kTokens = 12;
  const auto wanted = test::logits_of(*before, expected, "0", kTokens);
  const auto got = test::logits_of(*after, expected, "0", kTokens);
  double error = 0;
  double sum = 0;
  for (size_t i = 0; i < wanted.size(); ++i) {
    error += std::pow(static_cast<double>(wanted[i] - got[i]), 2);
    sum += std::pow(static_cast<double>(wanted[i]), 2);
  }
  EXPECT_GT(error, 0);
  EXPECT_LT(error, 0.003 * sum);

  const auto again = compress_model(packed, scratch.path() / ("again_" + std::string(form.output)),
                                    {.quantize = "lut4"});
  ASSERT_FALSE(again.ok()) << "what is compressed stays";
  EXPECT_EQ(again.error().code, ErrorCode::mismatch);
  EXPECT_NE(again.error().message.find("is compressed already"), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Layouts, CompressModel, ::testing::ValuesIn(forms()),
                         [](const auto& form) { return std::string(form.param.name); });

/// What `convert` writes compressed and what is compressed afterwards are the same files.
TEST(CompressModelBytes, AreThoseOfConvert) {
  const fs::path source = test::shared_folder() / "fixtures/hf/llama";
  ANEMONE_NEED_SHARED(source);
  const test::ScratchFolder scratch;
  const char* const kSpec = "ffn=lut4:g8,attn=int4:b32,head=lut6:g8,embed=int8:channel";
  ASSERT_TRUE(test::converted(source, scratch.path() / "dense", {.context = 64, .prefill = {16}}));
  ASSERT_TRUE(test::converted(source, scratch.path() / "at_once",
                              {.context = 64, .prefill = {16}, .quantize = kSpec}));
  const auto done = compress_model(scratch.path() / "dense", scratch.path() / "later",
                                   {.quantize = kSpec, .threads = 3});
  ASSERT_TRUE(done.ok()) << done.error().to_string();
  const auto later = test::files_below(scratch.path() / "later");
  const auto at_once = test::files_below(scratch.path() / "at_once");
  EXPECT_EQ(later.at("anemone.json"), at_once.at("anemone.json"));
  EXPECT_TRUE(later == at_once);
  const auto package = package::open(scratch.path() / "later/chunk_01of01.mlpackage");
  ASSERT_TRUE(package.ok()) << package.error().to_string();
  EXPECT_EQ(nlohmann::json::parse(package->metadata.at("anemone.settings")).at("quantize"), kSpec);
}

/// A package of somebody else gets the one key, whatever it had there.
TEST(CompressModelBytes, SayHowTheyAreStoredWhereConvertSaysIt) {
  const fs::path source = test::source_folder() / "models/anemone-tiny";
  const test::ScratchFolder scratch;
  const fs::path dense = scratch.path() / "dense.mlpackage";
  ASSERT_TRUE(test::converted(source, dense, {.layout = "stateful", .context = 64}));
  auto opened = package::open(dense);
  ASSERT_TRUE(opened.ok()) << opened.error().to_string();
  for (const char* settings : {"", "{\"a\"", R"({"mine": 1})"}) {
    opened->metadata["anemone.settings"] = settings;
    const fs::path other = scratch.path() / "other.mlpackage";
    package::WriteOptions write;
    write.overwrite = true;
    ASSERT_TRUE(package::write(other, *opened, write).ok());
    const fs::path packed = scratch.path() / "packed.mlpackage";
    const auto done = compress_model(other, packed, {.quantize = "ffn=int8", .overwrite = true});
    ASSERT_TRUE(done.ok()) << done.error().to_string();
    const auto record =
        nlohmann::json::parse(package::open(packed)->metadata.at("anemone.settings"));
    EXPECT_EQ(record.at("quantize"), done->quantize);
    EXPECT_EQ(record.contains("mine"), std::string(settings).ends_with("1}"));
  }
}

/// The second run leaves what the first has compressed, and so does what the model says.
TEST(CompressModelBytes, SayWhatBothOfTwoRunsHaveDone) {
  const fs::path source = test::source_folder() / "models/anemone-tiny";
  const test::ScratchFolder scratch;
  const fs::path first = scratch.path() / "first";
  const fs::path second = scratch.path() / "second";
  const auto said_by = [](const fs::path& model) {
    std::ifstream stream(model / "anemone.json");
    const std::string manifest = nlohmann::json::parse(stream).at("quantize");
    const auto package = package::open(model / "chunk_01of01.mlpackage");
    const auto settings = nlohmann::json::parse(package->metadata.at("anemone.settings"));
    EXPECT_EQ(settings.at("quantize"), manifest);
    return manifest;
  };
  ASSERT_TRUE(test::converted(source, first, {.context = 64, .quantize = "ffn=lut4"}));
  ASSERT_TRUE(compress_model(first, second, {.quantize = "ffn=int8,embed=int8"}).ok());
  EXPECT_EQ(said_by(second), "ffn=lut4:g16,attn=fp16,head=fp16,embed=int8:channel");
  const auto edit = [&](const char* said) {
    auto package = package::open(first / "chunk_01of01.mlpackage");
    auto settings = nlohmann::json::parse(package->metadata.at("anemone.settings"));
    settings["quantize"] = said;
    package->metadata["anemone.settings"] = settings.dump();
    package::WriteOptions write;
    write.overwrite = true;
    ASSERT_TRUE(package::write(first / "chunk_01of01.mlpackage", *package, write).ok());
    std::ifstream stream(first / "anemone.json");
    auto manifest = nlohmann::json::parse(stream);
    manifest["quantize"] = said;
    std::ofstream(first / "anemone.json") << manifest;
  };
  edit("3.5 bits");
  ASSERT_TRUE(compress_model(first, second, {.quantize = "embed=int8", .overwrite = true}).ok());
  EXPECT_EQ(said_by(second), "3.5 bits; ffn=fp16,attn=fp16,head=fp16,embed=int8:channel");
}

TEST(CompressModelErrors, NameWhatIsWrong) {
  const fs::path fixtures = test::shared_folder() / "fixtures";
  ANEMONE_NEED_SHARED(fixtures);
  const test::ScratchFolder scratch;
  const fs::path out = scratch.path() / "out.mlpackage";
  const fs::path old = fixtures / "coreml/qwen3_pal4_ios16/model.mlpackage";
  const auto checkpoint =
      compress_model(fixtures / "hf/qwen3", scratch.path() / "out", {.quantize = "int8"});
  ASSERT_FALSE(checkpoint.ok());
  EXPECT_NE(checkpoint.error().hint.find("convert --quantize"), std::string::npos);
  EXPECT_EQ(compress_model(fixtures / "nothing", out, {.quantize = "int8"}).error().code,
            ErrorCode::not_found);
  EXPECT_FALSE(compress_model(old, out, {.quantize = "fp16"}).ok());
  EXPECT_FALSE(compress_model(old, scratch.path() / "folder", {.quantize = "int8"}).ok());
  EXPECT_TRUE(fs::is_empty(scratch.path()));
}

}  // namespace
}  // namespace anemone
