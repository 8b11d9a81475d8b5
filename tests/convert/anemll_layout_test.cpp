// The layout anemll beside the directories that ANEMLL's own converter made of the same
// checkpoints.

#include <gtest/gtest.h>

#include <cmath>

#include "anemone/model.h"
#include "anemone/package.h"
#include "convert/anemll_directory.h"
#include "convert/converted_model.h"
#include "support/scratch_folder.h"
#include "support/shared.h"

namespace anemone {
namespace {

namespace fs = std::filesystem;

struct Directory {
  const char* name;
  const char* checkpoint;
  int64_t batch;
  int64_t chunks;
  const char* quantize = "";
};

std::ostream& operator<<(std::ostream& stream, const Directory& directory) {
  return stream << directory.name;
}

class AnemllLayout : public ::testing::TestWithParam<Directory> {};

TEST_P(AnemllLayout, S1_50_HasThePackagesAndInterfacesOfAnemllsOwn) {
  const fs::path fixtures = test::shared_folder() / "fixtures/anemll";
  ANEMONE_NEED_SHARED(fixtures);
  const Directory& directory = GetParam();
  const test::ScratchFolder scratch;
  const fs::path out = scratch.path() / "out";
  ASSERT_TRUE(test::converted(fixtures / "checkpoints" / directory.checkpoint, out,
                              {.layout = "anemll",
                               .context = 256,
                               .prefill = {directory.batch},
                               .chunks = directory.chunks,
                               .quantize = directory.quantize}));
  test::expect_same_directory(out, fixtures / directory.name);
}

/// Tolerances: fixtures/anemll/README.md, "How near is near".
TEST_P(AnemllLayout, HasTheLogitsOfTransformers) {
  const fs::path fixtures = test::shared_folder() / "fixtures/anemll";
  ANEMONE_NEED_SHARED(fixtures);
  const Directory& directory = GetParam();
  const test::ScratchFolder scratch;
  const fs::path out = scratch.path() / "out";
  ASSERT_TRUE(test::converted(fixtures / "checkpoints" / directory.checkpoint, out,
                              {.layout = "anemll",
                               .context = 256,
                               .prefill = {directory.batch},
                               .chunks = directory.chunks,
                               .quantize = directory.quantize}));
  // What palettes lose, the test of palettes compares.
  if (*directory.quantize != '\0') return;
  const test::Arrays expected = test::read_arrays(fixtures / directory.name / "expected.npz");
  const auto exact = test::opened(out, runtime::Numerics::fp32);
  ASSERT_NE(exact, nullptr);
  EXPECT_LE(test::largest_error(*exact, expected, "0", false), 0.02);
  EXPECT_LE(test::largest_error(*exact, expected, "1", false), 0.02);
  const auto rounded = test::opened(out, runtime::Numerics::fp16);
  ASSERT_NE(rounded, nullptr);
  EXPECT_LE(test::largest_error(*rounded, expected, "0", false), 0.06);
  EXPECT_LE(test::largest_error(*rounded, expected, "1", false), 0.06);
}

INSTANTIATE_TEST_SUITE_P(Fixtures, AnemllLayout,
                         ::testing::Values(Directory{"qwen3-micro-2chunk", "micro-qwen3", 16, 2},
                                           Directory{"llama-fp16-1chunk", "tiny-llama", 64, 1},
                                           Directory{"qwen3-fp16-1chunk", "tiny-qwen3", 32, 1},
                                           Directory{"qwen3-fp16-2chunk", "tiny-qwen3", 32, 2},
                                           Directory{"qwen3-lut4-2chunk", "tiny-qwen3", 32, 2,
                                                     "ffn=lut4:g8,attn=lut4:g8,head=lut6:g8"}),
                         [](const auto& directory) {
                           std::string name = directory.param.name;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

constexpr Directory kPalettes{"qwen3-lut4-2chunk", "tiny-qwen3", 32, 2,
                              "ffn=lut4:g8,attn=lut4:g8,head=lut6:g8"};

/// For each palette of each function the dtypes and sizes of its indices and of its tables.
std::vector<std::string> palettes_of(const fs::path& folder) {
  std::vector<std::string> found;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() != ".mlpackage") continue;
    const auto opened = package::open(entry.path());
    EXPECT_TRUE(opened.ok());
    for (const mil::Function& function : opened->program.functions)
      for (const mil::Operation& operation : function.block.operations) {
        if (!operation.type.starts_with("constexpr")) continue;
        std::string line = entry.path().filename().string() + " " + function.name + " ";
        line += operation.type;
        for (const mil::Argument& argument : operation.inputs) {
          const mil::TensorType& type = argument.bindings[0].value().type.tensor;
          line += " " + argument.parameter + " " + std::string(to_string(type.dtype)) + " ";
          line += std::to_string(type.shape[0]) + " " + std::to_string(type.shape.element_count());
        }
        found.push_back(line);
      }
  }
  std::ranges::sort(found);
  return found;
}

/// Mean squared distance to the logits of the weights as they are trained.
double squared_loss(const fs::path& model, const test::Arrays& expected) {
  const auto opened = test::opened(model, runtime::Numerics::fp32);
  if (opened == nullptr) return std::numeric_limits<double>::infinity();
  double sum = 0;
  double count = 0;
  for (const char* prompt : {"0", "1"}) {
    const auto vocab = static_cast<size_t>(opened->info().vocab_size);
    const std::vector<float> logits = test::logits_of(*opened, expected, prompt);
    const Tensor& positions = expected.at(std::string("pos") + prompt);
    const auto known = expected.at(std::string("logits") + prompt).values<float>();
    for (int64_t i = 0; i < positions.element_count(); ++i)
      for (size_t v = 0; v < vocab; ++v, ++count)
        sum += std::pow(logits[static_cast<size_t>(positions.at(i)) * vocab + v] -
                            known[static_cast<size_t>(i) * vocab + v],
                        2);
  }
  return sum / count;
}

TEST(AnemllLayoutPalettes, HaveTheFormOfAnemllsOwnAndLoseNoMore) {
  const fs::path fixtures = test::shared_folder() / "fixtures/anemll";
  ANEMONE_NEED_SHARED(fixtures);
  const test::ScratchFolder scratch;
  const fs::path out = scratch.path() / "out";
  ASSERT_TRUE(test::converted(fixtures / "checkpoints" / kPalettes.checkpoint, out,
                              {.layout = "anemll",
                               .context = 256,
                               .prefill = {kPalettes.batch},
                               .chunks = kPalettes.chunks,
                               .quantize = kPalettes.quantize}));
  const fs::path theirs = fixtures / kPalettes.name;
  EXPECT_EQ(palettes_of(out), palettes_of(theirs));
  const test::Arrays expected = test::read_arrays(fixtures / "qwen3-fp16-2chunk/expected.npz");
  const double our_loss = squared_loss(out, expected);
  const double their_loss = squared_loss(theirs, expected);
  EXPECT_GT(our_loss, 0);
  EXPECT_LE(our_loss, their_loss);
  RecordProperty("loss", std::to_string(our_loss) + " of " + std::to_string(their_loss));
}

/// ANEMLL has caches that rotate for Gemma 3 alone.
TEST(AnemllLayoutWindow, IsRefusedWhereAnemllKnowsNone) {
  const fs::path source = test::shared_folder() / "fixtures/hf/qwen2";
  ANEMONE_NEED_SHARED(source);
  const test::ScratchFolder scratch;
  const fs::path copy = scratch.path() / "windowed";
  fs::create_directory(copy);
  fs::copy_file(source / "model.safetensors", copy / "model.safetensors");
  std::ifstream stream(source / "config.json");
  auto config = nlohmann::json::parse(stream);
  config.update({{"use_sliding_window", true}, {"sliding_window", 32}, {"max_window_layers", 1}});
  config.erase("layer_types");
  scratch.write("windowed/config.json", config.dump());
  ConvertOptions options{.layout = "anemll", .context = 64, .prefill = {8}, .dry_run = true};
  const auto refused = convert(copy, scratch.path() / "out", options);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::unsupported);
  EXPECT_NE(refused.error().hint.find("--layout anemone"), std::string::npos);
  options.context = 32;
  EXPECT_TRUE(convert(copy, scratch.path() / "out", options).ok());
  options.context = 64;
  options.layout = "anemone";
  EXPECT_TRUE(convert(copy, scratch.path() / "out", options).ok());
}

/// Gemma 3 past its window: the functions and states of ANEMLL's directory, in the sizes of another
/// checkpoint (its own is not among the fixtures).
TEST(AnemllLayoutGemma, HasTheRotatingFunctionsOfAnemllsOwn) {
  const fs::path fixtures = test::shared_folder() / "fixtures";
  ANEMONE_NEED_SHARED(fixtures);
  const test::ScratchFolder scratch;
  const fs::path out = scratch.path() / "out";
  ASSERT_TRUE(test::converted(fixtures / "hf/gemma3", out,
                              {.layout = "anemll", .context = 256, .prefill = {8}, .chunks = 1}));
  const fs::path known = fixtures / "anemll/gemma3-fp16-1chunk";
  const auto theirs = package::open(known / "gemma3_FFN_PF_chunk_01of01.mlpackage");
  const auto ours = package::open(out / "gemma3_FFN_PF_chunk_01of01.mlpackage");
  ASSERT_TRUE(theirs.ok());
  ASSERT_TRUE(ours.ok()) << ours.error().to_string();
  EXPECT_EQ(ours->default_function, theirs->default_function);
  ASSERT_EQ(ours->functions.size(), theirs->functions.size());
  for (const auto& wanted : theirs->functions) {
    const auto* function = ours->find_function(wanted.name);
    ASSERT_NE(function, nullptr) << wanted.name;
    const auto names = [](const std::vector<package::Feature>& features) {
      std::vector<std::string> all;
      for (const auto& feature : features)
        all.push_back(feature.name + " " + std::string(to_string(feature.dtype)));
      std::ranges::sort(all);
      return all;
    };
    EXPECT_EQ(names(function->inputs), names(wanted.inputs)) << wanted.name;
    EXPECT_EQ(names(function->outputs), names(wanted.outputs)) << wanted.name;
    EXPECT_EQ(names(function->states), names(wanted.states)) << wanted.name;
    for (const auto& state : function->states)
      EXPECT_EQ(state.shape[2], state.name.ends_with("local") ? 16 : 256);
  }
  const auto their_directory = package::open_anemll(known);
  const auto our_directory = package::open_anemll(out);
  ASSERT_TRUE(our_directory.ok()) << our_directory.error().to_string();
  EXPECT_EQ(our_directory->sliding_window, 16);
  EXPECT_EQ(our_directory->architecture, their_directory->architecture);
  for (const auto& parameter : their_directory->parameters)
    EXPECT_TRUE(our_directory->parameters.contains(parameter.first)) << parameter.first;
}

/// Chunks of one layer each: those without windowed layers and those with no others leave the state
/// of the others as it is.
TEST(AnemllLayoutGemma, S3_14_HasTheLogitsOfTransformersInChunksOfOneKind) {
  const fs::path folder = test::shared_folder() / "fixtures/hf/gemma3";
  ANEMONE_NEED_SHARED(folder);
  const test::ScratchFolder scratch;
  const fs::path out = scratch.path() / "out";
  ASSERT_TRUE(test::converted(folder, out,
                              {.layout = "anemll", .context = 160, .prefill = {8}, .chunks = 4}));
  const test::Arrays expected = test::read_arrays(folder / "expected.npz");
  const auto model = test::opened(out, runtime::Numerics::fp32);
  ASSERT_NE(model, nullptr);
  for (const char* prompt : {"0", "1", "2"})
    EXPECT_LE(test::largest_error(*model, expected, prompt, true), 0.03);
  test::expect_greedy(*model, expected, folder / "greedy.json", 0.03);
}

/// A model of one chunk, run function by function.
class Functions {
 public:
  explicit Functions(const fs::path& folder) {
    for (const char* part : {"embeddings", "FFN_PF_chunk_01of01", "lm_head"}) {
      auto opened = package::open(folder / (std::string("gemma3_") + part + ".mlpackage"));
      EXPECT_TRUE(opened.ok()) << opened.error().to_string();
      runtime::Options options;
      options.numerics = runtime::Numerics::fp32;
      auto model = runtime::Model::load(*std::move(opened), options);
      EXPECT_TRUE(model.ok()) << model.error().to_string();
      models_.push_back(*std::move(model));
    }
    state_ = models_[1]->new_state();
  }

