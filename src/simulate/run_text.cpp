#include <algorithm>
#include <chrono>
#include <cmath>

#include "anemone/simulate.h"
#include "base/error.h"
#include "base/utf8.h"
#include "eval/codec.h"
#include "eval/tokens.h"
#include "simulate/range_observer.h"

namespace anemone::simulate {
namespace {

/// What one run said of the scored tokens.
struct Scores {
  double log_likelihood = 0;
  std::vector<int32_t> likeliest;
  bool complete = true;  ///< all logits could be scored.
};

/// Scores the tokens of windows; `begin(token)` is told before each call.
class WindowRun {
 public:
  WindowRun(lm::LanguageModel& model, std::string_view stage, uint64_t total,
            const ProgressSink& progress)
      : model_(model), stage_(stage), total_(total), progress_(progress) {
    scores_.complete = model.info().gives_logits;
  }

  /// Whether a call computes a whole window: models without a state.
  bool takes_whole_windows() const { return model_.info().form == "plain"; }

  template <typename Begin>
  Status run(const eval::TokenPair& window, int64_t tokens_at_once, const Begin& begin) {
    const auto context = window.context();
    std::vector<int32_t> tokens(context.begin(), context.end());
    tokens.insert(tokens.end(), window.continuation.begin(), window.continuation.end());
    const size_t inputs = tokens.size() - 1;
    const size_t unscored = context.size() - 1;
    const auto vocab = static_cast<size_t>(model_.info().vocab_size);
    const bool wants_logits = model_.info().gives_logits;
    const auto sequence = model_.new_sequence();
    const size_t at_once = takes_whole_windows() ? inputs : static_cast<size_t>(tokens_at_once);
    for (size_t at = 0; at < inputs; at += at_once) {
      const size_t some = std::min(at_once, inputs - at);
      if (wants_logits) ANEMONE_RETURN_IF_ERROR(check_room(some, vocab));
      begin(static_cast<int64_t>(done_));
      logits_.resize(wants_logits ? some * vocab : 0);
      ANEMONE_RETURN_IF_ERROR(model_.extend(*sequence, std::span(tokens).subspan(at, some),
                                            wants_logits ? lm::Rows::all : lm::Rows::none,
                                            logits_));
      for (size_t i = 0; i < some && wants_logits; ++i)
        if (at + i >= unscored)
          score(std::span(logits_).subspan(i * vocab, vocab), tokens[at + i + 1]);
      done_ += some;
      if (progress_ && !progress_({stage_, done_, total_, "tokens"}))
        return Error{ErrorCode::interrupted, "interrupted", {}, {}};
    }
    return {};
  }

  const Scores& scores() const { return scores_; }

 private:
  /// A model without a state gives the logits of a whole window at once.
  static Status check_room(size_t tokens, size_t vocab) {
    constexpr size_t kMostLogits = (size_t{1} << 30) / sizeof(float);
    if (tokens <= std::max<size_t>(1, kMostLogits / vocab)) return {};
    return with_hint(fail(ErrorCode::limit,
                          "the logits of a window of {} tokens and {} words of the vocabulary are "
                          "more than 1 GiB",
                          tokens, vocab),
                     fmt::format("a package of shorter inputs has shorter windows: anemone convert "
                                 "--layout plain --lengths {}",
                                 std::max<size_t>(1, kMostLogits / vocab)));
  }

  void score(std::span<const float> logits, int32_t token) {
    const auto best = lm::best_token(logits);
    scores_.likeliest.push_back(best.ok() ? *best : -1);
    const auto score = lm::score_token(logits, token);
    if (score.ok())
      scores_.log_likelihood += score->log_probability;
    else
      scores_.complete = false;
  }

