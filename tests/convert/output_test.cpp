// What a conversion leaves on disk, and what it refuses.

#include <gmock/gmock.h>

#include <cstring>
#include <nlohmann/json.hpp>

#include "anemone/package.h"
#include "base/blake3.h"
#include "base/utf8.h"
#include "checkpoint/checkpoint.h"
#include "convert/convert_output.h"

namespace anemone {
namespace {

namespace fs = std::filesystem;
using test::files_below;
using test::read_file;
using ConvertOutput = test::ConvertOutput;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// What a step of models/anemone-tiny reads in fp16 with 64 slots, counted by hand.
constexpr uint64_t kTinyAttention = 256 * 256 + 2 * (128 * 256) + 256 * 256;  // q, k and v, o
constexpr uint64_t kTinyLayer = kTinyAttention + 3 * (704 * 256) + 2 * 256 + 2 * 64;
constexpr uint64_t kTinyHead = 4096 * 256 + 256;        // tied: the table is read as head
constexpr uint64_t kTinyCache = 5 * 2 * (2 * 64 * 64);  // layers, K and V of two heads
constexpr uint64_t kTinyBytesPerToken = 2 * (5 * kTinyLayer + kTinyHead + kTinyCache);

TEST_F(ConvertOutput, IsTheSameBytesEachTime) {
  ASSERT_TRUE(test::converted(checkpoint(), out(), small_));
  ASSERT_TRUE(test::converted(checkpoint(), scratch_.path() / "again", small_));
  const auto first = files_below(out());
  EXPECT_EQ(first, files_below(scratch_.path() / "again"));
  EXPECT_TRUE(first.contains("chunk_01of01.mlpackage/Manifest.json"));
  EXPECT_TRUE(first.contains("tokenizer.json"));
  EXPECT_EQ(first.at("config.json"), read_file(checkpoint() / "config.json"));
}

TEST_F(ConvertOutput, TheManifestHoldsTheHashOfEveryFile) {
  ASSERT_TRUE(test::converted(checkpoint(), out(), small_));
  const auto manifest = nlohmann::json::parse(read_file(out() / "anemone.json"));
  auto files = files_below(out());
  files.erase("anemone.json");
  EXPECT_EQ(manifest.at("files").size(), files.size());
  for (const auto& [name, bytes] : files)
    EXPECT_EQ(manifest.at("files").at(name), blake3(bytes)) << name;
  const auto opened = checkpoint::open(checkpoint());
  ASSERT_TRUE(opened.ok());
  EXPECT_EQ(manifest.at("source").at("digest"), *checkpoint::hash_checkpoint(*opened));
  EXPECT_EQ(manifest.at("context_length"), 64);
}

TEST_F(ConvertOutput, S3_22_PackagesSayWhatTheyAreAndVerify) {
  ASSERT_TRUE(test::converted(checkpoint(), out(), small_));
  const auto package = package::open(out() / "chunk_01of01.mlpackage");
  ASSERT_TRUE(package.ok()) << package.error().to_string();
  EXPECT_THAT(package::verify(*package), IsEmpty());
  EXPECT_EQ(package->specification_version, 9);
  for (const char* key : {"description", "author", "license", "version"})
    EXPECT_FALSE(package->metadata.at(key).empty()) << key;
  const auto manifest = nlohmann::json::parse(read_file(out() / "anemone.json"));
  EXPECT_EQ(package->metadata.at("anemone.source"), manifest.at("source").at("digest"));
  const auto settings = nlohmann::json::parse(package->metadata.at("anemone.settings"));
  EXPECT_EQ(settings.at("layout"), "anemone");
  EXPECT_EQ(settings.at("context"), 64);
  EXPECT_EQ(settings.at("prefill"), std::vector<int>{8});
  EXPECT_EQ(package->default_function, "decode");
  for (const char* name : {"decode", "prefill", "score"})
    EXPECT_NE(package->find_function(name), nullptr) << name;
}

/// Names on the disk may be any bytes; what a package says is UTF-8.
TEST_F(ConvertOutput, ASourceWhoseNameIsNoUtf8GivesPackagesThatCanBeRead) {
  const fs::path source = scratch_.path() / "bad\xff";
  fs::create_directory_symlink(checkpoint(), source);
  for (const char* layout : {"anemone", "anemll"}) {
    ConvertOptions options = small_;
    options.layout = layout;
    ASSERT_TRUE(test::converted(source, scratch_.path() / layout, options));
    for (const auto& entry : fs::directory_iterator(scratch_.path() / layout)) {
      if (entry.path().extension() != ".mlpackage") continue;
      const auto package = package::open(entry.path());
      ASSERT_TRUE(package.ok()) << package.error().to_string();
      EXPECT_THAT(package->metadata.at("description"), HasSubstr("bad\uFFFD"));
    }
  }
  EXPECT_TRUE(is_utf8(scratch_.read("anemll/meta.yaml")));
  EXPECT_EQ(nlohmann::json::parse(scratch_.read("anemone/anemone.json")).at("source").at("name"),
            "bad\uFFFD");
}

/// "model/" and "." are models with names too.
TEST_F(ConvertOutput, IsTheSameBytesHoweverTheSourceIsSpelled) {
  ASSERT_TRUE(test::converted(checkpoint(), out(), small_));
  const auto first = files_below(out());
  EXPECT_EQ(nlohmann::json::parse(first.at("anemone.json")).at("source").at("name"),
            "anemone-tiny");
  for (const fs::path& spelled : {checkpoint() / "", checkpoint() / "."}) {
    ASSERT_TRUE(test::converted(spelled, scratch_.path() / "again", small_)) << spelled;
    EXPECT_EQ(first, files_below(scratch_.path() / "again")) << spelled;
    fs::remove_all(scratch_.path() / "again");
  }
}

/// Functions share their weights, and a tied embedding is stored once.
TEST_F(ConvertOutput, WeightsAreStoredOnce) {
  ASSERT_TRUE(test::converted(checkpoint(), out(), small_));
  const auto half = static_cast<double>(fs::file_size(checkpoint() / "model.safetensors"));
  const auto stored = static_cast<double>(
      fs::file_size(out() / "chunk_01of01.mlpackage/Data/com.apple.CoreML/weights/weight.bin"));
  EXPECT_LT(stored, 1.05 * half);
}

TEST_F(ConvertOutput, AnInterruptionOfSavingLeavesNothing) {
  ConvertOptions options = small_;
  options.chunks = 2;
  options.dry_run = true;
  const auto plan = convert(checkpoint(), out(), options);
  ASSERT_TRUE(plan.ok()) << plan.error().to_string();
  ASSERT_EQ(plan->packages.size(), 2u);
  options.dry_run = false;
  const uint64_t first = plan->packages[0].weight_bytes;
  for (const uint64_t after : {uint64_t{0}, first / 2, first + first / 4}) {
    uint64_t stopped = 0;
    options.progress = [&](const Progress& progress) {
      if (progress.stage != "save" || progress.done < after) return true;
      stopped = progress.done;
      EXPECT_FALSE(left().empty()) << "nothing was staged yet";
      return false;
    };
    const auto report = convert(checkpoint(), out(), options);
    ASSERT_FALSE(report.ok()) << "stage save was not seen after " << after;
    EXPECT_EQ(report.error().code, ErrorCode::interrupted);
    EXPECT_GE(stopped, after);
    EXPECT_EQ(stopped > first, after > first);
    EXPECT_THAT(left(), IsEmpty());
  }
}

TEST_F(ConvertOutput, AMissingFolderIsToldBeforeAnythingIsRead) {
  ConvertOptions options = small_;
  std::string lines;
  options.log = [&](LogLevel, std::string_view line) { lines += line; };
  const auto report = convert(checkpoint(), scratch_.path() / "missing/out", options);
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.error().code, ErrorCode::not_found);
  EXPECT_EQ(lines, "");
}

TEST_F(ConvertOutput, ADryRunMeasuresAndWritesNothing) {
  ConvertOptions options = small_;
  options.dry_run = true;
  const auto planned = convert(checkpoint(), out(), options);
  ASSERT_TRUE(planned.ok()) << planned.error().to_string();
  EXPECT_FALSE(planned->written);
  EXPECT_THAT(left(), IsEmpty());
  ASSERT_EQ(planned->packages.size(), 1u);
  ASSERT_TRUE(test::converted(checkpoint(), out(), small_));
  const fs::path data = out() / "chunk_01of01.mlpackage/Data/com.apple.CoreML";
  EXPECT_EQ(planned->packages[0].weight_bytes, fs::file_size(data / "weights/weight.bin"));
  ASSERT_FALSE(planned->speed.empty());
  // By hand, for fp16 and 64 slots; see models/anemone-tiny/config.json.
  EXPECT_EQ(planned->bytes_per_token, kTinyBytesPerToken);
  for (const SpeedBound& bound : planned->speed)
    EXPECT_NEAR(bound.tokens_per_second,
                bound.bandwidth_gb_per_s * 1e9 / static_cast<double>(kTinyBytesPerToken), 1e-6)
        << bound.chip;
}

TEST_F(ConvertOutput, TellsWhatAnInterruptedConversionLeft) {
  for (const char* name : {".out.0123abcd.tmp", ".out.89abcdef.tmp.replaced", ".other.0123abcd.tmp",
                           ".out.0123abcd.tmpx", ".out.tmp", ".out.0123abcg.tmp"})
    fs::create_directory(scratch_.path() / name);
  ConvertOptions options = small_;
  std::string warnings;
  options.log = [&](LogLevel level, std::string_view line) {
    if (level == LogLevel::warning) warnings += std::string(line) + "\n";
  };
  ASSERT_TRUE(test::converted(checkpoint(), out(), options));
  EXPECT_THAT(warnings, AllOf(HasSubstr(".out.0123abcd.tmp is left"),
                              HasSubstr(".out.89abcdef.tmp.replaced is left")));
  EXPECT_EQ(std::ranges::count(warnings, '\n'), 2);
  EXPECT_TRUE(fs::exists(scratch_.path() / ".out.0123abcd.tmp"));
}

TEST_F(ConvertOutput, S3_73_ProgressEndsWithAllDone) {
  ConvertOptions options = small_;
  std::map<std::string, Progress, std::less<>> last;
  std::map<std::string, uint64_t, std::less<>> totals;
  options.progress = [&](const Progress& progress) {
    const std::string stage(progress.stage);
    EXPECT_GT(progress.total, 0u) << stage;
    EXPECT_EQ(totals.try_emplace(stage, progress.total).first->second, progress.total) << stage;
    if (const auto before = last.find(stage); before != last.end()) {
      EXPECT_GE(progress.done, before->second.done) << stage;
    }
    last.insert_or_assign(stage, progress);
    return true;
  };
  ASSERT_TRUE(test::converted(checkpoint(), out(), options));
  ASSERT_EQ(last.size(), 2u);
  for (const auto& [stage, progress] : last) EXPECT_EQ(progress.done, progress.total) << stage;
  // The embedding, and of each of five layers v, o, up, gate and down.
  EXPECT_EQ(last.at("scan").total, 1u + 5 * 5);
}

/// What reads all weights once before they are written can be interrupted as well.
TEST_F(ConvertOutput, AnInterruptionOfScanningLeavesNothing) {
  ConvertOptions options = small_;
  bool scanned = false;
  options.progress = [&](const Progress& progress) {
    scanned |= progress.stage == "scan" && !progress.item.empty();
    return progress.stage != "scan" || progress.done < 7;
  };
  const auto report = convert(checkpoint(), out(), options);
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.error().code, ErrorCode::interrupted);
  EXPECT_TRUE(scanned);
  EXPECT_THAT(left(), IsEmpty());
}

