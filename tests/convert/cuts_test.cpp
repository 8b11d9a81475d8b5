// Every form of model, whatever the cut of a sequence into calls: the same bits.

#include <cstring>

#include "convert/converted_model.h"
#include "lm/cached_sequence.h"
#include "support/scratch_folder.h"
#include "support/shared.h"

namespace anemone {
namespace {

namespace fs = std::filesystem;
using lm::Rows;
using lm::ScoreBy;
using lm::TokenScore;
using runtime::Numerics;

constexpr int64_t kContext = 160;

struct Form {
  const char* name;
  const char* checkpoint;      ///< below fixtures/hf.
  const char* layout;          ///< of the conversion; empty: the checkpoint itself.
  const char* directory = "";  ///< below the shared folder, of a model that is there already.
  bool blocks = false;         ///< the layout has blocks of a size that can be chosen.
  int64_t chunks = 1;
};

constexpr Form kForms[] = {
    {"anemone", "qwen3", "anemone", "", true},
    {"anemone_in_chunks", "qwen2", "anemone", "", true, 3},
    {"anemone_with_window", "gemma2", "anemone", "", true},
    {"anemone_of_experts", "qwen3_moe", "anemone", "", true},
    {"anemll", "llama", "anemll", "", true},
    {"stateful", "qwen3", "stateful"},
    {"plain", "gpt2", "plain"},
    {"checkpoint", "qwen3", ""},
    {"checkpoint_with_window", "gemma3", ""},
    {"anemll_directory", "qwen3", "", "fixtures/anemll/qwen3-fp16-2chunk"},
    {"anemll_palettes", "qwen3", "", "fixtures/anemll/qwen3-lut4-2chunk"},
    {"anemll_rotating", "gemma3", "", "fixtures/anemll/gemma3-fp16-1chunk"},
};

void PrintTo(const Form& form, std::ostream* stream) { *stream << form.name; }

using Cut = std::vector<size_t>;  ///< lengths of pieces; the last one repeats.

class Cuts : public ::testing::TestWithParam<std::tuple<Form, Numerics>> {
 protected:
  void SetUp() override {
    const Form& form = std::get<0>(GetParam());
    const fs::path checkpoint = test::shared_folder() / "fixtures/hf" / form.checkpoint;
    if (!fs::exists(checkpoint)) GTEST_SKIP() << "no fixtures: " << checkpoint;
    fs::path path = *form.directory != 0 ? test::shared_folder() / form.directory : checkpoint;
    if (*form.layout != 0) {
      path = scratch_.path() / "out";
      ConvertOptions options{.layout = form.layout, .context = kContext};
      if (form.blocks) options.prefill = {32};
      if (form.chunks > 1) options.chunks = form.chunks;
      ASSERT_TRUE(test::converted(checkpoint, path, options));
    }
    model_ = test::opened(path, std::get<1>(GetParam()));
    ASSERT_NE(model_, nullptr);
    const test::Arrays expected = test::read_arrays(checkpoint / "expected.npz");
    const Tensor& ids = expected.at("ids2");
    const lm::ModelInfo& info = model_->info();
    for (int64_t i = 0; i < std::min(ids.element_count(), info.context_length); ++i)
      tokens_.push_back(static_cast<int32_t>(ids.at(i)) % static_cast<int32_t>(info.vocab_size));
    ASSERT_GT(tokens_.size(), 100U);
    targets_.assign(tokens_.begin() + 1, tokens_.end());
    tokens_.pop_back();
  }

  template <typename Call>  // Status(first, count)
  void in_pieces(const Cut& cut, const Call& call) {
    size_t piece = 0;
    for (size_t first = 0; first < tokens_.size();) {
      const size_t count = std::min(cut[std::min(piece++, cut.size() - 1)], tokens_.size() - first);
      const Status status = call(first, count);
      ASSERT_TRUE(status.ok()) << status.error().to_string();
      first += count;
    }
  }

  std::vector<float> logits(lm::Sequence& sequence, const Cut& cut) {
    const auto vocab = static_cast<size_t>(model_->info().vocab_size);
    std::vector<float> rows(tokens_.size() * vocab);
    in_pieces(cut, [&](size_t first, size_t count) {
      return model_->extend(sequence, std::span(tokens_).subspan(first, count), Rows::all,
                            std::span(rows).subspan(first * vocab, count * vocab));
    });
    return rows;
  }

