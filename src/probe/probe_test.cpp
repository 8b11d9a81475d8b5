#include "anemone/probe.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "anemone/package.h"
#include "probe/structure.h"
#include "support/scratch_folder.h"
#include "support/shared.h"

namespace anemone::probe {
namespace {

namespace fs = std::filesystem;

constexpr const char* kChunk = "qwen_FFN_PF_chunk_01of01.mlpackage";

fs::path checkpoint() { return test::source_folder() / "models/anemone-tiny"; }
fs::path artifact() { return test::source_folder() / "models/anemone-tiny-anemll"; }

std::vector<int32_t> tokens() { return random_ids(6, 4096, 1337); }

lm::LanguageModel::Options options(runtime::Numerics numerics = runtime::Numerics::fp16) {
  lm::LanguageModel::Options options;
  options.runtime.threads = 2;
  options.runtime.numerics = numerics;
  return options;
}

const Trace& trace_of(const fs::path& model) {
  static std::map<fs::path, Trace> known;
  const auto found = known.find(model);
  if (found != known.end()) return found->second;
  auto trace = trace_model(model, options(), tokens());
  EXPECT_TRUE(trace.ok()) << trace.error().to_string();
  return known[model] = trace.ok() ? *std::move(trace) : Trace{};
}

Report compared(const Trace& reference, const Trace& model) {
  auto report = compare(reference, model, {});
  EXPECT_TRUE(report.ok()) << report.error().to_string();
  return report.ok() ? *std::move(report) : Report{};
}

std::string name_at(const Report& report, const std::optional<size_t>& index) {
  return index ? report.points[*index].name : "none";
}

/// The weight of a product: of layer K the branches are 2 K and 2 K + 1.
std::string weight_of(const mil::Function& function, size_t branch, const std::string& role) {
  const Structure structure = structure_of(function);
  for (const Product& product : structure.branches.at(branch).products)
    for (const mil::Operation& operation : function.block.operations)
      if (product.role == role && !operation.outputs.empty() &&
          operation.outputs[0].name == product.place.value)
        return operation.find_input("weight")->bindings[0].name();
  ADD_FAILURE() << role;
  return {};
}

/// The embedded artifact with one weight of a layer, or one of its rows, multiplied by 1.02.
class ChangedArtifact {
 public:
  ChangedArtifact(size_t branch, const std::string& role, std::optional<int64_t> row = {}) {
    fs::copy(artifact(), path(), fs::copy_options::recursive);
    auto package = package::open(path() / kChunk);
    EXPECT_TRUE(package.ok()) << package.error().to_string();
    if (!package.ok()) return;
    for (mil::Function& function : package->program.functions) {
      const std::string weight = weight_of(function, branch, role);
      for (mil::Operation& operation : function.block.operations)
        if (operation.type == "const" && operation.outputs[0].name == weight)
          for (auto& [name, value] : operation.attributes)
            if (name == "val") scale(value.tensor, row);
    }
    const Status written = package::write(path() / kChunk, *package, {.overwrite = true});
    EXPECT_TRUE(written.ok()) << written.error().to_string();
  }
  fs::path path() const { return folder_.path() / "changed"; }

