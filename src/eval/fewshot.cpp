#include "eval/fewshot.h"

#include "base/error.h"

namespace anemone::eval {

Result<FewshotSampler> FewshotSampler::create(const Task& task, int64_t count, uint64_t seed) {
  std::vector<Value> pool;
  if (count > 0) {
    ANEMONE_TRY(pool, task.fewshot_pool());
  }
  FewshotSampler sampler(std::move(pool), static_cast<size_t>(count), seed);
  sampler.first_n_ = task.config().fewshot.sampler == "first_n";
  // Also when neither is given: then examples come from the training split, and a copy of the
  // evaluated document is looked for all the same.
  sampler.from_evaluated_split_ = task.config().fewshot.split == task.config().test_split;
  return sampler;
}

Result<std::vector<size_t>> FewshotSampler::sample(size_t population, size_t count) {
  if (count > population)
    return fail(ErrorCode::invalid_argument, "{} examples cannot be drawn from {} documents", count,
                population);
  return random_.sample(population, count);
}

Result<std::vector<const Value*>> FewshotSampler::draw(const Value& document) {
  std::vector<const Value*> chosen;
  if (count_ == 0) return chosen;
  if (first_n_) {
    for (const Value& candidate : pool_) {
      if (chosen.size() == count_) break;
      if (!from_evaluated_split_ || candidate != document) chosen.push_back(&candidate);
    }
    if (chosen.size() < count_)
      return fail(ErrorCode::invalid_argument, "{} examples cannot be taken from {} documents",
                  count_, pool_.size());
    return chosen;
  }
  const bool removes = from_evaluated_split_ && !document.empty();
  ANEMONE_TRY(const auto indices, sample(pool_.size(), removes ? count_ + 1 : count_));
  for (const size_t index : indices)
    if (chosen.size() < count_ && (!removes || pool_[index] != document))
      chosen.push_back(&pool_[index]);
  if (chosen.size() == count_) return chosen;

  // Copies of the document were drawn more than once: draw again from a pool without them.
  chosen.clear();
  std::vector<const Value*> others;
  for (const Value& candidate : pool_)
    if (candidate != document) others.push_back(&candidate);
  ANEMONE_TRY(const auto again, sample(others.size(), count_));
  for (const size_t index : again) chosen.push_back(others[index]);
  return chosen;
}

}  // namespace anemone::eval