  std::vector<TokenScore> scores(lm::Sequence& sequence, const Cut& cut, ScoreBy by) {
    std::vector<TokenScore> result(tokens_.size());
    in_pieces(cut, [&](size_t first, size_t count) {
      return model_->score(sequence, std::span(tokens_).subspan(first, count),
                           std::span(targets_).subspan(first, count),
                           std::span(result).subspan(first, count), by);
    });
    return result;
  }

  void expect_scores(ScoreBy by);

  test::ScratchFolder scratch_;
  std::unique_ptr<lm::LanguageModel> model_;
  std::vector<int32_t> tokens_;
  std::vector<int32_t> targets_;
};

/// What the states hold of the tokens: rows of caches [.., rows, values] up to the length.
std::vector<std::byte> memory_of(lm::Sequence& sequence) {
  std::vector<std::byte> memory;
  auto& cached = static_cast<lm::CachedSequence&>(sequence);
  for (const NamedTensor& named : cached.state().tensors()) {
    const Shape& shape = named.tensor.shape();
    const auto rows = static_cast<size_t>(shape[shape.rank() - 2]);
    const auto bytes = named.tensor.bytes();
    const size_t lines = static_cast<size_t>(shape.element_count() / shape[shape.rank() - 1]);
    const size_t line = bytes.size() / lines;
    for (size_t first = 0; first < lines; first += rows) {
      const auto known = std::min(rows, static_cast<size_t>(cached.cached()));
      const auto part = bytes.subspan(first * line, known * line);
      memory.insert(memory.end(), part.begin(), part.end());
    }
  }
  return memory;
}

/// All rows of the caches from `first` on are zeros.
bool is_clear_from(lm::Sequence& sequence, size_t first) {
  auto& cached = static_cast<lm::CachedSequence&>(sequence);
  for (const NamedTensor& named : cached.state().tensors()) {
    const Shape& shape = named.tensor.shape();
    const int64_t rows = shape[shape.rank() - 2];
    const int64_t width = shape[shape.rank() - 1];
    for (int64_t i = 0; i < shape.element_count(); ++i)
      if (i / width % rows >= static_cast<int64_t>(first) && named.tensor.at(i) != 0) return false;
  }
  return true;
}

bool same_bits(std::span<const float> a, std::span<const float> b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size_bytes()) == 0;
}

const Cut kCuts[] = {{1 << 20}, {32, 32, 1}, {5, 1, 40, 3, 32, 17, 1, 1 << 20}, {31, 2, 33, 64}};

TEST_P(Cuts, S1_45_LogitsAndMemoryHaveTheSameBitsHoweverASequenceIsCut) {
  const auto steps = model_->new_sequence();
  const auto expected = logits(*steps, {1});
  for (const Cut& cut : kCuts) {
    const auto sequence = model_->new_sequence();
    EXPECT_TRUE(same_bits(logits(*sequence, cut), expected)) << "first piece " << cut[0];
    EXPECT_TRUE(memory_of(*sequence) == memory_of(*steps)) << "first piece " << cut[0];
  }
  // Prefix and rest, as prefill and decoding share them.
  const auto vocab = static_cast<size_t>(model_->info().vocab_size);
  for (const size_t prefix : {32U, 63U, 100U}) {
    const auto sequence = model_->new_sequence();
    const auto tokens = std::span(tokens_);
    std::vector<float> last(vocab);
    ASSERT_TRUE(model_->extend(*sequence, tokens.first(prefix - 1), Rows::none, {}).ok());
    ASSERT_TRUE(model_->extend(*sequence, tokens.subspan(prefix - 1, 1), Rows::last, last).ok());
    EXPECT_TRUE(same_bits(last, std::span(expected).subspan((prefix - 1) * vocab, vocab)))
        << "after " << prefix;
  }
}

TEST_P(Cuts, ScoresAreThoseOfTheLogitsHoweverASequenceIsCut) {
  for (const ScoreBy by : {ScoreBy::blocks, ScoreBy::logits}) expect_scores(by);
}

void Cuts::expect_scores(ScoreBy by) {
  SCOPED_TRACE(by == ScoreBy::blocks ? "by blocks" : "by logits");
  const auto whole = model_->new_sequence();
  const auto found = scores(*whole, {1 << 20}, by);
  const auto steps = model_->new_sequence();
  const auto rows = logits(*steps, {1});
  const auto vocab = static_cast<size_t>(model_->info().vocab_size);
  // A function that scores rounds its results to fp16, where logarithms of sums are 8 and more.
  const bool by_function = by == ScoreBy::blocks && model_->info().score_block_tokens > 0;
  const bool rounds = by_function && std::get<1>(GetParam()) == Numerics::fp16;
  double largest = 0;
  for (size_t i = 0; i < found.size(); ++i) {
    const auto row = std::span<const float>(rows).subspan(i * vocab, vocab);
    const auto exact = lm::score_token(row, targets_[i]);
    ASSERT_TRUE(exact.ok()) << exact.error().to_string();
    EXPECT_EQ(found[i].greedy, exact->greedy) << i;
    largest = std::max(largest, std::abs(found[i].log_probability - exact->log_probability));
  }
  if (by_function) RecordProperty("largest", std::to_string(largest));
  EXPECT_LE(largest, rounds ? 0.02 : by_function ? 2e-5 : 0.0);
  EXPECT_TRUE(memory_of(*whole) == memory_of(*steps));
  for (const Cut& cut : kCuts) {
    const auto sequence = model_->new_sequence();
    EXPECT_EQ(scores(*sequence, cut, by), found) << "first piece " << cut[0];
    EXPECT_TRUE(memory_of(*sequence) == memory_of(*steps)) << "first piece " << cut[0];
  }
  // After a prefix that blocks or steps have carried, and on a fork.
  for (const size_t prefix : {1U, 40U, 64U, 97U}) {
    const auto sequence = model_->new_sequence();
    const auto tokens = std::span(tokens_);
    ASSERT_TRUE(model_->extend(*sequence, tokens.first(prefix), Rows::none, {}).ok());
    const auto fork = sequence->fork();
    std::vector<TokenScore> rest(tokens.size() - prefix);
    for (lm::Sequence* each : {sequence.get(), fork.get()}) {
      const Status status = model_->score(*each, tokens.subspan(prefix),
                                          std::span(targets_).subspan(prefix), rest, by);
      ASSERT_TRUE(status.ok()) << status.error().to_string();
      EXPECT_TRUE(std::ranges::equal(rest, std::span(found).subspan(prefix))) << prefix;
    }
  }
}

/// Sequence i: some tokens of the prompt from place i on, then as many more as `count(i)`.
TEST_P(Cuts, SequencesInLockstepHaveTheBitsOfSeparateOnes) {
  const auto vocab = static_cast<size_t>(model_->info().vocab_size);
  const auto tokens = std::span<const int32_t>(tokens_);
  const auto targets = std::span<const int32_t>(targets_);
  const auto known = [](size_t i) { return i * 9 % 40; };
  const auto count = [](size_t i) { return 1 + i * 5 % 7; };
  for (const size_t sequences : {1U, 2U, 3U, 4U, 5U, 6U, 7U, 8U, 9U, 19U}) {
    std::vector<std::unique_ptr<lm::Sequence>> together;
    std::vector<std::unique_ptr<lm::Sequence>> apart;
    std::vector<std::vector<float>> logits(sequences);
    std::vector<std::vector<TokenScore>> scores(sequences);
    std::vector<lm::Extension> extensions;
    std::vector<lm::Scoring> scorings;
    for (size_t i = 0; i < sequences; ++i) {
      apart.push_back(model_->new_sequence());
      ASSERT_TRUE(model_->extend(*apart[i], tokens.subspan(i, known(i)), Rows::none, {}).ok());
      together.push_back(apart[i]->fork());
      logits[i].resize((i % 2 == 0 ? count(i) : 1) * vocab);
      extensions.push_back({together[i].get(),
                            tokens.subspan(i + known(i), count(i)),
                            i % 2 == 0 ? Rows::all : Rows::last,
                            logits[i],
                            {}});
      const size_t next = i + known(i) + count(i);
      scores[i].resize(count(i + 1));
      scorings.push_back({together[i].get(),
                          tokens.subspan(next, count(i + 1)),
                          targets.subspan(next, count(i + 1)),
                          scores[i],
                          i % 3 == 0 ? ScoreBy::blocks : ScoreBy::logits,
                          {}});
    }
    model_->extend_many(extensions);
    model_->score_many(scorings);
    for (size_t i = 0; i < sequences; ++i) {
      ASSERT_TRUE(extensions[i].status.ok()) << extensions[i].status.error().to_string();
      ASSERT_TRUE(scorings[i].status.ok()) << scorings[i].status.error().to_string();
      std::vector<float> own(logits[i].size());
      std::vector<TokenScore> own_scores(scores[i].size());
      ASSERT_TRUE(model_->extend(*apart[i], extensions[i].tokens, extensions[i].rows, own).ok());
      ASSERT_TRUE(model_
                      ->score(*apart[i], scorings[i].tokens, scorings[i].targets, own_scores,
                              scorings[i].by)
                      .ok());
      EXPECT_TRUE(same_bits(logits[i], own)) << i << " of " << sequences;
      EXPECT_EQ(scores[i], own_scores) << i << " of " << sequences;
      EXPECT_TRUE(memory_of(*together[i]) == memory_of(*apart[i])) << i << " of " << sequences;
    }
  }
}

/// What is behind the last token is zeros, which cost nothing, where it is known which rows those
/// are.
TEST_P(Cuts, CachesHoldNothingBehindTheLastToken) {
  const std::string form = model_->info().form;
  if (form == "plain" || form == "stateful") return;
  const auto sequence = model_->new_sequence();
  const auto tokens = std::span<const int32_t>(tokens_);
  const bool rotates = std::string(std::get<0>(GetParam()).name) == "anemll_rotating";
  const size_t most = rotates ? 15 : 70;
  std::vector<TokenScore> scores(5);
  ASSERT_TRUE(model_->extend(*sequence, tokens.first(most - 5), Rows::none, {}).ok());
  const auto score = [&] {
    return model_->score(*sequence, tokens.subspan(most - 5, 5),
                         std::span(targets_).subspan(most - 5, 5), scores, ScoreBy::blocks);
  };
  ASSERT_TRUE(score().ok());
  EXPECT_TRUE(is_clear_from(*sequence, most));
  EXPECT_FALSE(is_clear_from(*sequence, most - 1));
  sequence->truncate(static_cast<int64_t>(most) - 5);
  EXPECT_TRUE(is_clear_from(*sequence, most - 5));
  const auto before = scores;
  ASSERT_TRUE(score().ok());
  EXPECT_EQ(scores, before);
}

TEST_P(Cuts, AWrongTokenOfOneSequenceDoesNotConcernTheOthers) {
  const auto vocab = static_cast<int32_t>(model_->info().vocab_size);
  const std::vector<std::vector<int32_t>> given = {{1, 2}, {3, vocab}, {}, {4, 5}};
  std::vector<std::unique_ptr<lm::Sequence>> sequences;
  std::vector<std::vector<float>> logits(4, std::vector<float>(static_cast<size_t>(vocab)));
  std::vector<lm::Extension> extensions;
  for (size_t i = 0; i < 4; ++i) {
    sequences.push_back(model_->new_sequence());
    extensions.push_back({sequences[i].get(), given[i], Rows::last, logits[i], {}});
  }
  model_->extend_many(extensions);
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(extensions[i].status.ok(), i != 1) << i;
    EXPECT_EQ(sequences[i]->length(), i == 1 ? 0 : static_cast<int64_t>(given[i].size())) << i;
  }
  EXPECT_NE(logits[0], logits[3]);
}

