#pragma once

#include <cstdint>
#include <vector>

#include "anemone/result.h"
#include "eval/python_random.h"
#include "eval/task.h"

namespace anemone::eval {

/// Draws the examples that stand before a question, in the harness' order of draws: one draw for
/// each evaluated document, so documents must be asked for in their order.
class FewshotSampler {
 public:
  /// `count` examples a document. Reads the pool unless `count` is 0.
  /// Errors: those of the data set; invalid_argument (the pool is too small).
  static Result<FewshotSampler> create(const Task& task, int64_t count, uint64_t seed);

  /// The examples for `document`; where examples come from the evaluated split itself, never the
  /// document. The pointers live as long as this object.
  Result<std::vector<const Value*>> draw(const Value& document);

 private:
  FewshotSampler(std::vector<Value> pool, size_t count, uint64_t seed)
      : pool_(std::move(pool)), count_(count), random_(seed) {}
  Result<std::vector<size_t>> sample(size_t population, size_t count);

  std::vector<Value> pool_;
  size_t count_;
  python::Random random_;
  bool first_n_ = false;
  bool from_evaluated_split_ = false;
};

}  // namespace anemone::eval