  /// Logits of the last token, of functions that give them.
  std::vector<float> run(const char* function, const Tensor& ids, int64_t position, int64_t rows,
                         int64_t context) {
    Tensor tokens = Tensor::zeros(DType::int32, {1, rows});
    Tensor places = Tensor::zeros(DType::int32, {rows});
    Tensor current = Tensor::zeros(DType::int32, {1});
    Tensor mask = Tensor::zeros(DType::fp32, {1, 1, rows, context});
    current.set(0, static_cast<double>(position));
    for (int64_t row = 0; row < rows; ++row) {
      tokens.set(row, ids.at(position + row));
      places.set(row, static_cast<double>(position + row));
      for (int64_t column = position + row + 1; column < context; ++column)
        mask.set(row * context + column, -std::numeric_limits<double>::infinity());
    }
    Tensor hidden = predict(0, "main", {{"input_ids", tokens}})[0].tensor;
    hidden = predict(1, function,
                     {{"hidden_states", hidden},
                      {"position_ids", places},
                      {"causal_mask", mask},
                      {"current_pos", current}})[0]
                 .tensor;
    std::vector<float> logits;
    if (std::string_view(function).starts_with("prefill")) return logits;
    for (const NamedTensor& part : predict(2, "main", {{"hidden_states", hidden}}))
      for (int64_t i = 0; i < part.tensor.element_count(); ++i)
        logits.push_back(static_cast<float>(part.tensor.at(i)));
    return logits;
  }

