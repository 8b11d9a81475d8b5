#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "anemone/probe.h"
#include "base/atomic_file.h"
#include "support/scratch_folder.h"
#include "tensor/zip_writer.h"

namespace anemone::probe {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<NamedTensor> named(const std::string& name, Shape shape, DType dtype = DType::fp32) {
  Tensor tensor = Tensor::zeros(dtype, shape);
  for (int64_t i = 0; i < tensor.element_count(); ++i) tensor.set(i, static_cast<double>(i));
  return {{name, std::move(tensor)}};
}

std::vector<float> numbers(const Tensor& tensor) {
  return {tensor.values<float>().begin(), tensor.values<float>().end()};
}

class Dump : public ::testing::Test {
 protected:
  Result<Trace> reread(const std::vector<NamedTensor>& arrays,
                       const std::map<std::string, std::string>& names = {}) {
    EXPECT_TRUE(write_npz(file(), arrays).ok());
    return read_dump(file(), names);
  }
  std::filesystem::path file() const { return folder_.path() / "a.npz"; }
  test::ScratchFolder folder_;
};

TEST_F(Dump, S4_13_WrittenTracesAreReadAsTheyWere) {
  const Trace trace{{7, 8}, {named("embedding", {2, 3})[0], named("layer.0", {2, 3})[0]}};
  ASSERT_TRUE(write_dump(file(), trace).ok());
  const auto again = read_dump(file());
  ASSERT_TRUE(again.ok()) << again.error().to_string();
  EXPECT_EQ(again->ids, trace.ids);
  ASSERT_EQ(again->points.size(), 2u);
  EXPECT_EQ(numbers(*again->find("layer.0")), (std::vector<float>{0, 1, 2, 3, 4, 5}));
}

TEST_F(Dump, S4_33_LayoutsOfTheNeuralEngineBecomeRows) {
  auto arrays = named("input_ids", {1, 2}, DType::int32);
  arrays.push_back(named("embedding", {1, 3, 1, 2}, DType::fp16)[0]);
  arrays.push_back(named("layer.0", {1, 2, 3})[0]);
  arrays.push_back(named("layer.1", {1, 3, 2})[0]);
  const auto trace = reread(arrays);
  ASSERT_TRUE(trace.ok()) << trace.error().to_string();
  EXPECT_EQ(trace->ids, (std::vector<int32_t>{0, 1}));
  EXPECT_EQ(numbers(*trace->find("embedding")), (std::vector<float>{0, 2, 4, 1, 3, 5}));
  EXPECT_EQ(numbers(*trace->find("layer.0")), (std::vector<float>{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(numbers(*trace->find("layer.1")), (std::vector<float>{0, 2, 4, 1, 3, 5}));
}

TEST_F(Dump, S4_33_NamesOfPyTorchAreKnown) {
  std::vector<NamedTensor> arrays;
  for (const char* name :
       {"model.embed_tokens", "model.layers.0.self_attn.o_proj", "layers.11.mlp.down_proj",
        "model.layers.11", "model.norm", "lm_head", "transformer.h.2.attn.c_attn", "mine"})
    arrays.push_back(named(name, {2, 3})[0]);
  const auto trace = reread(arrays, {{"mine", "layer.4"}});
  ASSERT_TRUE(trace.ok()) << trace.error().to_string();
  std::vector<std::string> names;
  for (const NamedTensor& point : trace->points) names.push_back(point.name);
  EXPECT_EQ(names, (std::vector<std::string>{
                       "embedding", "layer.0.attention.out", "layer.2.attention.qkv", "layer.4",
                       "layer.11.mlp.down", "layer.11", "final_norm", "logits"}));
}

TEST_F(Dump, S4_33_HiddenStatesEndBehindTheFinalNorm) {
  const auto stacked = reread(named("hidden_states", {3, 1, 2, 4}));
  std::vector<NamedTensor> apart;
  for (const char* name : {"hidden_states.0", "hidden_states_1", "hidden_states[2]"})
    apart.push_back(named(name, {1, 2, 4})[0]);
  const auto single = reread(apart);
  for (const auto* trace : {&stacked, &single}) {
    ASSERT_TRUE(trace->ok()) << trace->error().to_string();
    ASSERT_EQ((*trace)->points.size(), 3u);
    EXPECT_EQ((*trace)->points[0].name, "embedding");
    EXPECT_EQ((*trace)->points[1].name, "layer.0");
    EXPECT_EQ((*trace)->points[2].name, "final_norm");
  }
  EXPECT_EQ(numbers(*stacked->find("layer.0")), (std::vector<float>{8, 9, 10, 11, 12, 13, 14, 15}));
}

TEST_F(Dump, S4_33_HiddenStatesOfAnotherNumberOfLayersAreRefused) {
  Trace model;
  for (const char* name : {"embedding", "layer.0", "layer.1", "final_norm"})
    model.points.push_back(named(name, {2, 4})[0]);
  model.layers = 2;
  const auto three = reread(named("hidden_states", {3, 2, 4}));
  const auto two = reread(named("hidden_states", {2, 2, 4}));
  const auto apart = reread(named("hidden_states.3", {2, 4}));
  ASSERT_TRUE(three.ok() && two.ok() && apart.ok());
  EXPECT_TRUE(compare(*three, model, {}).ok());
  EXPECT_TRUE(compare(model, *three, {}).ok());
  for (const auto& [dump, words] :
       {std::pair(*two, "the reference's hidden_states has 2 entries, expected 3: of 2 layers"),
        std::pair(*apart, "the reference's hidden_states has 4 entries, expected 3")}) {
    const auto report = compare(dump, model, {});
    ASSERT_FALSE(report.ok());
    EXPECT_EQ(report.error().code, ErrorCode::mismatch);
    EXPECT_THAT(report.error().to_string(), HasSubstr(words));
    EXPECT_FALSE(compare(model, dump, {}).ok());
    EXPECT_FALSE(compare(*three, dump, {}).ok());
  }
  model.layers = 0;  // a dump, whose layers may be more than it has points of, but not fewer
  EXPECT_FALSE(compare(*two, model, {}).ok());
  EXPECT_TRUE(compare(*apart, model, {}).ok());
}

/// A dict that torch.save wrote: "embedding" [2, 3] and "input_ids" [2] of int64.
std::string torch_pickle() {
  const auto text = [](const std::string& value) {
    return "\x8c" + std::string(1, static_cast<char>(value.size())) + value;
  };
  const auto number = [](int value) { return std::string("K") + static_cast<char>(value); };
  const auto tensor = [&](const char* type, int key, const std::string& shape,
                          const std::string& strides, int count) {
    return "ctorch._utils\n_rebuild_tensor_v2\n((" + text("storage") + "ctorch\n" + type + "\n" +
           text(std::to_string(key)) + text("cpu") + number(count) + "tQ" + number(0) + "(" +
           shape + "t(" + strides + "t\x89)tR";
  };
  return "\x80\x02}(" + text("embedding") +
         tensor("FloatStorage", 0, number(2) + number(3), number(3) + number(1), 6) +
         text("input_ids") + tensor("LongStorage", 1, number(2), number(1), 2) + "u.";
}

TEST_F(Dump, S4_33_TorchFilesAreRead) {
  const auto path = folder_.path() / "a.pt";
  auto file = AtomicFile::create(path);
  ASSERT_TRUE(file.ok());
  ZipWriter zip(*file);
  const std::string pickle = torch_pickle();
  const float values[] = {0, 1, 2, 3, 4, 5};
  const int64_t ids[] = {300, 4};
  ASSERT_TRUE(zip.add("a/data.pkl", {std::as_bytes(std::span(pickle))}).ok());
  ASSERT_TRUE(zip.add("a/data/0", {std::as_bytes(std::span(values))}).ok());
  ASSERT_TRUE(zip.add("a/data/1", {std::as_bytes(std::span(ids))}).ok());
  ASSERT_TRUE(zip.finish().ok());
  ASSERT_TRUE(file->commit().ok());
  EXPECT_TRUE(is_dump(path));
  const auto trace = read_dump(path);
  ASSERT_TRUE(trace.ok()) << trace.error().to_string();
  EXPECT_EQ(trace->ids, (std::vector<int32_t>{300, 4}));
  EXPECT_EQ(numbers(*trace->find("embedding")), (std::vector<float>{0, 1, 2, 3, 4, 5}));
}

/// A `.npy` file: its header, and bytes of whatever the header says.
std::string npy(const std::string& type, const std::string& shape, size_t bytes) {
  std::string header =
      "{'descr': '" + type + "', 'fortran_order': False, 'shape': " + shape + ", }";
  header.resize(117, ' ');
  header += '\n';
  return std::string("\x93NUMPY\x01\x00", 8) + static_cast<char>(header.size()) + '\0' + header +
         std::string(bytes, '\0');
}

TEST_F(Dump, S4_33_ArraysOfOtherTypesAreNamedAndTheRestIsRead) {
  const auto write = [&](const std::vector<std::pair<std::string, std::string>>& members) {
    auto file = AtomicFile::create(this->file());
    ZipWriter zip(*file);
    for (const auto& [name, bytes] : members)
      ASSERT_TRUE(zip.add(name + ".npy", {std::as_bytes(std::span(bytes))}).ok());
    ASSERT_TRUE(zip.finish().ok());
    ASSERT_TRUE(file->commit().ok());
  };
  const std::pair<std::string, std::string> embedding{"embedding", npy("<f4", "(1, 2)", 8)};
  const std::pair<std::string, std::string> layer{"layer.0", npy(">f4", "(1, 2)", 8)};
  const std::pair<std::string, std::string> words{"words", npy("<U2", "(1,)", 8)};
  write({embedding, layer, words});
  const auto trace = read_dump(file());
  ASSERT_TRUE(trace.ok()) << trace.error().to_string();
  EXPECT_EQ(trace->points.size(), 1u);
  EXPECT_THAT(trace->unread, ElementsAre(HasSubstr("layer.0: "), HasSubstr("words: ")));
  EXPECT_THAT(trace->unread[0], HasSubstr(">f4"));
  const auto report = compare(*trace, *trace, {});
  ASSERT_TRUE(report.ok());
  EXPECT_THAT(report->skipped, Contains(trace->unread[0]));
  EXPECT_EQ(read_dump(file(), {{"layer.0", "layer.1"}}).error().code, ErrorCode::unsupported);
  write({embedding, {"input_ids", npy(">i4", "(1,)", 4)}});
  EXPECT_THAT(read_dump(file()).error().to_string(), HasSubstr("input_ids: "));
}

TEST_F(Dump, S4_33_TokenIdsAreReadAloneAndHeldAgainstWhatTheyShouldBe) {
  ASSERT_TRUE(write_npz(file(), named("ids0", {1, 3}, DType::int16)).ok());
  EXPECT_EQ(*read_token_ids(file()), (std::vector<int32_t>{0, 1, 2}));
  ASSERT_TRUE(write_npz(file(), named("input_ids", {3})).ok());
  EXPECT_THAT(read_token_ids(file()).error().to_string(),
              HasSubstr("input_ids: fp32 [3], expected token ids, which are integers"));
  ASSERT_TRUE(write_npz(file(), named("embedding", {3, 1})).ok());
  EXPECT_EQ(read_token_ids(file()).error().code, ErrorCode::not_found);
}

TEST_F(Dump, S4_33_FilesOfWeightsAreNoDumps) {
  ASSERT_TRUE(write_npz(file(), named("model.layers.0.mlp.up_proj.weight", {2, 2})).ok());
  EXPECT_FALSE(is_dump(file()));
  ASSERT_TRUE(write_npz(file(), named("model.layers.0.mlp.up_proj", {2, 2})).ok());
  EXPECT_TRUE(is_dump(file()));
  EXPECT_TRUE(is_dump(folder_.path() / "absent.pt"));
  EXPECT_FALSE(is_dump(folder_.path()));
}

TEST_F(Dump, S4_33_WrongDumpsAreTypedErrors) {
  auto twice = named("embed", {1, 2});
  twice.push_back(named("embedding", {1, 2})[0]);
  auto rows = named("input_ids", {3}, DType::int32);
  rows.push_back(named("layer.0", {2, 4})[0]);
  auto negative = named("input_ids", {1}, DType::int32);
  negative[0].tensor.set(0, -1);
  auto whole = named("input_ids", {2});
  whole.push_back(named("layer.0", {2, 4})[0]);
  const std::pair<std::vector<NamedTensor>, const char*> wrong[] = {
      {named("input_ids", {2}, DType::int32), "no array of floating-point numbers"},
      {twice, "a second array for the point embedding"},
      {rows, "[2, 4] has 2 rows, expected the 3 of its tokens"},
      {whole, "input_ids: fp32 [2], expected token ids, which are integers"},
      {named("input_ids", {0}, DType::int32), "input_ids: [0], expected at least one token"},
      {negative, "element 0 is -1, no token id"},
      {named("input_ids", {2, 2}, DType::int32), "expected token ids [T] or [1, T]"},
      {named("hidden_states", {2, 2}), "expected [layers + 1, T, C]"},
  };
  for (const auto& [arrays, words] : wrong) {
    const auto trace = reread(arrays);
    ASSERT_FALSE(trace.ok()) << words;
    EXPECT_EQ(trace.error().code, ErrorCode::mismatch);
    EXPECT_THAT(trace.error().to_string(), HasSubstr(words));
  }
  const auto absent = reread(named("embedding", {1, 2}), {{"other", "layer.0"}});
  ASSERT_FALSE(absent.ok());
  EXPECT_EQ(absent.error().code, ErrorCode::not_found);
  folder_.write("b.npz", "no archive");
  EXPECT_FALSE(read_dump(folder_.path() / "b.npz").ok());
  EXPECT_EQ(read_dump(folder_.path() / "absent.pt").error().code, ErrorCode::not_found);
}

}  // namespace
}  // namespace anemone::probe
