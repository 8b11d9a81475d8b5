#pragma once

#include <memory>
#include <span>
#include <vector>

#include "anemone/language_model.h"
#include "lm/carrier.h"
#include "lm/lockstep.h"

namespace anemone::lm {

/// The pieces that lie in the functions of one package (see is_static_cache), all but the hash.
/// Errors: mismatch (functions that do not fit together), unsupported (rotating functions; no
/// function that gives logits).
Result<StaticCacheParts> join_static_cache(std::shared_ptr<runtime::Model> model,
                                           const LanguageModel::Options& options);

/// ANEMLL directories, chunked or monolithic, and multi-function static exports.
class StaticCacheModel : public LanguageModel, public Lockstep {
 public:
  StaticCacheModel(StaticCacheParts parts, bool single_steps)
      : carrier_(std::move(parts), single_steps) {}

  const ModelInfo& info() const override { return carrier_.parts().info; }
  runtime::Execution execution() const override;
  std::unique_ptr<Sequence> new_sequence() override;
  Status extend(Sequence& sequence, std::span<const int32_t> tokens, Rows rows,
                std::span<float> logits) override;
  Result<int32_t> extend_greedy(Sequence& sequence, std::span<const int32_t> tokens) override;
  Status score(Sequence& sequence, std::span<const int32_t> tokens,
               std::span<const int32_t> targets, std::span<TokenScore> scores, ScoreBy by) override;
  void extend_many(std::span<Extension> extensions) override;
  void score_many(std::span<Scoring> scorings) override;
  uint64_t saved_token_bytes() const override;
  void save(const Sequence& sequence, int64_t begin, int64_t end,
            std::span<std::byte> bytes) const override;
  std::unique_ptr<Sequence> restore(std::span<const int32_t> tokens,
                                    std::span<const std::span<const std::byte>> pieces) override;
  WorkCounters counters() const override { return carrier_.counters(); }
  int64_t lockstep_sequences() const override { return carrier_.lockstep_sequences(); }
  bool joins_positions() const override { return carrier_.joins_positions(); }
  bool blocks_give_rows() const override { return carrier_.block_gives_rows(); }
  void share_work(size_t count, const std::function<void(size_t)>& body) const override {
    carrier_.share_work(count, body);
  }

 private:
  Status check_extension(const Sequence& sequence, std::span<const int32_t> tokens,
                         Rows rows) const;
  Status check_scoring(const Sequence& sequence, std::span<const int32_t> tokens,
                       std::span<const int32_t> targets, std::span<const TokenScore> scores,
                       ScoreBy by) const;
  bool scores_blocks(ScoreBy by) const {
    return by == ScoreBy::blocks && info().score_block_tokens > 0;
  }
  /// Appends the tokens; `sink` is null for Rows::none.
  Trip append(Sequence& sequence, std::span<const int32_t> tokens, Rows rows, RowSink* sink) const;
  void carry_many();
  /// Gives each of `results_` its status and forgets the trips.
  void hand_out();

  Carrier carrier_;
  std::vector<float> rows_;  ///< of logits that are scored, [sequences, V].
  // Of calls with several sequences, kept for the next one.
  std::vector<KeptRows> kept_;
  std::vector<ScoredRows> scored_;
  std::vector<Trip> trips_;
  std::vector<BlockScoring> blocks_;
  std::vector<int64_t> before_;  ///< lengths.
  std::vector<Status*> results_;
  std::vector<Status> statuses_;
};

}  // namespace anemone::lm
