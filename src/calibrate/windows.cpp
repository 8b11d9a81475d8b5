#include "calibrate/windows.h"

#include <algorithm>
#include <span>

#include "base/error.h"
#include "base/utf8.h"

namespace anemone::calibrate {
namespace {

constexpr int64_t kMostTokens = 512;  ///< of a window; later tokens say nothing new of inputs.

int64_t block_tokens(const lm::ModelInfo& info) {
  return std::max<int64_t>(
      1, info.score_block_tokens > 0 ? info.score_block_tokens : info.prefill_block_tokens);
}

/// A model without a state runs its own length, whatever it is given.
int64_t window_tokens(const lm::ModelInfo& info) {
  if (info.form == "plain") return info.context_length;
  const int64_t block = block_tokens(info);
  const int64_t most = std::max(block, std::min(info.context_length, kMostTokens));
  return most / block * block;
}

/// Why a window has so many tokens.
std::string window_reason(const lm::ModelInfo& info) {
  if (info.form == "plain") return "the length of this model";
  const int64_t block = block_tokens(info);
  if (block >= std::min(info.context_length, kMostTokens))
    return "one block of this model's prefill";
  const std::string most = info.context_length <= kMostTokens
                               ? fmt::format("this model's context of {}", info.context_length)
                               : fmt::format("{} at most", kMostTokens);
  return block == 1 ? most : fmt::format("{}, in whole blocks of {}", most, block);
}

}  // namespace

Result<Windows> windows_of(const Options& options, const text::Tokenizer& tokenizer,
                           const lm::ModelInfo& info) {
  if (!info.gives_logits)
    return with_hint(fail(ErrorCode::unsupported,
                          "{}: only the arg max of each part of the vocabulary leaves this model, "
                          "and what is lost shows in logits",
                          info.path.string()),
                     "convert it without --argmax");
  if (options.windows < 1)
    return fail(ErrorCode::invalid_argument, "{} windows of the text, expected 1 or more",
                options.windows);
  const std::string name = options.text_name.empty() ? "the text" : options.text_name;
  if (!is_utf8(options.text)) return fail(ErrorCode::invalid_argument, "{} is not UTF-8", name);
  if (options.text.find_first_not_of(" \t\n\v\f\r") == std::string::npos)
    return with_hint(fail(ErrorCode::invalid_argument, "{} is {}", name,
                          options.text.empty() ? "empty" : "blank"),
                     "give text like that the model is used for");
  ANEMONE_TRY(const std::vector<int32_t> tokens, tokenizer.encode(options.text, false));
  const int64_t length = window_tokens(info);
  const std::optional<int32_t> bos = tokenizer.bos_id();
  // A window takes the token behind it as its last target.
  const int64_t step = length + 1 - (bos ? 1 : 0);
  const int64_t count = static_cast<int64_t>(tokens.size()) / step;
  if (count == 0)
    return with_hint(
        fail(ErrorCode::invalid_argument, "{} has {} tokens, expected {} or more", name,
             tokens.size(), step),
        fmt::format("one window is {} tokens ({}), and what follows it; some hundred windows are "
                    "better",
                    length, window_reason(info)));
  const int64_t taken = std::min(count, options.windows);
  Windows windows;
  for (int64_t i = 0; i < taken; ++i) {
    const auto first = static_cast<size_t>(i * count / taken * step);
    std::vector<int32_t> window(static_cast<size_t>(length + 1), bos.value_or(0));
    std::ranges::copy(std::span(tokens).subspan(first, static_cast<size_t>(step)),
                      window.end() - step);
    windows.targets.emplace_back(window.begin() + 1, window.end());
    window.pop_back();
    windows.inputs.push_back(std::move(window));
  }
  return windows;
}

Status run_windows(lm::LanguageModel& model, const Windows& windows, const ProgressSink& progress) {
  uint64_t done = 0;
  const uint64_t total = windows.inputs.size() * windows.inputs[0].size();
  std::vector<lm::TokenScore> scores(windows.inputs[0].size());
  for (size_t i = 0; i < windows.inputs.size(); ++i) {
    if (progress && !progress({"calibrate", done, total, "tokens"}))
      return fail(ErrorCode::interrupted, "interrupted");
    const auto sequence = model.new_sequence();
    ANEMONE_RETURN_IF_ERROR(
        model.score(*sequence, windows.inputs[i], windows.targets[i], scores, lm::ScoreBy::blocks));
    done += windows.inputs[i].size();
  }
  return {};
}

Result<text::Tokenizer> tokenizer_of(const std::filesystem::path& model) {
  auto tokenizer = text::Tokenizer::load(model.has_filename() ? model : model.parent_path());
  if (!tokenizer.ok() && tokenizer.error().code == ErrorCode::not_found)
    return with_hint(std::move(tokenizer).error(),
                     "the text is divided into tokens by the model's own tokenizer: copy "
                     "tokenizer.json of the checkpoint there, and tokenizer_config.json where it "
                     "has one");
  return tokenizer;
}

}  // namespace anemone::calibrate
