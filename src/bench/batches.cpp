#include "bench/batches.h"

#include <algorithm>
#include <memory>

#include "base/check.h"
#include "base/error.h"

namespace anemone::bench {
namespace {

class Lockstep {
 public:
  Lockstep(lm::LanguageModel& model, Clock& clock, const BatchRequest& request)
      : model_(model), clock_(clock), request_(request) {}

  Status begin(int64_t most) {
    const auto columns = static_cast<size_t>(model_.info().vocab_size);
    const auto prompt = model_.new_sequence();
    logits_.assign(static_cast<size_t>(most), std::vector<float>(columns));
    ANEMONE_RETURN_IF_ERROR(
        model_.extend(*prompt, request_.prompt, lm::Rows::last, logits_.front()));
    ANEMONE_TRY(first_, lm::best_token(logits_.front()));
    for (int64_t i = 0; i < most; ++i) sequences_.push_back(prompt->fork());
    tokens_.resize(static_cast<size_t>(most));
    extensions_.reserve(static_cast<size_t>(most));
    return {};
  }

  Status run(BatchTimes& times) {
    const auto count = static_cast<size_t>(times.sequences);
    for (size_t i = 0; i < count; ++i)
      sequences_[i]->truncate(static_cast<int64_t>(request_.prompt.size()));
    std::ranges::fill(tokens_, first_);
    const int64_t start = clock_.now_ns();
    int64_t before = start;
    for (int64_t step = 0; step < request_.steps; ++step) {
      extensions_.clear();
      for (size_t i = 0; i < count; ++i)
        extensions_.push_back(
            {sequences_[i].get(), std::span(&tokens_[i], 1), lm::Rows::last, logits_[i], {}});
      model_.extend_many(extensions_);
      for (size_t i = 0; i < count; ++i) {
        ANEMONE_RETURN_IF_ERROR(extensions_[i].status);
        ANEMONE_TRY(tokens_[i], lm::best_token(logits_[i]));
      }
      const int64_t now = clock_.now_ns();
      times.step_ns.push_back(static_cast<double>(now - before));
      before = now;
    }
    times.tokens_per_second.push_back(static_cast<double>(times.sequences * request_.steps) * 1e9 /
                                      static_cast<double>(std::max<int64_t>(before - start, 1)));
    return {};
  }

 private:
  lm::LanguageModel& model_;
  Clock& clock_;
  const BatchRequest& request_;
  int32_t first_ = 0;
  std::vector<std::unique_ptr<lm::Sequence>> sequences_;
  std::vector<std::vector<float>> logits_;
  std::vector<int32_t> tokens_;
  std::vector<lm::Extension> extensions_;
};

}  // namespace

Result<std::vector<BatchTimes>> measure_batches(lm::LanguageModel& model, Clock& clock,
                                                const BatchRequest& request,
                                                const std::function<bool()>& done) {
  ANEMONE_CHECK(!request.prompt.empty() && request.steps > 0 && !request.sequences.empty(),
                "sequences have a prompt, steps and a number");
  std::vector<BatchTimes> batches;
  for (const int64_t sequences : request.sequences) {
    BatchTimes& times = batches.emplace_back();
    times.sequences = sequences;
    times.tokens_per_second.reserve(static_cast<size_t>(request.repetitions));
    times.step_ns.reserve(static_cast<size_t>(request.repetitions * request.steps));
  }
  Lockstep lockstep(model, clock, request);
  ANEMONE_RETURN_IF_ERROR(lockstep.begin(std::ranges::max(request.sequences)));
  for (int repetition = 0; repetition < request.repetitions; ++repetition)
    for (size_t i = 0; i < batches.size(); ++i) {
      ANEMONE_RETURN_IF_ERROR(
          lockstep.run(batches[repetition % 2 == 0 ? i : batches.size() - 1 - i]));
      if (!done()) return fail(ErrorCode::interrupted, "interrupted");
    }
  return batches;
}

std::vector<BatchSpeed> speeds_of(std::span<const Batch> batches) {
  std::vector<BatchSpeed> speeds;
  for (const Batch& one : batches)
    if (one.tokens_per_second.summary && one.step_ns.summary)
      speeds.push_back(
          {one.sequences, one.tokens_per_second.summary->median, one.step_ns.summary->p95});
  return speeds;
}

}  // namespace anemone::bench
