#include "bench/beside_cpu.h"

#include <algorithm>
#include <cmath>

namespace anemone::bench {

Result<Answer> read_answer(lm::LanguageModel& model, std::span<const int32_t> prompt,
                           std::span<const int32_t> tokens) {
  Answer answer{.tokens = {tokens.begin(), tokens.end()}};
  if (!model.info().gives_logits) return answer;
  const auto vocabulary = static_cast<size_t>(model.info().vocab_size);
  answer.rows = std::min(kMostLogitRows, static_cast<int64_t>(tokens.size()));
  answer.logits.resize(static_cast<size_t>(answer.rows) * vocabulary);
  const auto sequence = model.new_sequence();
  std::span<const int32_t> fed = prompt;
  for (size_t row = 0; row < static_cast<size_t>(answer.rows); ++row) {
    const auto logits = std::span(answer.logits).subspan(row * vocabulary, vocabulary);
    ANEMONE_RETURN_IF_ERROR(model.extend(*sequence, fed, lm::Rows::last, logits));
    fed = tokens.subspan(row, 1);
  }
  return answer;
}

BesideCpu compare_with_cpu(const Answer& cpu, const Answer& other) {
  BesideCpu beside;
  const auto [ours, theirs] = std::ranges::mismatch(other.tokens, cpu.tokens);
  if (ours != other.tokens.end() || theirs != cpu.tokens.end())
    beside.first_difference = ours - other.tokens.begin();
  beside.logit_rows = std::min(cpu.rows, other.rows);
  if (beside.first_difference)
    beside.logit_rows = std::min(beside.logit_rows, *beside.first_difference + 1);
  if (beside.logit_rows == 0) return beside;
  const size_t count =
      cpu.logits.size() / static_cast<size_t>(cpu.rows) * static_cast<size_t>(beside.logit_rows);
  double largest = 0;
  double squares = 0;
  for (size_t i = 0; i < count; ++i) {
    const double difference = double{other.logits[i]} - double{cpu.logits[i]};
    largest = std::max(largest, std::abs(double{cpu.logits[i]}));
    beside.largest_difference = std::max(beside.largest_difference, std::abs(difference));
    squares += difference * difference;
  }
  if (squares > 0)
    beside.psnr_db = 20 * std::log10(largest / std::sqrt(squares / static_cast<double>(count)));
  return beside;
}

}  // namespace anemone::bench
