#include "eval/scorer.h"

#include <algorithm>

#include "base/error.h"
#include "eval/generation.h"

namespace anemone::eval {
namespace {

/// Rows of logits held at once where the model has no prefill block, so that a long continuation
/// with a large vocabulary fits in memory.
constexpr size_t kPieceTokens = 64;

size_t common_prefix(std::span<const int32_t> a, std::span<const int32_t> b) {
  const size_t most = std::min(a.size(), b.size());
  size_t count = 0;
  while (count < most && a[count] == b[count]) ++count;
  return count;
}

/// FNV-1a of 64 bits.
uint64_t hash_tokens(uint64_t hash, std::span<const int32_t> tokens) {
  for (const int32_t token : tokens) {
    hash ^= static_cast<uint32_t>(token);
    hash *= 0x100000001b3u;
  }
  return hash;
}

}  // namespace

Scorer::Scorer(lm::LanguageModel& model, const Codec& codec, int64_t max_length)
    : model_(&model),
      codec_(codec),
      max_length_(max_length),
      block_(static_cast<size_t>(std::max<int64_t>(1, model.info().prefill_block_tokens))),
      sequence_(model.new_sequence()),
      row_(static_cast<size_t>(model.info().vocab_size)) {}

Result<Scorer> Scorer::create(lm::LanguageModel& model, const Codec& codec, int64_t max_length) {
  const lm::ModelInfo& info = model.info();
  if (!info.gives_logits)
    return with_hint(fail(ErrorCode::unsupported,
                          "{}: the model gives the likeliest token, not logits, so nothing can be "
                          "scored",
                          info.name),
                     "convert it without argmax in the model");
  if (max_length < 0 || max_length > info.context_length)
    return fail(ErrorCode::out_of_range, "max length {}, the model's context holds {} tokens",
                max_length, info.context_length);
  return Scorer(model, codec, max_length == 0 ? info.context_length : max_length);
}

Status Scorer::extend(std::span<const int32_t> tokens, lm::Rows rows, std::span<float> logits) {
  counts_.run += tokens.size();
  return model_->extend(*sequence_, tokens, rows, logits);
}

Status Scorer::feed_context(const Tokens& context) {
  if (context == context_) {
    sequence_->truncate(static_cast<int64_t>(context.size()));
    return {};
  }
  context_.clear();
  const size_t blocks = context.size() / block_ * block_;
  const size_t shared = std::min(common_prefix(sequence_->tokens(), context), blocks);
  size_t at = shared / block_ * block_;
  // The logits after the last token are needed, so the piece that holds it runs in any case.
  if (at == context.size()) at -= block_;
  sequence_->truncate(static_cast<int64_t>(at));
  const std::span<const int32_t> all(context);
  while (at < context.size()) {
    const size_t count = at < blocks ? block_ : context.size() - at;
    const bool last = at + count == context.size();
    ANEMONE_RETURN_IF_ERROR(extend(all.subspan(at, count), last ? lm::Rows::last : lm::Rows::none,
                                   last ? std::span<float>(row_) : std::span<float>()));
    at += count;
  }
  context_ = context;
  return {};
}

Result<Response> Scorer::log_likelihood(const Tokens& context, const Tokens& continuation) {
  ANEMONE_RETURN_IF_ERROR(feed_context(context));
  Response response;
  response.greedy = true;
  const auto add = [&](std::span<const float> logits, int32_t token) -> Status {
    ANEMONE_TRY(const lm::TokenScore score, lm::score_token(logits, token));
    response.log_likelihood += score.log_probability;
    response.greedy = response.greedy && score.greedy;
    return {};
  };
  ANEMONE_RETURN_IF_ERROR(add(row_, continuation[0]));
  const size_t vocabulary = row_.size();
  const std::span<const int32_t> inputs(continuation.data(), continuation.size() - 1);
  // Pieces end where blocks end.
  const size_t piece = block_ > 1 ? block_ : kPieceTokens;
  for (size_t at = 0; at < inputs.size();) {
    const size_t count = std::min(piece - (context.size() + at) % piece, inputs.size() - at);
    rows_.resize(count * vocabulary);
    ANEMONE_RETURN_IF_ERROR(extend(inputs.subspan(at, count), lm::Rows::all, rows_));
    for (size_t i = 0; i < count; ++i)
      ANEMONE_RETURN_IF_ERROR(add(std::span<const float>(rows_).subspan(i * vocabulary, vocabulary),
                                  continuation[at + i + 1]));
    at += count;
  }
  return response;
}

void Scorer::count_input(const Tokens& context, std::span<const int32_t> rest, uint64_t generated) {
  const uint64_t tokens = context.size() + rest.size() + generated;
  counts_.alone += tokens;
  const uint64_t hash = hash_tokens(hash_tokens(0xcbf29ce484222325u, context), rest);
  if (generated > 0 || inputs_.insert(hash).second) counts_.logits_cache += tokens;
}

Result<Response> Scorer::score_pair(const Request& request) {
  ANEMONE_TRY(TokenPair pair, encode_pair(codec_, request.context, request.continuation));
  const size_t before = pair.context.size();
  ANEMONE_TRY(pair, truncated(std::move(pair), max_length_));
  if (pair.context.size() < before) ++counts_.truncated;
  count_input(pair.context, std::span(pair.continuation).first(pair.continuation.size() - 1), 0);
  return log_likelihood(pair.context, pair.continuation);
}

Result<Response> Scorer::score_rolling(const std::string& text, int64_t stride) {
  ANEMONE_TRY(const Tokens tokens, encode_text(codec_, text));
  Response sum;
  sum.no_tokens = tokens.empty();
  for (const TokenPair& window :
       rolling_windows(tokens, codec_.prefix_token, max_length_, stride)) {
    count_input(window.context,
                std::span(window.continuation).first(window.continuation.size() - 1), 0);
    ANEMONE_TRY(const Response part, log_likelihood(window.context, window.continuation));
    sum.log_likelihood += part.log_likelihood;
  }
  return sum;
}

std::vector<Response> Scorer::run(OutputType type, std::span<const Request> requests) {
  std::vector<Response> responses;
  for (const Request& request : requests) {
    auto response = type == OutputType::loglikelihood_rolling
                        ? score_rolling(request.context, max_length_)
                    : type == OutputType::generate_until ? generate(request)
                                                         : score_pair(request);
    if (response.ok()) {
      responses.push_back(std::move(response).value());
    } else {
      Response failed;
      failed.error = std::move(response).error();
      responses.push_back(std::move(failed));
    }
  }
  return responses;
}

}  // namespace anemone::eval
