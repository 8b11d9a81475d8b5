#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "anemone/bench.h"
#include "anemone/language_model.h"

namespace anemone::bench {

/// What an answer is compared by.
struct Answer {
  std::vector<int32_t> tokens;
  std::vector<float> logits;  ///< [rows, V] from which the first `rows` tokens were chosen.
  int64_t rows = 0;           ///< 0: the model gives no logits.
};

/// Most rows of logits that are kept: they are part of the process' memory while others are
/// measured.
inline constexpr int64_t kMostLogitRows = 16;

/// Goes through prompt and answer once more, outside of every measurement, and keeps the logits of
/// the first answer tokens. Errors: those of the model.
Result<Answer> read_answer(lm::LanguageModel& model, std::span<const int32_t> prompt,
                           std::span<const int32_t> tokens);

/// Logits are compared up to the row that chose the first different token: after it the two answers
/// have other tokens behind them.
BesideCpu compare_with_cpu(const Answer& cpu, const Answer& other);

}  // namespace anemone::bench