 private:
  std::vector<NamedTensor> predict(size_t model, const char* function,
                                   const std::vector<NamedTensor>& inputs) {
    auto outputs = models_[model]->predict(function, inputs, model == 1 ? &state_ : nullptr);
    EXPECT_TRUE(outputs.ok()) << outputs.error().to_string();
    return outputs.ok() ? *std::move(outputs) : std::vector<NamedTensor>(1);
  }

  std::vector<std::shared_ptr<runtime::Model>> models_;
  runtime::State state_;
};

/// Whole blocks past the window, of whose rows the first still see what the last push out.
TEST(AnemllLayoutGemma, RotatingBlocksLeaveTheCacheOfSingleSteps) {
  const fs::path folder = test::shared_folder() / "fixtures/hf/gemma3";
  ANEMONE_NEED_SHARED(folder);
  const test::ScratchFolder scratch;
  const fs::path out = scratch.path() / "out";
  constexpr int64_t kContext = 128;
  constexpr int64_t kBlock = 8;
  constexpr int64_t kWindow = 16;
  ASSERT_TRUE(test::converted(
      folder, out, {.layout = "anemll", .context = kContext, .prefill = {kBlock}, .chunks = 1}));
  const test::Arrays expected = test::read_arrays(folder / "expected.npz");
  const Tensor& ids = expected.at("ids2");
  const Tensor& positions = expected.at("pos2");
  const auto known = expected.at("logits2").values<float>();
  Functions functions(out);
  const int64_t blocks_end = (ids.element_count() - 1) / kBlock * kBlock;
  ASSERT_GT(blocks_end, 2 * kWindow);
  for (int64_t at = 0; at < blocks_end; at += kBlock)
    functions.run(at < kWindow ? "prefill" : "prefill_rotate", ids, at, kBlock, kContext);
  int64_t compared = 0;
  for (int64_t at = blocks_end; at < ids.element_count(); ++at) {
    const auto logits = functions.run("infer_rotate", ids, at, 1, kContext);
    for (int64_t i = 0; i < positions.element_count(); ++i) {
      if (static_cast<int64_t>(positions.at(i)) != at) continue;
      const auto row = known.subspan(static_cast<size_t>(i) * logits.size(), logits.size());
      const auto got = test::log_softmax(logits);
      const auto want = test::log_softmax(row);
      for (size_t v = 0; v < want.size(); ++v) ASSERT_NEAR(got[v], want[v], 0.03) << v;
      ++compared;
    }
  }
  EXPECT_GT(compared, 0);
}

}  // namespace
}  // namespace anemone