TEST_P(Cuts, AScoreThatFailsChangesNothing) {
  const auto sequence = model_->new_sequence();
  const auto tokens = std::span<const int32_t>(tokens_);
  ASSERT_TRUE(model_->extend(*sequence, tokens.first(20), Rows::none, {}).ok());
  std::vector<TokenScore> scores(2);
  const int32_t vocab = static_cast<int32_t>(model_->info().vocab_size);
  const auto code = [&](std::vector<int32_t> given, std::vector<int32_t> targets) {
    const Status status = model_->score(*sequence, given, targets, scores, ScoreBy::blocks);
    return status.ok() ? std::optional<ErrorCode>() : status.error().code;
  };
  EXPECT_EQ(code({1, 2}, {3}), ErrorCode::invalid_argument);
  EXPECT_EQ(code({1, 2}, {3, vocab}), ErrorCode::out_of_range);
  EXPECT_EQ(code({1, -1}, {3, 4}), ErrorCode::out_of_range);
  EXPECT_EQ(sequence->length(), 20);
  EXPECT_EQ(code({tokens_[20], tokens_[21]}, {targets_[20], targets_[21]}), std::nullopt);
  EXPECT_EQ(sequence->length(), 22);
}

INSTANTIATE_TEST_SUITE_P(Forms, Cuts,
                         ::testing::Combine(::testing::ValuesIn(kForms),
                                            ::testing::Values(Numerics::fp16, Numerics::fp32)),
                         [](const auto& test) {
                           return std::string(std::get<0>(test.param).name) + "_" +
                                  to_string(std::get<1>(test.param));
                         });

}  // namespace
}  // namespace anemone