TEST_F(ConvertOutput, S3_73_SaysItsStages) {
  ConvertOptions options = small_;
  std::string stages;
  options.log = [&](LogLevel, std::string_view line) {
    stages += std::string(line.substr(0, line.find(':'))) + " ";
  };
  ASSERT_TRUE(test::converted(checkpoint(), out(), options));
  EXPECT_EQ(stages, "load build convert save complete ");
}

TEST_F(ConvertOutput, OptionsThatMakeNoSenseAreNamed) {
  const auto message = [&](ConvertOptions options) {
    const auto report = convert(checkpoint(), out(), options);
    EXPECT_FALSE(report.ok());
    EXPECT_THAT(left(), IsEmpty());
    return report.ok() ? "" : report.error().to_string();
  };
  EXPECT_THAT(message({.context = 1 << 30}), HasSubstr("context is 1073741824"));
  EXPECT_THAT(message({.context = 64, .prefill = {1}}),
              HasSubstr("the prefill block is 1, expected 2 to 64, the tokens of the context"));
  EXPECT_THAT(message({.context = 64, .prefill = {16, 65}}), HasSubstr("block is 65"));
  EXPECT_THAT(message({.context = 1}), AllOf(HasSubstr("the context is 1, a block"),
                                             HasSubstr("--context 2 or more, or --prefill none")));
  EXPECT_THAT(message({.context = 64, .chunks = 500}), HasSubstr("500 chunks"));
  EXPECT_THAT(message({.layout = "boxes"}), HasSubstr("boxes"));
  EXPECT_THAT(message({.layout = "plain", .lengths = {8, 8}}), HasSubstr("twice"));
  for (const char* layout : {"anemone", "anemll", "stateful"})
    EXPECT_THAT(message({.layout = layout, .lengths = {8}}),
                HasSubstr(std::string("the layout ") + layout + " knows no --lengths"));
  EXPECT_THAT(message({.layout = "plain", .prefill = {8}}),
              AllOf(HasSubstr("knows no --prefill"), HasSubstr("it knows --context, --lengths")));
  EXPECT_THAT(message({.layout = "stateful", .prefill = {8}}), HasSubstr("no --prefill"));
  EXPECT_THAT(message({.layout = "plain", .chunks = 2}), HasSubstr("no --chunks"));
  EXPECT_THAT(message({.layout = "stateful", .chip = "m4"}), HasSubstr("no --chip"));
  EXPECT_THAT(message({.layout = "plain", .context = 64, .lengths = {8}}), HasSubstr("--lengths"));
  EXPECT_THAT(message({.chunks = 2, .chip = "m4"}), HasSubstr("--chip beside --chunks"));
}