 private:
  static void scale(Tensor& tensor, std::optional<int64_t> row) {
    const int64_t row_size = tensor.element_count() / tensor.shape()[0];
    Tensor scaled = Tensor::zeros(tensor.dtype(), tensor.shape());
    for (int64_t i = 0; i < tensor.element_count(); ++i)
      scaled.set(i, tensor.at(i) * (!row || i / row_size == *row ? 1.02 : 1));
    tensor = scaled;
  }
  test::ScratchFolder folder_;
};

TEST(Probe, S4_3_S4_34_AnArtifactAgreesWithItsCheckpointAtEveryPoint) {
  const Report report = compared(trace_of(checkpoint()), trace_of(artifact()));
  std::vector<std::string> expected{"embedding"};
  for (int layer = 0; layer < 5; ++layer)
    for (const char* part :
         {".attention.norm", ".attention.q", ".attention.k", ".attention.v", ".attention.out",
          ".attention", ".mlp.norm", ".mlp.gate", ".mlp.up", ".mlp.down", ""})
      expected.push_back("layer." + std::to_string(layer) + part);
  expected.insert(expected.end(), {"final_norm", "logits"});
  std::vector<std::string> names;
  for (const PointError& point : report.points) {
    names.push_back(point.name);
    EXPECT_EQ(point.rows, 6);
    EXPECT_LE(point.relative, 0.02) << point.name;
    EXPECT_GE(point.cosine, 0.999) << point.name;
  }
  EXPECT_EQ(names, expected);
  EXPECT_TRUE(report.skipped.empty());
  EXPECT_EQ(name_at(report, report.first_standing_out), "none");
  EXPECT_EQ(report.top1_agreement, 1.0);
  EXPECT_LT(report.kl_divergence.value(), 1e-3);
}

TEST(Probe, S4_3_OneWeightChangedByTwoPercentIsTracedToItsLayer) {
  size_t layer = 0;
  for (const char* part : {"attention.q", "attention.k", "attention.v", "attention.out", "mlp.gate",
                           "mlp.up", "mlp.down"}) {
    const std::string name = part;
    const size_t branch = 2 * layer + (name.starts_with("mlp") ? 1 : 0);
    const ChangedArtifact changed(branch, name.substr(name.find('.') + 1));
    const std::string point = "layer." + std::to_string(layer) + "." + name;
    layer = (layer + 1) % 5;
    const auto trace = trace_model(changed.path(), options(), tokens());
    ASSERT_TRUE(trace.ok()) << trace.error().to_string();
    const Report against = compared(trace_of(checkpoint()), *trace);
    EXPECT_EQ(name_at(against, against.first_standing_out), point);
    const Report copy = compared(trace_of(artifact()), *trace);
    EXPECT_EQ(name_at(copy, copy.first_different), point);
    EXPECT_EQ(name_at(copy, copy.first_standing_out), point);
  }
}

TEST(Probe, S4_3_OneRowOfAWeightChangedByTwoPercentIsTracedToItsChannel) {
  size_t layer = 0;
  for (const char* part : {"attention.q", "attention.k", "attention.v", "attention.out", "mlp.gate",
                           "mlp.up", "mlp.down"}) {
    const std::string name = part;
    const size_t branch = 2 * layer + (name.starts_with("mlp") ? 1 : 0);
    const ChangedArtifact changed(branch, name.substr(name.find('.') + 1), 5);
    const std::string point = "layer." + std::to_string(layer) + "." + name;
    layer = (layer + 1) % 5;
    const auto ids = random_ids(32, 4096, 1337);
    const auto trace = trace_model(changed.path(), options(), ids);
    const auto reference = trace_model(checkpoint(), options(), ids);
    ASSERT_TRUE(trace.ok()) << trace.error().to_string();
    ASSERT_TRUE(reference.ok()) << reference.error().to_string();
    const Report report = compared(*reference, *trace);
    ASSERT_EQ(name_at(report, report.first_standing_out), point);
    EXPECT_EQ(report.points[*report.first_standing_out].stray_channel, 5) << point;
    EXPECT_LT(report.points[*report.first_standing_out].relative_l2, 5e-3)
        << "in the whole it does not show";
  }
}

TEST(Probe, S4_13_S4_33_ADumpOfAModelComparesAsTheModel) {
  const test::ScratchFolder folder;
  const fs::path file = folder.path() / "reference.npz";
  ASSERT_TRUE(write_dump(file, trace_of(checkpoint())).ok());
  const auto dump = read_dump(file);
  ASSERT_TRUE(dump.ok()) << dump.error().to_string();
  const Report direct = compared(trace_of(checkpoint()), trace_of(artifact()));
  const Report again = compared(*dump, trace_of(artifact()));
  ASSERT_EQ(again.points.size(), direct.points.size());
  for (size_t i = 0; i < again.points.size(); ++i)
    EXPECT_EQ(again.points[i].mse, direct.points[i].mse) << direct.points[i].name;
  EXPECT_EQ(again.kl_divergence, direct.kl_divergence);
}

TEST(Probe, S4_3_TheFirstOperationOverToleranceIsFound) {
  const ChangedArtifact changed(7, "up");
  const auto found =
      first_operation_over(artifact(), options(), changed.path(), options(), tokens(), {1e-4, 1});
  ASSERT_TRUE(found.ok()) << found.error().to_string();
  ASSERT_TRUE(found->has_value());
  EXPECT_EQ((*found)->type, "conv");
  EXPECT_EQ((*found)->token, 0);
  EXPECT_EQ((*found)->package, kChunk);
  const auto package = package::open(artifact() / kChunk);
  ASSERT_TRUE(package.ok());
  const Structure structure = structure_of(*package->program.find_function((*found)->function));
  EXPECT_EQ(structure.branches.at(7).products.at(1).role, "up");
  EXPECT_EQ(structure.branches.at(7).products.at(1).place.value, (*found)->value);
}

TEST(Probe, S4_3_NumericsOfOneProgramAreHeldAgainstEachOther) {
  const auto half = options(runtime::Numerics::fp16);
  const auto whole = options(runtime::Numerics::fp32);
  const auto within =
      first_operation_over(artifact(), whole, artifact(), half, random_ids(2, 4096, 1), {});
  ASSERT_TRUE(within.ok()) << within.error().to_string();
  EXPECT_FALSE(within->has_value()) << (*within)->value;
  const auto exact =
      first_operation_over(artifact(), whole, artifact(), half, random_ids(2, 4096, 1), {0, 0});
  ASSERT_TRUE(exact.ok()) << exact.error().to_string();
  ASSERT_TRUE(exact->has_value());
  EXPECT_GT((*exact)->error.max_abs, 0);
  const auto same =
      first_operation_over(artifact(), half, artifact(), half, random_ids(2, 4096, 1), {0, 0});
  ASSERT_TRUE(same.ok()) << same.error().to_string();
  EXPECT_FALSE(same->has_value());
}

TEST(Probe, ModelsWithoutCommonNamesHaveNoFirstOperation) {
  const auto found = first_operation_over(checkpoint(), options(), artifact(), options(),
                                          random_ids(1, 4096, 1), {});
  ASSERT_FALSE(found.ok());
  EXPECT_EQ(found.error().code, ErrorCode::mismatch);
}

TEST(Probe, S4_3_FormsOfEveryFamilyHaveTheirLayers) {
  for (const char* family : {"gemma3", "gpt2", "granite", "llama", "olmo2", "phi3", "qwen3_moe"}) {
    const fs::path folder = test::shared_folder() / "fixtures/hf" / family;
    ANEMONE_NEED_SHARED(folder);
    const auto info = describe_model(folder, options());
    ASSERT_TRUE(info.ok()) << info.error().to_string();
    const auto trace = trace_model(folder, options(), random_ids(3, info->vocab_size, 1));
    ASSERT_TRUE(trace.ok()) << trace.error().to_string();
    for (const char* point : {"embedding", "layer.0.attention.norm", "layer.0.attention.out",
                              "layer.0.attention", "layer.0.mlp.down", "layer.0",
                              "layer.1.attention.out", "layer.1", "final_norm", "logits"})
      EXPECT_NE(trace->find(point), nullptr) << family << ' ' << point;
  }
}

TEST(Probe, S4_3_S4_34_ExportsOfCoremltoolsAgreeAtEveryPoint) {
  for (const auto& [name, family] :
       {std::pair("granite_range", "granite"), std::pair("granite_fp32", "granite"),
        std::pair("llama_stateful", "llama"), std::pair("gpt2_fp32", "gpt2")}) {
    const fs::path package = test::shared_folder() / "fixtures/coreml" / name / "model.mlpackage";
    const fs::path source = test::shared_folder() / "fixtures/hf" / family;
    ANEMONE_NEED_SHARED(package);
    ANEMONE_NEED_SHARED(source);
    const auto info = describe_model(source, options());
    ASSERT_TRUE(info.ok()) << info.error().to_string();
    const auto ids = random_ids(3, info->vocab_size, 1);
    const auto reference = trace_model(source, options(), ids);
    ASSERT_TRUE(reference.ok()) << reference.error().to_string();
    const auto model = trace_model(package, options(), ids);
    ASSERT_TRUE(model.ok()) << model.error().to_string();
    const Report report = compared(*reference, *model);
    EXPECT_EQ(report.skipped, std::vector<std::string>{}) << name;
    EXPECT_TRUE(report.passed()) << name << ' ' << name_at(report, report.first_over);
    EXPECT_EQ(report.points.size(), reference->points.size()) << name;
    for (const char* point : {"layer.0.attention.q", "layer.0.attention.v", "final_norm"})
      EXPECT_NE(reference->find(point), nullptr) << name << ' ' << point;
  }
}

TEST(Probe, RandomTokensAreOfTheVocabularyAndOfTheSeed) {
  const auto ids = random_ids(1000, 50, 1);
  EXPECT_EQ(ids, random_ids(1000, 50, 1));
  EXPECT_NE(ids, random_ids(1000, 50, 2));
  EXPECT_EQ(std::ranges::min(ids), 0);
  EXPECT_EQ(std::ranges::max(ids), 49);
}

}  // namespace
}  // namespace anemone::probe