  lm::LanguageModel& model_;
  std::string_view stage_;
  uint64_t total_;
  const ProgressSink& progress_;
  Scores scores_;
  std::vector<float> logits_;
  uint64_t done_ = 0;
};

std::optional<double> perplexity_of(const Scores& scores, int64_t tokens) {
  if (!scores.complete) return std::nullopt;
  return std::exp(-scores.log_likelihood / static_cast<double>(tokens));
}

Result<std::vector<eval::TokenPair>> windows_of(const lm::LanguageModel& model,
                                                const text::Tokenizer& tokenizer,
                                                std::string_view content) {
  if (!is_utf8(content)) return fail(ErrorCode::invalid_argument, "the text is not UTF-8");
  ANEMONE_TRY(const eval::Codec codec, eval::codec_of(tokenizer));
  ANEMONE_TRY(const eval::Tokens tokens, eval::encode_text(codec, content));
  if (tokens.empty()) return fail(ErrorCode::invalid_argument, "the text is empty");
  const int64_t context = model.info().context_length;
  if (context < 1)
    return fail(ErrorCode::unsupported, "{}: it does not say how long its context is",
                model.info().path.string());
  return eval::rolling_windows(tokens, codec.prefix_token, context, context);
}

struct Simulation {
  std::vector<eval::TokenPair> windows;
  uint64_t inputs = 0;
  Scores scores;
};

/// Fills what `report` says of the simulation alone.
Result<Simulation> simulate_text(const std::filesystem::path& path,
                                 const text::Tokenizer& tokenizer, std::string_view content,
                                 lm::LanguageModel::Options options, const ProgressSink& progress,
                                 Report& report) {
  const auto observer = std::make_shared<RangeObserver>();
  options.single_steps = true;
  options.runtime.numerics = runtime::Numerics::ane;
  options.runtime.observer = observer;
  ANEMONE_TRY(const auto model, lm::LanguageModel::open(path, options));
  if (model->info().numerics != runtime::Numerics::ane)
    return fail(ErrorCode::unsupported, "{}: a checkpoint runs in fp32 only", path.string());
  Simulation simulation;
  ANEMONE_TRY(simulation.windows, windows_of(*model, tokenizer, content));
  for (const eval::TokenPair& window : simulation.windows) {
    report.tokens += static_cast<int64_t>(window.continuation.size());
    simulation.inputs += window.context().size() + window.continuation.size() - 1;
  }
  report.windows = static_cast<int64_t>(simulation.windows.size());

  const auto start = std::chrono::steady_clock::now();
  WindowRun run(*model, "simulate", simulation.inputs, progress);
  report.whole_windows = run.takes_whole_windows();
  for (const eval::TokenPair& window : simulation.windows) {
    observer->begin_sequence();
    ANEMONE_RETURN_IF_ERROR(run.run(window, 1, [&](int64_t token) {
      observer->begin_pass(report.whole_windows ? std::nullopt : std::optional(token));
    }));
    if (!observer->saw_fp16())
      return fail(
          ErrorCode::unsupported,
          "{}: it computes nothing in fp16, so nothing of it would run on the Neural Engine",
          path.string());
  }
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  observer->write(report);
  simulation.scores = run.scores();
  return simulation;
}

}  // namespace

Result<Report> run_text(const std::filesystem::path& model, const text::Tokenizer& tokenizer,
                        std::string_view content, lm::LanguageModel::Options options,
                        const ProgressSink& progress) {
  options.hash = false;
  Report report;
  ANEMONE_TRY(const Simulation simulation,
              simulate_text(model, tokenizer, content, options, progress, report));

  options.single_steps = false;
  options.runtime.numerics = runtime::Numerics::fp32;
  options.runtime.observer = nullptr;
  ANEMONE_TRY(const auto exact, lm::LanguageModel::open(model, options));
  WindowRun reference(*exact, "fp32", simulation.inputs, progress);
  constexpr int64_t kTokensAtOnce = 64;
  for (const eval::TokenPair& window : simulation.windows)
    ANEMONE_RETURN_IF_ERROR(reference.run(window, kTokensAtOnce, [](int64_t) {}));

  report.perplexity = perplexity_of(simulation.scores, report.tokens);
  report.perplexity_fp32 = perplexity_of(reference.scores(), report.tokens);
  const auto& likeliest = simulation.scores.likeliest;
  const auto& expected = reference.scores().likeliest;
  if (!likeliest.empty() && likeliest.size() == expected.size()) {
    int64_t same = 0;
    for (size_t i = 0; i < likeliest.size(); ++i)
      same += likeliest[i] == expected[i] && expected[i] >= 0;
    report.top1_agreement = static_cast<double>(same) / static_cast<double>(likeliest.size());
  }
  return report;
}

}  // namespace anemone::simulate
