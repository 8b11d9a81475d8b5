#include "checkpoint/checkpoint.h"

#include <gmock/gmock.h>

#include <cmath>
#include <set>

#include "anemone/npz.h"
#include "base/json_document.h"
#include "checkpoint/safetensors.h"
#include "support/safetensors_file.h"
#include "support/scratch_folder.h"
#include "support/shared.h"

namespace anemone::checkpoint {
namespace {

using test::safetensors_bytes;
using ::testing::HasSubstr;
namespace fs = std::filesystem;

Tensor matrix(int64_t rows, int64_t columns, const std::vector<float>& values) {
  return Tensor::from_values<float>(DType::fp32, {rows, columns}, values);
}

const Tensor kBase = matrix(2, 3, {1, 2, 3, 4, 5, 6});
const std::vector<float> kMerged = {3, 2, 7, 24, 5, 46};

std::string pair_file() {
  return safetensors_bytes(
      {{"q.weight.lora_a", matrix(1, 3, {1, 0, 2})}, {"q.weight.lora_b", matrix(2, 1, {1, 10})}});
}

void expect_error(const Result<Checkpoint>& result, ErrorCode code, const std::string& text) {
  ASSERT_FALSE(result.ok()) << text;
  EXPECT_EQ(result.error().code, code) << result.error().to_string();
  EXPECT_THAT(result.error().to_string(), HasSubstr(text));
}

void expect_merged(const Result<Checkpoint>& result) {
  ASSERT_TRUE(result.ok()) << result.error().to_string();
  const auto weight = result->weights->read("q.weight");
  ASSERT_TRUE(weight.ok());
  EXPECT_TRUE(std::ranges::equal(weight->values<float>(), kMerged));
}

TEST(Checkpoint, S3_72_ThePairOfExportFilesIsMerged) {
  const test::ScratchFolder folder;
  folder.write("exports/model.safetensors", safetensors_bytes({{"q.weight", kBase}}));
  folder.write("exports/lora_adapters.safetensors", pair_file());
  folder.write("exports/config.json", R"({"model_type":"mistral","lora_rank":1,"lora_alpha":2})");
  const fs::path exports = folder.path() / "exports";
  expect_merged(open(exports));
  expect_merged(open(exports / "model.safetensors", exports / "lora_adapters.safetensors"));
  const auto plain = open(exports / "model.safetensors");
  ASSERT_TRUE(plain.ok());
  EXPECT_EQ(plain->weights->read("q.weight")->at(0), 1.0);
  folder.write("exports/config.json", R"({"model_type":"mistral"})");
  expect_error(open(exports), ErrorCode::corrupt, "lora_rank is missing");
  folder.write("exports/adapter_config.json", R"({"lora_rank":1,"lora_alpha":2})");
  expect_merged(open(exports));
}

TEST(Checkpoint, AdaptersNameTheirBaseByARelativePath) {
  const test::ScratchFolder folder;
  folder.write("base/model.safetensors", safetensors_bytes({{"q.weight", kBase}}));
  folder.write("base/config.json", R"({"model_type":"llama"})");
  folder.write("peft/adapter_config.json",
               R"({"peft_type":"LORA","r":1,"lora_alpha":2,"base_model_name_or_path":"../base"})");
  folder.write("peft/adapter_model.safetensors",
               safetensors_bytes({{"base_model.model.q.lora_A.weight", matrix(1, 3, {1, 0, 2})},
                                  {"base_model.model.q.lora_B.weight", matrix(2, 1, {1, 10})}}));
  expect_merged(open(folder.path() / "peft"));
  expect_merged(open(folder.path() / "base", folder.path() / "peft"));
  EXPECT_EQ(open(folder.path() / "peft")->config_json, R"({"model_type":"llama"})");
  EXPECT_TRUE(fs::equivalent(open(folder.path() / "peft")->path, folder.path() / "base"));
  folder.write("lost/adapter_config.json",
               R"({"peft_type":"LORA","base_model_name_or_path":"owner/model"})");
  folder.write("lost/adapter_model.safetensors", pair_file());
  expect_error(open(folder.path() / "lost"), ErrorCode::not_found, "'owner/model'");
  folder.write("base/adapter_config.json", "{}");
  expect_error(open(folder.path() / "base"), ErrorCode::invalid_argument, "adapter_config.json");
}

TEST(Checkpoint, FormsAreFoundByTheirFiles) {
  const test::ScratchFolder folder;
  folder.write("a/config.json", "{}");
  expect_error(open(folder.path() / "a"), ErrorCode::not_found, "no weights");
  expect_error(open(folder.path() / "b"), ErrorCode::not_found, "does not exist");
  ASSERT_TRUE(
      write_npz(folder.path() / "a/weights.npz", std::vector<NamedTensor>{{"q.weight", kBase}})
          .ok());
  EXPECT_EQ(open(folder.path() / "a")->weights->read("q.weight")->at(5), 6.0);
  folder.write("c/one.safetensors", safetensors_bytes({{"q.weight", kBase}}));
  expect_error(open(folder.path() / "c"), ErrorCode::not_found, "config.json");
  folder.write("c/config.json", "{\"a\"");
  expect_error(open(folder.path() / "c"), ErrorCode::corrupt, "config.json");
  folder.write("c/config.json", R"({"quantization_config":{"quant_method":"gptq","bits":4}})");
  expect_error(open(folder.path() / "c"), ErrorCode::unsupported, "gptq");
  folder.write("c/two.safetensors", safetensors_bytes({{"q.weight", kBase}}));
  expect_error(open(folder.path() / "c"), ErrorCode::mismatch, "2 files");
}

TEST(Checkpoint, TheHashIsThatOfAllFiles) {
  const test::ScratchFolder folder;
  folder.write("model.safetensors", safetensors_bytes({{"q.weight", kBase}}));
  folder.write("config.json", R"({"lora_rank":1,"lora_alpha":2,"model_type":"x"})");
  const auto hash = [&] { return *hash_checkpoint(*open(folder.path())); };
  const std::string plain = hash();
  EXPECT_EQ(plain.size(), 71u);
  EXPECT_EQ(plain, hash());
  folder.write("lora_adapters.safetensors", pair_file());
  const std::string merged = hash();
  EXPECT_NE(merged, plain);
  folder.write("config.json", R"({"lora_rank":1,"lora_alpha":3,"model_type":"x"})");
  EXPECT_NE(hash(), merged);
}

fs::path fixtures() { return test::shared_folder() / "fixtures"; }

/// Row-major values of a stored tensor.
std::vector<double> stored(const fs::path& file, const std::string& name) {
  const auto source = open_safetensors(file);
  EXPECT_TRUE(source.ok());
  const auto tensor = (*source)->read(name);
  EXPECT_TRUE(tensor.ok()) << name;
  std::vector<double> values;
  for (int64_t i = 0; i < tensor->element_count(); ++i) values.push_back(tensor->at(i));
  return values;
}

struct AdapterCase {
  const char* folder;
  const char* base;
  const char* file;
  const char* module;
  double scale;
  bool mlx = false;
  bool dora = false;
};

/// One weight of each fixture against W + s·B·A written out, with the scale from its README.
TEST(Checkpoint, S3_9_FixtureAdaptersAreMerged) {
  ANEMONE_NEED_SHARED("fixtures/checkpoints");
  const AdapterCase cases[] = {
      {"peft_lora_qwen3", "qwen3", "adapter_model.safetensors", "model.layers.1.mlp.down_proj", 2},
      {"peft_dora_qwen3", "qwen3", "adapter_model.safetensors", "model.layers.0.mlp.up_proj", 2,
       false, true},
      {"peft_patterns_llama", "llama", "adapter_model.safetensors",
       "model.layers.0.self_attn.q_proj", 16 / std::sqrt(16.0)},
      {"peft_patterns_llama", "llama", "adapter_model.safetensors", "model.layers.1.mlp.down_proj",
       32 / std::sqrt(4.0)},
      {"peft_patterns_llama", "llama", "adapter_model.safetensors",
       "model.layers.2.self_attn.v_proj", 4 / std::sqrt(8.0)},
      {"mlx_lora_qwen3", "qwen3", "adapters.safetensors", "model.layers.2.self_attn.v_proj", 20,
       true}};
  for (const AdapterCase& one : cases) {
    const fs::path folder = fixtures() / "checkpoints" / one.folder;
    const std::string module = one.module;
    const auto checkpoint = open(folder);
    ASSERT_TRUE(checkpoint.ok()) << checkpoint.error().to_string();
    const auto merged = checkpoint->weights->read(module + ".weight");
    ASSERT_TRUE(merged.ok());
    const auto outputs = static_cast<size_t>(merged->shape()[0]);
    const auto inputs = static_cast<size_t>(merged->shape()[1]);
    const auto weight =
        stored(fixtures() / "hf" / one.base / "model.safetensors", module + ".weight");
    const std::string prefix = one.mlx ? module : "base_model.model." + module;
    const auto a = stored(folder / one.file, prefix + (one.mlx ? ".lora_a" : ".lora_A.weight"));
    const auto b = stored(folder / one.file, prefix + (one.mlx ? ".lora_b" : ".lora_B.weight"));
    const size_t rank = a.size() / inputs;
    double change = 0;
    for (size_t o = 0; o < outputs; ++o) {
      std::vector<double> row(inputs);
      double squares = 0;
      for (size_t i = 0; i < inputs; ++i) {
        for (size_t k = 0; k < rank; ++k)
          row[i] +=
              one.mlx ? b[k * outputs + o] * a[i * rank + k] : b[o * rank + k] * a[k * inputs + i];
        row[i] = weight[o * inputs + i] + one.scale * row[i];
        squares += row[i] * row[i];
      }
      const double factor =
          one.dora
              ? stored(folder / one.file, prefix + ".lora_magnitude_vector")[o] / std::sqrt(squares)
              : 1;
      for (size_t i = 0; i < inputs; ++i) {
        const double found = merged->at(static_cast<int64_t>(o * inputs + i));
        ASSERT_NEAR(found, factor * row[i], 1e-6 * (1 + std::abs(found))) << one.folder;
        change = std::max(change, std::abs(found - weight[o * inputs + i]));
      }
    }
    EXPECT_GT(change, 1e-3) << one.folder;
  }
}

TEST(Checkpoint, S3_9_FixturePairsAreMerged) {
  ANEMONE_NEED_SHARED("fixtures/checkpoints");
  const std::tuple<const char*, const char*, bool> cases[] = {{"npz_lora_llama", "llama", true},
                                                              {"npz_lora_qwen3_t", "qwen3", false}};
  const std::string module = "model.layers.1.mlp.up_proj";
  for (const auto& [name, base, input_first] : cases) {
    const fs::path folder = fixtures() / "checkpoints" / name;
    const auto checkpoint = open(folder);
    ASSERT_TRUE(checkpoint.ok()) << checkpoint.error().to_string();
    const auto merged = checkpoint->weights->read(module + ".weight");
    const auto weight = stored(fixtures() / "hf" / base / "model.safetensors", module + ".weight");
    const auto arrays = read_npz(folder / "weights.npz");
    ASSERT_TRUE(arrays.ok());
    const auto array = [&](const std::string& suffix) {
      return std::ranges::find_if(*arrays,
                                  [&](const NamedTensor& entry) {
                                    return entry.name ==
                                           module + (input_first ? "" : ".weight") + suffix;
                                  })
          ->tensor;
    };
    const Tensor a = array(".lora_a");
    const Tensor b = array(".lora_b");
    const int64_t outputs = merged->shape()[0];
    const int64_t inputs = merged->shape()[1];
    const int64_t rank = a.element_count() / inputs;
    for (int64_t o = 0; o < outputs; ++o)
      for (int64_t i = 0; i < inputs; ++i) {
        double sum = 0;
        for (int64_t k = 0; k < rank; ++k)
          sum += input_first ? b.at(k * outputs + o) * a.at(i * rank + k)
                             : b.at(o * rank + k) * a.at(k * inputs + i);
        ASSERT_NEAR(merged->at(o * inputs + i),
                    weight[static_cast<size_t>(o * inputs + i)] + 2 * sum, 1e-5)
            << name;
      }
  }
}

TEST(Checkpoint, S3_5_EveryFixtureOpensAndAllItsTensorsAreRead) {
  ANEMONE_NEED_SHARED("fixtures/checkpoints");
  int opened = 0;
  for (const char* group : {"hf", "checkpoints"})
    for (const auto& entry : fs::directory_iterator(fixtures() / group)) {
      const std::string name = entry.path().filename().string();
      if (!entry.is_directory() || name == "broken" || name == "evil") continue;
      const auto checkpoint = open(entry.path());
      ASSERT_TRUE(checkpoint.ok()) << checkpoint.error().to_string();
      for (const TensorInfo& info : checkpoint->weights->tensors()) {
        const auto tensor = checkpoint->weights->read(info.name);
        ASSERT_TRUE(tensor.ok()) << tensor.error().to_string();
        EXPECT_EQ(tensor->dtype(), info.dtype) << info.name;
        EXPECT_EQ(tensor->shape(), info.shape) << info.name;
      }
      ++opened;
    }
  EXPECT_EQ(opened, 13 + 12);
}

TEST(Checkpoint, SavedModulesOfFixturesReplaceThoseOfTheBase) {
  ANEMONE_NEED_SHARED("fixtures/checkpoints");
  const fs::path folder = fixtures() / "checkpoints/peft_lmhead_llama31";
  const auto checkpoint = open(folder);
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.error().to_string();
  EXPECT_EQ(checkpoint->weights->find("lm_head.weight")->dtype, DType::fp16);
  const auto saved =
      stored(folder / "adapter_model.safetensors", "base_model.model.lm_head.weight");
  const auto head = checkpoint->weights->read("lm_head.weight");
  for (size_t i = 0; i < saved.size(); ++i) ASSERT_EQ(head->at(static_cast<int64_t>(i)), saved[i]);
  EXPECT_EQ(checkpoint->weights->find("model.layers.1.self_attn.q_proj.weight")->dtype,
            DType::bf16);
  EXPECT_EQ(checkpoint->weights->find("model.layers.2.self_attn.q_proj.weight")->dtype,
            DType::fp32);
}

struct BrokenCase {
  const char* file;
  ErrorCode code;
  const char* words;  ///< of the message; null: sound as files, whoever binds the tensors judges.
};

constexpr const char* kSound = nullptr;

constexpr BrokenCase kBroken[] = {
    {"ok_small.safetensors", {}, kSound},
    {"truncated_data.safetensors", ErrorCode::corrupt, "tensors end at 32, the data has 20 bytes"},
    {"truncated_header.safetensors", ErrorCode::corrupt, "header of 131 bytes in a file of 40"},
    {"empty.safetensors", ErrorCode::corrupt, "0 bytes, expected the length of a header"},
    {"seven_bytes.safetensors", ErrorCode::corrupt, "7 bytes, expected the length of a header"},
    {"header_length_huge.safetensors", ErrorCode::corrupt, "header of 4611686018427387904 bytes"},
    {"header_length_past_end.safetensors", ErrorCode::corrupt, "header of 4096 bytes in a file of"},
    {"header_length_short.safetensors", ErrorCode::corrupt, "header: not JSON"},
    {"header_not_json.safetensors", ErrorCode::corrupt, "header: not JSON"},
    {"header_array.safetensors", ErrorCode::corrupt, "does not begin with an object"},
    {"overlap.safetensors", ErrorCode::corrupt, "tensor 'b' begins at 8, expected 16"},
    {"hole.safetensors", ErrorCode::corrupt, "tensor 'b' begins at 24, expected 16"},
    {"offsets_reversed.safetensors", ErrorCode::corrupt, "data_offsets are [16, 0]"},
    {"offsets_past_end.safetensors", ErrorCode::corrupt, "tensors end at 48, the data has 32"},
    {"shape_size_mismatch.safetensors", ErrorCode::corrupt, "F32 [3, 2] needs 24 bytes"},
    {"shape_negative.safetensors", ErrorCode::corrupt, "dimension -2"},
    {"shape_overflow.safetensors", ErrorCode::corrupt, "overflows"},
    {"dtype_unknown.safetensors", ErrorCode::unsupported, "dtype Q4_0"},
    {"dtype_mismatch.safetensors", ErrorCode::corrupt, "F16 [2, 2] needs 8 bytes"},
    {"duplicate_key.safetensors", ErrorCode::corrupt, "the key 'a' twice"},
    {"trailing_bytes.safetensors", ErrorCode::corrupt, "tensors end at 16, the data has 32"},
    {"config_missing_hidden_size/", {}, kSound},
    {"config_missing_model_type/", {}, kSound},
    {"config_unknown_arch/", {}, kSound},
    {"config_heads_do_not_divide/", {}, kSound},
    {"config_wrong_size/", {}, kSound},
    {"config_unknown_rope/", {}, kSound},
    {"config_not_json/", ErrorCode::corrupt, "config.json: not JSON"},
    {"tensor_missing/", {}, kSound},
    {"tensor_extra/", {}, kSound},
    {"tensor_dtype_int/", {}, kSound},
    {"weights_nan/", {}, kSound},
    {"no_weights/", ErrorCode::not_found, "no weights"},
    {"index_missing_shard/", ErrorCode::not_found, "00002-of-00002"},
    {"index_wrong_shard/", ErrorCode::mismatch, "where the index places it"},
    {"index_path_escape/", ErrorCode::corrupt, "'../ok_small.safetensors' leads out"},
    {"adapter_wrong_rank/", ErrorCode::mismatch, "expected rank r = 4"},
    {"adapter_unknown_target/", ErrorCode::mismatch, "qq_proj' is not in the base"},
    {"adapter_half_pair/", ErrorCode::mismatch, "has no B (lora_B)"},
    {"adapter_other_peft_type/", ErrorCode::unsupported, "peft_type \"IA3\""},
    {"torch_truncated.pt", ErrorCode::corrupt, "no zip archive: no end record"},
    {"torch_not_a_zip.pt", ErrorCode::corrupt, "neither a zip archive nor a pickle"},
    {"torch_storage_missing.pt", ErrorCode::corrupt, "storage '0' is not in the archive"},
    {"torch_storage_short.pt", ErrorCode::corrupt, "leaves its storage '0' of 100 bytes"},
    {"npz_truncated.npz", ErrorCode::corrupt, "no zip archive: no end record"},
    {"npz_object_array.npz", ErrorCode::unsupported, "NumPy type '|O'"}};

TEST(Checkpoint, EveryBrokenCaseIsRefusedForItsOwnReason) {
  ANEMONE_NEED_SHARED("fixtures/checkpoints/broken");
  const fs::path folder = fixtures() / "checkpoints/broken";
  std::set<std::string> listed;
  for (const Json& one : Json::parse(*read_text(folder / "cases.json")))
    listed.insert(one.at("file").get<std::string>());
  const test::ScratchFolder scratch;  // gives single files the config that they lack
  scratch.write("config.json", "{}");
  for (const BrokenCase& one : kBroken) {
    const std::string name = one.file;
    EXPECT_EQ(listed.erase(name), 1u) << name << " is no case, or stands here twice";
    const bool is_file = !name.ends_with("/");
    if (is_file) fs::copy_file(folder / name, scratch.path() / name);
    const auto result = is_file ? open(scratch.path() / name)
                        : name.starts_with("adapter_")
                            ? open(fixtures() / "hf/llama", folder / name)
                            : open(folder / name);
    if (one.words == kSound)
      EXPECT_TRUE(result.ok()) << name << ": " << result.error().to_string();
    else
      expect_error(result, one.code, one.words);
  }
  EXPECT_THAT(listed, ::testing::IsEmpty()) << "cases that nobody judges";
}

TEST(Checkpoint, EvilFilesAreRefusedWhereverTheyStand) {
  ANEMONE_NEED_SHARED("fixtures/checkpoints/evil");
  const fs::path folder = fixtures() / "checkpoints/evil";
  for (const char* name : {"plain_pickle.pt", "system.pt", "system_legacy.pt"})
    expect_error(open(folder / name), ErrorCode::unsupported, "posix.system");
  expect_error(open(folder), ErrorCode::unsupported, "__builtin__.eval");
  EXPECT_FALSE(fs::exists("PWNED"));
  EXPECT_FALSE(fs::exists(folder / "PWNED"));
}

}  // namespace
}  // namespace anemone::checkpoint
