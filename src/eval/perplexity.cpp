#include <chrono>
#include <cmath>

#include "anemone/evaluate.h"
#include "base/error.h"
#include "eval/codec.h"
#include "eval/python_text.h"
#include "eval/scorer.h"

namespace anemone::eval {

Result<PerplexityReport> perplexity(lm::LanguageModel& model, const text::Tokenizer& tokenizer,
                                    std::string_view content, const PerplexityOptions& options,
                                    const ProgressSink& progress) {
  const auto start = std::chrono::steady_clock::now();
  ANEMONE_TRY(const Codec codec, codec_of(tokenizer));
  ANEMONE_TRY(auto scorer, Scorer::create(model, codec, options.window));
  const int64_t window = scorer.max_length();
  const int64_t stride = options.stride == 0 ? window : options.stride;
  if (stride < 1 || stride > window)
    return fail(ErrorCode::invalid_argument, "stride {}, expected 1 to the window of {}", stride,
                window);
  ANEMONE_TRY(const Tokens tokens, encode_text(codec, content));
  if (tokens.empty())
    return fail(ErrorCode::invalid_argument, "the text is empty: it has no perplexity");
  const auto windows = rolling_windows(tokens, codec.prefix_token, window, stride);
  PerplexityReport report;
  for (const TokenPair& pair : windows) {
    if (progress && !progress({"perplexity", report.tokens, tokens.size(), "tokens"}))
      return fail(ErrorCode::interrupted, "interrupted after {} of {} tokens", report.tokens,
                  tokens.size());
    ANEMONE_TRY(const Response part, scorer.log_likelihood(pair.context, pair.continuation));
    report.log_likelihood += part.log_likelihood;
    report.tokens += pair.continuation.size();
  }
  report.windows = windows.size();
  report.words = python::count_split_words(content);
  report.bytes = content.size();
  const auto per = [&](uint64_t count) {
    return std::exp(-report.log_likelihood / static_cast<double>(count));
  };
  report.token_perplexity = per(report.tokens);
  report.word_perplexity = per(report.words);
  report.byte_perplexity = per(report.bytes);
  report.bits_per_byte = -report.log_likelihood / static_cast<double>(report.bytes) / std::log(2.0);
  report.work.tokens_run = scorer.counts().run;
  report.work.seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return report;
}

}  // namespace anemone::eval
