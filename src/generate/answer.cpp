#include "generate/answer.h"

#include <algorithm>

#include "base/error.h"
#include "generate/clock.h"

namespace anemone::generate {
namespace {

std::unique_ptr<Drafter> drafter_of(const Speculation& speculation, size_t prompt_tokens) {
  switch (speculation.by) {
    case Speculation::By::nobody:
      return nullptr;
    case Speculation::By::prompt_lookup:
    case Speculation::By::ngram:
      return std::make_unique<LookupDrafter>(prompt_tokens,
                                             speculation.by == Speculation::By::prompt_lookup);
    case Speculation::By::draft_model:
      return std::make_unique<ModelDrafter>(*speculation.draft);
  }
  return nullptr;
}

Status check(const lm::ModelInfo& info, std::span<const int32_t> prompt, const Options& options) {
  if (prompt.empty())
    return with_hint(fail(ErrorCode::invalid_argument, "the prompt has no tokens"),
                     "give a text: this tokenizer puts no token before it");
  for (const int32_t token : prompt)
    if (token < 0 || token >= info.vocab_size)
      return fail(ErrorCode::out_of_range, "token {} of the prompt, expected 0 to {}", token,
                  info.vocab_size - 1);
  if (options.kept_tokens < 0 || options.kept_tokens > info.context_length / 2)
    return fail(ErrorCode::invalid_argument, "{} tokens are to be kept, expected 0 to {}",
                options.kept_tokens, info.context_length / 2);
  const Speculation& speculation = options.speculation;
  if (speculation.by == Speculation::By::nobody) return {};
  if (speculation.most_tokens < 1)
    return fail(ErrorCode::invalid_argument, "guesses of {} tokens, expected 1 or more",
                speculation.most_tokens);
  if (speculation.by != Speculation::By::draft_model) return {};
  if (speculation.draft == nullptr)
    return fail(ErrorCode::invalid_argument, "no draft model was given");
  const lm::ModelInfo& draft = speculation.draft->info();
  if (draft.vocab_size != info.vocab_size)
    return fail(ErrorCode::invalid_argument,
                "the draft model {} has a vocabulary of {} tokens, {} one of {}", draft.name,
                draft.vocab_size, info.name, info.vocab_size);
  return {};
}

}  // namespace

Result<std::unique_ptr<Answer>> Answer::start(lm::LanguageModel& model,
                                              const text::Tokenizer& tokenizer,
                                              std::span<const int32_t> prompt,
                                              const Options& options, const TextSink& sink) {
  ANEMONE_RETURN_IF_ERROR(check(model.info(), prompt, options));
  ANEMONE_TRY(Sampler sampler, Sampler::make(options.sampling, model.info().vocab_size));
  if (!sampler.takes_best() && !model.info().gives_logits)
    return fail(ErrorCode::invalid_argument,
                "{} gives only the arg max: it can be neither sampled nor penalised",
                model.info().name);
  std::unique_ptr<Answer> answer(
      new Answer(model, tokenizer, prompt, options, sink, std::move(sampler)));
  ANEMONE_RETURN_IF_ERROR(answer->begin());
  return answer;
}

Answer::Answer(lm::LanguageModel& model, const text::Tokenizer& tokenizer,
               std::span<const int32_t> prompt, const Options& options, const TextSink& sink,
               Sampler sampler)
    : model_(model),
      tokenizer_(tokenizer),
      options_(options),
      sink_(sink),
      sampler_(std::move(sampler)),
      // A constraint is about the text as it is decoded.
      stream_(tokenizer.stream(true, options.constraint.kind == Constraint::Kind::none)),
      stop_text_(options.stop),
      tokens_(prompt.begin(), prompt.end()),
      started_ns_(now_ns()) {
  generation_.prompt_tokens = static_cast<int64_t>(prompt.size());
  sampler_.add_prompt(prompt);
  // The last token is fed in any case: it says what follows.
  sequence_ = options.cache != nullptr ? options.cache->find(prompt.first(prompt.size() - 1))
                                       : model.new_sequence();
  generation_.reused_tokens = sequence_->length();
  const auto rest = prompt.subspan(static_cast<size_t>(sequence_->length()));
  pending_.assign(rest.begin(), rest.end());
  if (options.max_tokens <= 0) end(StopReason::max_tokens);
  if (!model.info().gives_logits) return;
  size_t rows = 1;
  if (drafter_ = drafter_of(options.speculation, prompt.size()); drafter_ != nullptr) {
    const auto most =
        static_cast<size_t>(std::min(options.speculation.most_tokens, model.info().context_length));
    draft_length_.emplace(most);
    rows += most;
  }
  logits_.reserve(rows * static_cast<size_t>(model.info().vocab_size));
}

Status Answer::begin() {
  const lm::ModelInfo& info = model_.info();
  const Constraint& constraint = options_.constraint;
  if (constraint.kind == Constraint::Kind::none || complete_) return {};
  if (!info.gives_logits)
    return fail(ErrorCode::invalid_argument,
                "{} gives only the arg max: its answers cannot be constrained", info.name);
  const size_t most_rows = logits_.capacity() / static_cast<size_t>(info.vocab_size);
  ANEMONE_TRY(allowed_, AllowedTokens::start(options_, tokenizer_, info.vocab_size, most_rows));
  if (static_cast<int64_t>(tokens_.size() + AllowedTokens::kMostForcedTokens) > info.context_length)
    ANEMONE_RETURN_IF_ERROR(allowed_->forget_beginning());
  const auto forced = allowed_->beginning();
  for (size_t i = 0; i < forced.size() && !complete_; ++i) {
    ANEMONE_RETURN_IF_ERROR(add(forced[i]));
    pending_.push_back(forced[i]);
    ++generation_.forced_tokens;
  }
  if (!complete_ && allowed_->complete()) end(StopReason::constraint);
  if (!complete_) allowed_->begin({});
  return {};
}

lm::Extension Answer::feed(size_t most) {
  const auto left = std::span(pending_).subspan(fed_);
  const auto tokens = left.first(drafted_ > 0 ? left.size() : std::min(most, left.size()));
  fed_ += tokens.size();
  if (fed_ < pending_.size() || !model_.info().gives_logits)
    return {sequence_.get(), tokens, lm::Rows::none, {}, {}};
  const size_t rows = drafted_ + 1;
  logits_.resize(rows * static_cast<size_t>(model_.info().vocab_size));
  return {sequence_.get(), tokens, rows > 1 ? lm::Rows::all : lm::Rows::last, logits_, {}};
}

Status Answer::take() {
  if (fed_ < pending_.size()) return {};
  const auto draft = std::span(pending_).last(drafted_);
  const size_t before = tokens_.size();
  if (first_token_ns_) ++generation_.calls;
  size_t right = 0;
  while (!complete_) {
    ANEMONE_TRY(const int32_t token, choose(right));
    ANEMONE_TRY(const size_t guessed, add_with_forced(token, draft.subspan(right)));
    right += guessed;
    // The next row of logits follows the answer only if all that was added had been guessed.
    if (tokens_.size() != before + right) break;
  }
  generation_.drafted_tokens += static_cast<int64_t>(draft.size());
  generation_.accepted_tokens += static_cast<int64_t>(right);
  if (draft_length_) draft_length_->learn(draft.size(), right);
  const auto known = static_cast<int64_t>(std::min(tokens_.size() - 1, before + right));
  if (sequence_->length() > known) sequence_->truncate(known);
  return complete_ ? Status() : prepare();
}

Result<int32_t> Answer::choose(size_t row) {
  const auto vocabulary = static_cast<size_t>(model_.info().vocab_size);
  const auto logits = std::span(logits_).subspan(row * vocabulary, vocabulary);
  if (allowed_ != nullptr) ANEMONE_RETURN_IF_ERROR(allowed_->apply(row, logits));
  ANEMONE_TRY(const int32_t token, sampler_.choose(logits));
  if (watch_) ANEMONE_RETURN_IF_ERROR(watch_(token, logits));
  return token;
}

Result<size_t> Answer::add_with_forced(int32_t token, std::span<const int32_t> expected) {
  note_first_token();
  ANEMONE_RETURN_IF_ERROR(add(token));
  size_t guessed = !expected.empty() && expected[0] == token ? 1 : 0;
  const auto cut_short = [&] {
    return generation_.stop == StopReason::max_tokens ||
           generation_.stop == StopReason::context_full;
  };
  if (allowed_ == nullptr || (complete_ && !cut_short())) return guessed;
  ANEMONE_TRY(const auto forced, allowed_->accept(token));
  size_t added = 0;
  for (; added < forced.size() && !complete_; ++added) {
    ANEMONE_RETURN_IF_ERROR(add(forced[added]));
    ++generation_.forced_tokens;
    if (guessed == added + 1 && guessed < expected.size() && expected[guessed] == forced[added])
      ++guessed;
  }
  // What was the last token allowed may be the last of the text as well.
  if (added == forced.size() && allowed_->complete() && (!complete_ || cut_short()))
    end(StopReason::constraint);
  return guessed;
}

Status Answer::take_token(int32_t token) {
  if (first_token_ns_) ++generation_.calls;
  note_first_token();
  ANEMONE_RETURN_IF_ERROR(add(token));
  return complete_ ? Status() : prepare();
}

Status Answer::prepare() {
  fed_ = 0;
  drafted_ = 0;
  if (static_cast<int64_t>(tokens_.size()) > model_.info().context_length) make_room();
  pending_.assign(tokens_.begin() + sequence_->length(), tokens_.end());
  ANEMONE_RETURN_IF_ERROR(guess());
  if (allowed_ != nullptr) allowed_->begin(std::span(pending_).last(drafted_));
  return {};
}

Status Answer::guess() {
  if (drafter_ == nullptr || pending_.size() != 1) return {};
  const int64_t room =
      std::min({options_.max_tokens - static_cast<int64_t>(generation_.tokens.size()),
                model_.info().context_length - sequence_->length(),
                // What is rejected must be taken back.
                sequence_->rollback_limit() - sequence_->length()}) -
      1;
  const size_t most = draft_length_->next();
  if (room <= 0 || most == 0) return {};
  if (!drafter_->propose(tokens_, std::min(most, static_cast<size_t>(room)), draft_).ok()) {
    drafter_ = nullptr;  // an answer does not depend on guesses
    return {};
  }
  if (allowed_ != nullptr) {
    ANEMONE_TRY(const size_t valid, allowed_->valid_prefix(draft_));
    draft_.resize(valid);
  }
  drafted_ = draft_.size();
  pending_.insert(pending_.end(), draft_.begin(), draft_.end());
  return {};
}

void Answer::make_room() {
  const auto context = static_cast<size_t>(model_.info().context_length);
  const auto kept = static_cast<size_t>(options_.kept_tokens);
  const size_t left = std::max(context / 2, kept + 1);
  tokens_.erase(tokens_.begin() + static_cast<ptrdiff_t>(kept),
                tokens_.end() - static_cast<ptrdiff_t>(left - kept));
  sequence_->truncate(options_.kept_tokens);
  ++generation_.slides;
}

void Answer::note_first_token() {
  if (first_token_ns_) return;
  first_token_ns_ = now_ns();
  generation_.prefill_ns = *first_token_ns_ - started_ns_;
}

Result<std::string> Answer::text_of(int32_t token) {
  if (std::ranges::find(options_.shown_tokens, token) == options_.shown_tokens.end())
    return stream_.step(token);
  ANEMONE_TRY(std::string text, stream_.finish());
  ANEMONE_TRY(const std::string shown, tokenizer_.token(token));
  return text + shown;
}

Status Answer::add(int32_t token) {
  sampler_.accept(token);
  tokens_.push_back(token);
  generation_.tokens.push_back(token);
  if (std::ranges::binary_search(tokenizer_.stop_ids(), token)) {
    end(StopReason::end_of_text);
    return {};
  }
  ANEMONE_TRY(const std::string piece, text_of(token));
  show(stop_text_.feed(piece));
  if (complete_) return {};
  if (static_cast<int64_t>(generation_.tokens.size()) >= options_.max_tokens)
    end(StopReason::max_tokens);
  else if (options_.when_full == WhenFull::stop &&
           static_cast<int64_t>(tokens_.size()) > model_.info().context_length)
    end(StopReason::context_full);
  return {};
}

void Answer::show(const StopText::Step& step) {
  if (step.found) end(StopReason::stop_text);
  give(step.ready);
}

void Answer::give(const std::string& ready) {
  generation_.text += ready;
  if (!ready.empty() && sink_ && !sink_(ready)) end(StopReason::cancelled);
}

void Answer::end(StopReason reason) {
  complete_ = true;
  generation_.stop = reason;
}

Result<Generation> Answer::finish() {
  if (generation_.stop != StopReason::stop_text && generation_.stop != StopReason::cancelled) {
    ANEMONE_TRY(const std::string rest, stream_.finish());
    const StopReason reason = generation_.stop;
    const StopText::Step step = stop_text_.feed(rest);
    show(step);
    if (!step.found && generation_.stop == reason) give(stop_text_.finish());
  }
  if (allowed_ != nullptr) {
    generation_.mask_ns = allowed_->mask_ns();
    generation_.mask_wait_ns = allowed_->wait_ns();
  }
  if (first_token_ns_) generation_.decode_ns = now_ns() - *first_token_ns_;
  if (options_.cache != nullptr) options_.cache->keep(*sequence_);
  return std::move(generation_);
}

}  // namespace anemone::generate
