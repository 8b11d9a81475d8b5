#include <chrono>
#include <cmath>
#include <numeric>
#include <vector>

#include "anemone/evaluate.h"
#include "base/error.h"
#include "base/utf8.h"
#include "eval/codec.h"
#include "eval/engine.h"
#include "eval/python_text.h"
#include "eval/questionnaire.h"

namespace anemone::eval {

Result<PerplexityReport> perplexity(lm::LanguageModel& model, const text::Tokenizer& tokenizer,
                                    std::string_view content, const PerplexityOptions& options,
                                    const ProgressSink& progress) {
  const auto start = std::chrono::steady_clock::now();
  ANEMONE_TRY(const Codec codec, codec_of(tokenizer));
  ANEMONE_TRY(auto engine, Engine::create(model, codec));
  ANEMONE_TRY(const int64_t window, input_limit(model.info().context_length, options.window));
  const int64_t stride = options.stride == 0 ? window : options.stride;
  if (stride < 1 || stride > window)
    return fail(ErrorCode::invalid_argument, "stride {}, expected 1 to the window of {}", stride,
                window);
  if (!is_utf8(content)) return fail(ErrorCode::corrupt, "not UTF-8");
  ANEMONE_TRY(const Tokens tokens, encode_text(codec, content));
  if (tokens.empty())
    return fail(ErrorCode::invalid_argument, "the text is empty: it has no perplexity");
  PerplexityReport report;
  std::vector<Question> questions;
  for (TokenPair& pair : rolling_windows(tokens, codec.prefix_token, window, stride)) {
    report.tokens += pair.continuation.size();
    questions.emplace_back().tokens = std::move(pair);
  }
  report.windows = questions.size();
  std::vector<uint32_t> asked(questions.size());
  std::iota(asked.begin(), asked.end(), 0u);
  std::vector<double> parts(questions.size());
  const auto answered = [&](size_t index, Response&& response) -> Status {
    if (response.error) return *std::move(response.error);
    parts[index] = response.log_likelihood;
    return {};
  };
  const auto told = [&](uint64_t done, uint64_t total) {
    return !progress || progress({"perplexity", done, total, "tokens"});
  };
  ANEMONE_RETURN_IF_ERROR(engine.run(questions, asked, answered, told));
  for (const double part : parts) report.log_likelihood += part;
  report.words = python::count_split_words(content);
  report.bytes = content.size();
  const auto per = [&](uint64_t count) {
    return std::exp(-report.log_likelihood / static_cast<double>(count));
  };
  report.token_perplexity = per(report.tokens);
  report.word_perplexity = per(report.words);
  report.byte_perplexity = per(report.bytes);
  report.bits_per_byte = -report.log_likelihood / static_cast<double>(report.bytes) / std::log(2.0);
  report.work.tokens_run = engine.tokens_run();
  report.work.seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return report;
}

}  // namespace anemone::eval