TEST_F(ConvertOutput, WarnsOfWhatAPackageLacksAndOfManyFunctions) {
  const auto warnings = [&](ConvertOptions options, const fs::path& path) {
    std::string lines;
    options.dry_run = true;
    options.log = [&](LogLevel level, std::string_view line) {
      if (level == LogLevel::warning) lines += std::string(line) + "\n";
    };
    EXPECT_TRUE(convert(checkpoint(), path, options).ok());
    return lines;
  };
  EXPECT_EQ(warnings(small_, out()), "");
  EXPECT_THAT(warnings({.layout = "stateful", .context = 64}, scratch_.path() / "one.mlpackage"),
              AllOf(HasSubstr("one.mlpackage"), HasSubstr("tokenizer")));
  EXPECT_THAT(warnings({.context = 64, .prefill = {16, 8}}, out()), HasSubstr("4 functions"));
}

/// A checkpoint whose file is sparse: twice what the file system has room for, in no room at all.
TEST_F(ConvertOutput, MissingSpaceIsAnErrorThatNamesTheNeed) {
  const fs::path folder = scratch_.path() / "sparse";
  fs::create_directory(folder);
  constexpr int64_t kHidden = 64;
  const auto available = static_cast<int64_t>(fs::space(folder).available);
  const int64_t inner = available / (3 * kHidden);
  nlohmann::json config = nlohmann::json::parse(read_file(checkpoint() / "config.json"));
  config.update({{"hidden_size", kHidden},
                 {"intermediate_size", inner},
                 {"num_hidden_layers", 1},
                 {"num_attention_heads", 1},
                 {"num_key_value_heads", 1},
                 {"head_dim", 64},
                 {"vocab_size", 64},
                 {"tie_word_embeddings", true}});
  config.erase("layer_types");
  scratch_.write("sparse/config.json", config.dump());
  nlohmann::json header;
  int64_t end = 0;
  const auto add = [&](const std::string& name, std::vector<int64_t> shape) {
    int64_t bytes = 2;
    for (const int64_t dim : shape) bytes *= dim;
    header[name] = {{"dtype", "F16"}, {"shape", shape}, {"data_offsets", {end, end + bytes}}};
    end += bytes;
  };
  const std::string layer = "model.layers.0.";
  add("model.embed_tokens.weight", {64, kHidden});
  for (const char* name : {"q_proj", "k_proj", "v_proj", "o_proj"})
    add(layer + "self_attn." + name + ".weight", {64, kHidden});
  for (const char* name :
       {"self_attn.q_norm", "self_attn.k_norm", "input_layernorm", "post_attention_layernorm"})
    add(layer + name + ".weight", {64});
  add(layer + "mlp.gate_proj.weight", {inner, kHidden});
  add(layer + "mlp.up_proj.weight", {inner, kHidden});
  add(layer + "mlp.down_proj.weight", {kHidden, inner});
  add("model.norm.weight", {64});
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');
  const auto length = static_cast<uint64_t>(text.size());
  std::string bytes(sizeof(length), '\0');
  std::memcpy(bytes.data(), &length, sizeof(length));
  scratch_.write("sparse/model.safetensors", bytes + text);
  std::error_code error;
  fs::resize_file(folder / "model.safetensors",
                  bytes.size() + text.size() + static_cast<uint64_t>(end), error);
  if (error) GTEST_SKIP() << "no sparse file of " << end << " bytes: " << error.message();
  const ConvertOptions options{.context = 8, .prefill = {8}};
  const auto report = convert(folder, out(), options);
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.error().code, ErrorCode::io) << report.error().to_string();
  EXPECT_THAT(report.error().to_string(), HasSubstr("bytes are needed"));
  EXPECT_FALSE(fs::exists(out()));
}

}  // namespace
}  // namespace anemone
