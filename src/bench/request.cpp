#include "bench/request.h"

#include "base/check.h"

namespace anemone::bench {

Request::Request(lm::LanguageModel& model, Clock& clock, const Prompt& prompt,
                 int64_t answer_tokens)
    : model_(model),
      clock_(clock),
      prompt_(prompt),
      logits_(model.info().gives_logits ? static_cast<size_t>(model.info().vocab_size) : 0),
      step_ns_(static_cast<size_t>(answer_tokens - 1)),
      tokens_(static_cast<size_t>(answer_tokens)) {
  ANEMONE_CHECK(answer_tokens >= 1 && !prompt.ids.empty(), "a request has a prompt and an answer");
}

Result<int32_t> Request::next(lm::Sequence& sequence, std::span<const int32_t> tokens,
                              StageTimer* stages) {
  if (stages != nullptr) stages->enter(model_shows_stages_ ? Stage::other : stages->layers());
  if (!model_.info().gives_logits) {
    auto token = model_.extend_greedy(sequence, tokens);
    if (stages != nullptr) stages->enter(Stage::other);
    return token;
  }
  ANEMONE_RETURN_IF_ERROR(model_.extend(sequence, tokens, lm::Rows::last, logits_));
  if (stages != nullptr) stages->enter(Stage::sample);
  auto token = lm::best_token(logits_);
  if (stages != nullptr) stages->enter(Stage::other);
  return token;
}

Status Request::run(StageTimer* stages, bool model_shows_stages) {
  model_shows_stages_ = model_shows_stages;
  const int64_t start = clock_.now_ns();
  if (stages != nullptr) {
    stages->begin(start);
    stages->set_layers(Stage::prefill);
    if (prompt_.tokenize) stages->enter(Stage::tokenize);
  }
  if (prompt_.tokenize) ANEMONE_RETURN_IF_ERROR(prompt_.tokenize());
  if (stages != nullptr) stages->enter(Stage::other);
  const int64_t tokenized = clock_.now_ns();
  const auto sequence = model_.new_sequence();
  ANEMONE_TRY(tokens_[0], next(*sequence, prompt_.ids, stages));
  const int64_t first = clock_.now_ns();
  if (stages != nullptr) stages->set_layers(Stage::step);
  int64_t before = first;
  for (size_t i = 1; i < tokens_.size(); ++i) {
    ANEMONE_TRY(tokens_[i], next(*sequence, std::span(&tokens_[i - 1], 1), stages));
    const int64_t now = clock_.now_ns();
    step_ns_[i - 1] = now - before;
    before = now;
  }
  const int64_t end = clock_.now_ns();
  if (stages != nullptr) stages->end(end);
  first_token_ns_ = first - start;
  prefill_ns_ = first - tokenized;
  decode_ns_ = before - first;
  request_ns_ = end - start;
  state_bytes_ = sequence->size_bytes();
  return {};
}

Status Request::run_first_token(const lm::Sequence* prefix) {
  model_shows_stages_ = false;
  const int64_t start = clock_.now_ns();
  if (prompt_.tokenize) ANEMONE_RETURN_IF_ERROR(prompt_.tokenize());
  const auto sequence = prefix == nullptr ? model_.new_sequence() : prefix->fork();
  const auto cached = static_cast<size_t>(sequence->length());
  ANEMONE_TRY(tokens_[0], next(*sequence, std::span(prompt_.ids).subspan(cached), nullptr));
  first_token_ns_ = clock_.now_ns() - start;
  return {};
}

}  // namespace anemone::bench
