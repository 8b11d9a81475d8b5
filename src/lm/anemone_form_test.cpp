#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lm/forms.h"
#include "support/scratch_folder.h"

namespace anemone::lm {
namespace {

using testing::HasSubstr;

constexpr const char* kDecode = R"(program(1.3)
{
  func decode<ios18>(tensor<int32, [1, 1]> input_ids, tensor<fp16, [1, 1, 1, 4]> causal_mask,
                     tensor<int32, [1]> current_pos, state<tensor<fp16, [1, 4, 1]>> cache) {
    tensor<fp16, [1, 1, 8]> one = one_hot(indices = input_ids, one_hot_vector_size = int32(8),
        axis = int32(-1), on_value = fp16(1), off_value = fp16(0))[name = string("one")];
    tensor<fp16, [1, 1, 1]> seen = reduce_max(x = causal_mask, axes = tensor<int32, [1]>([3]),
        keep_dims = bool(false))[name = string("seen")];
    tensor<int32, [1, 1, 1]> place = reshape(x = current_pos, shape = tensor<int32, [3]>([1, 1, 1]))[name = string("place")];
    tensor<fp16, [1, 1, 1]> number = cast(x = place, dtype = string("fp16"))[name = string("number")];
    tensor<fp16, [1, 1, 1]> both = add(x = seen, y = number)[name = string("both")];
    tensor<fp16, [1, 1, 8]> logits = add(x = one, y = both)[name = string("logits")];
  } -> (logits);
  func wider<ios18>(tensor<int32, [1, 2]> input_ids, tensor<fp16, [1, 1, 2, 4]> causal_mask,
                    tensor<int32, [1]> current_pos, state<tensor<fp16, [1, 4, 1]>> cache) {
    tensor<fp16, [1, 2, 16]> one = one_hot(indices = input_ids, one_hot_vector_size = int32(16),
        axis = int32(-1), on_value = fp16(1), off_value = fp16(0))[name = string("one")];
    tensor<fp16, [1, 1]> seen = reduce_max(x = causal_mask, axes = tensor<int32, [2]>([2, 3]),
        keep_dims = bool(false))[name = string("seen")];
    tensor<fp16, [1]> number = cast(x = current_pos, dtype = string("fp16"))[name = string("number")];
    tensor<fp16, [1, 1]> both = add(x = seen, y = number)[name = string("both")];
    tensor<fp16, [1, 2, 16]> logits = add(x = one, y = both)[name = string("logits")];
  } -> (logits);
}
)";

/// A folder with the model of one package whose logits are one-hot rows plus the position.
class AnemoneForm : public testing::Test {
 protected:
  void SetUp() override {
    auto program = mil::parse(kDecode);
    ASSERT_TRUE(program.ok()) << program.error().to_string();
    package::Package package;
    package.program = *std::move(program);
    for (const mil::Function& function : package.program.functions)
      package.functions.push_back(*package::describe(function));
    package.default_function = "decode";
    const Status written = package::write(folder_.path() / "one.mlpackage", package, {});
    ASSERT_TRUE(written.ok()) << written.error().to_string();
  }

  OpenedModel open(const std::string& passes, bool hash) {
    folder_.write("anemone.json",
                  R"({"format": "anemone-model", "format_version": 1, "architecture": "small",
                      "passes": )" +
                      passes + "}");
    LanguageModel::Options options;
    options.hash = hash;
    options.runtime.threads = 1;
    return LanguageModel::open(folder_.path(), options);
  }

  const std::string decode_ =
      R"({"decode": {"stages": [{"package": "one.mlpackage", "function": "decode"}]}})";
  test::ScratchFolder folder_;
};

TEST_F(AnemoneForm, RunsThePassOfTheManifest) {
  const auto model = open(decode_, false);
  ASSERT_TRUE(model.ok()) << model.error().to_string();
  EXPECT_EQ((*model)->info().architecture, "small");
  EXPECT_EQ((*model)->info().context_length, 4);
  const auto sequence = (*model)->new_sequence();
  std::vector<float> logits(8);
  const std::vector<int32_t> tokens = {5, 3};
  ASSERT_TRUE((*model)->extend(*sequence, tokens, Rows::last, logits).ok());
  EXPECT_EQ(logits, (std::vector<float>{1, 1, 1, 2, 1, 1, 1, 1}));
}

TEST_F(AnemoneForm, IsHashedOnlyIfAskedFor) {
  const auto hashed = open(decode_, true);
  const auto unhashed = open(decode_, false);
  ASSERT_TRUE(hashed.ok() && unhashed.ok());
  EXPECT_THAT((*hashed)->info().hash, testing::MatchesRegex("blake3:[0-9a-f]{64}"));
  EXPECT_EQ((*unhashed)->info().hash, "");
}

TEST_F(AnemoneForm, WrongNamesAreErrors) {
  const auto named = [](const char* package, const char* function) {
    return std::string(R"({"decode": {"stages": [{"package": ")") + package +
           R"(", "function": ")" + function + "\"}]}}";
  };
  for (const auto& [passes, code, message] :
       {std::tuple(named("../one.mlpackage", "decode"), ErrorCode::corrupt, "leads out"),
        std::tuple(named("two.mlpackage", "decode"), ErrorCode::not_found, "two.mlpackage"),
        std::tuple(named("one.mlpackage", "other"), ErrorCode::not_found, "'other'"),
        std::tuple(std::string("{}"), ErrorCode::corrupt, "decode")}) {
    const auto model = open(passes, false);
    ASSERT_FALSE(model.ok()) << passes;
    EXPECT_EQ(model.error().code, code) << passes;
    EXPECT_THAT(model.error().to_string(), HasSubstr(message));
  }
}

/// Rows of the wider function would not fit where logits of the other are expected.
TEST_F(AnemoneForm, PassesOfDifferentVocabulariesAreAnError) {
  const auto model = open(decode_.substr(0, decode_.size() - 1) +
                              R"(, "prefill": {"tokens": 2, "stages": [{"package":
                                 "one.mlpackage", "function": "wider"}]}})",
                          false);
  ASSERT_FALSE(model.ok());
  EXPECT_EQ(model.error().code, ErrorCode::mismatch) << model.error().to_string();
  EXPECT_THAT(model.error().to_string(),
              HasSubstr("one token gives 8 logits, a row of a block 16"));
}

/// Half a million brackets would overflow the stack of whoever copies them.
TEST_F(AnemoneForm, AHostileManifestIsAnError) {
  const auto model = open(std::string(500000, '[') + std::string(500000, ']'), false);
  ASSERT_FALSE(model.ok());
  EXPECT_EQ(model.error().code, ErrorCode::limit);
  EXPECT_THAT(model.error().to_string(), HasSubstr("anemone.json"));
}

}  // namespace
}  // namespace anemone::lm
