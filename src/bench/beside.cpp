#include "bench/beside.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "anemone/evaluate.h"
#include "base/error.h"
#include "bench/prompt.h"

namespace anemone::bench {
namespace {

/// Whose scores are the columns, and the ten published cases beside it.
constexpr const char* kTypoTask = "typo_correction";
constexpr const char* kPublishedTask = "published_typos";

Typos typos_of(const std::map<std::string, double>& scores, int64_t documents) {
  Typos typos{.n = documents};
  const auto take = [&](const char* metric, std::optional<double>& value) {
    if (const auto found = scores.find(metric); found != scores.end()) value = found->second;
  };
  take("exact_match", typos.exact);
  take("wer", typos.wer);
  take("f0_5", typos.f05);
  return typos;
}

/// Why documents of a task have no score; empty: all have one.
std::string reason_of(const eval::TaskReport& task) {
  if (task.failed.empty()) return {};
  const auto failed = static_cast<int64_t>(task.failed.size());
  return fmt::format("{}: {} of {} documents have no score: {}", task.name, failed,
                     failed + task.evaluated, task.failed.front().message);
}

}  // namespace

std::vector<std::string> Quality::remarks() const {
  std::vector<std::string> all;
  for (const auto& [task, requests] : truncated_requests)
    all.push_back(fmt::format("{}: {} request{} did not fit the context and lost the beginning",
                              task, requests, requests == 1 ? "" : "s"));
  return all;
}

void predict(const std::filesystem::path& model, const std::vector<std::string>& chips,
             int64_t prompt_tokens, Configuration& one) {
  one.predicted.clear();
  one.predicted_reason.clear();
  const auto leave_out = [&](const std::string& reason) {
    if (one.predicted_reason.find(reason) == std::string::npos)
      one.predicted_reason += (one.predicted_reason.empty() ? "" : "; ") + reason;
  };
  for (const std::string& chip : chips) {
    const auto forecast = ane::forecast(model, {.chip = chip, .prompt_tokens = prompt_tokens});
    if (!forecast.ok()) {
      leave_out(forecast.error().to_string());
      continue;
    }
    if (!forecast->decoding) {
      leave_out(forecast->decoding_error
                    ? forecast->decoding_error->to_string()
                    : "no decoding can be forecast: the model has no static context");
      continue;
    }
    const ane::DecodingForecast& decoding = *forecast->decoding;
    Prediction own{.chip = std::string(forecast->label),
                   .tokens_per_second = decoding.tokens_per_second,
                   .floor_tokens_per_second = decoding.floor_tokens_per_second,
                   .first_token_ns = decoding.first_token_ms * 1e6,
                   .prompt_tokens = decoding.prompt_tokens,
                   .residency = forecast->residency,
                   .source = fmt::format("predicted, {}; bandwidth: {}", forecast->stack,
                                         forecast->bandwidth_source)};
    if (decoding.energy) {
      own.joules_low = decoding.energy->joules_low;
      own.joules_high = decoding.energy->joules_high;
    }
    one.predicted.push_back(std::move(own));
  }
}

namespace {

/// Weights of the functions that prompts go through: blocks' where there are some, the head's not
/// where it is a package of its own. At most `weights`.
double prompt_weights(const ane::Forecast& forecast, double weights) {
  const double bytes_per_ms = forecast.bandwidth_gbps * 1e6;
  std::map<std::string, double> least;  // by package
  bool has_blocks = false;
  double head = 0;
  for (const ane::FunctionForecast& one : forecast.functions) {
    const double bytes = one.floor_ms * bytes_per_ms;
    if (one.package.find("lm_head") != std::string::npos) head = std::max(head, bytes);
    if (!one.function.starts_with("prefill")) continue;
    has_blocks = true;
    const auto found = least.emplace(one.package, bytes).first;
    found->second = std::min(found->second, bytes);
  }
  if (!has_blocks) return std::max(weights - head, 0.0);
  double sum = 0;
  for (const auto& [package, bytes] : least) sum += bytes;
  return std::min(sum, weights);
}

}  // namespace

std::optional<StepBytes> step_bytes(const std::filesystem::path& model) {
  const auto forecast = ane::forecast(model);
  if (!forecast.ok() || !forecast->decoding) return {};
  const ane::DecodingForecast& decoding = *forecast->decoding;
  return StepBytes{decoding.weight_bytes, decoding.cache_bytes, decoding.context,
                   prompt_weights(*forecast, decoding.weight_bytes)};
}

Floor find_floor(const std::optional<StepBytes>& bytes, const Machine& machine,
                 const Prompting& prompting, double tokens_per_second) {
  Floor floor;
  if (!bytes) {
    floor.reason = "the programs do not say what a step reads";
    return floor;
  }
  if (!(machine.read_bytes_per_s > 0)) {
    floor.reason = "the memory's bandwidth was not measured";
    return floor;
  }
  if (machine.cache_bytes == 0) {
    floor.reason = "the size of the processor's cache is not known, which may hold the weights";
    return floor;
  }
  const double filled = bytes->context > 0 ? static_cast<double>(prompting.prompt_tokens) /
                                                 static_cast<double>(bytes->context)
                                           : 0;
  const double read = bytes->weights + bytes->cache * std::min(filled, 1.0);
  const auto cache_bytes = static_cast<double>(machine.cache_bytes);
  if (read < cache_bytes) {
    floor.reason = fmt::format(
        "what a step reads of weights and cache ({:.1f} MB) fits the processor's cache ({:.1f} "
        "MB): "
        "memory is no bound",
        read * 1e-6, cache_bytes * 1e-6);
    return floor;
  }
  floor.bytes_per_token = read;
  floor.bandwidth_bytes_per_s = machine.read_bytes_per_s;
  floor.source = "measured here, all threads reading memory";
  floor.tokens_per_second = machine.read_bytes_per_s / read;
  floor.share = tokens_per_second / floor.tokens_per_second;
  if (bytes->prompt_weights < cache_bytes) return floor;
  const auto calls_ns = [&](int64_t tokens) {
    const int64_t block = std::max<int64_t>(prompting.block_tokens, 1);
    const int64_t calls = tokens / block + (tokens % block > 0 ? 1 : 0);
    return static_cast<double>(calls) * 1e9 * bytes->prompt_weights / machine.read_bytes_per_s;
  };
  floor.first_token_ns = calls_ns(prompting.prompt_tokens);
  floor.cached_first_token_ns = calls_ns(prompting.uncached_tokens);
  return floor;
}

Result<Reference> hold_against(lm::LanguageModel& reference, const std::vector<int32_t>& prompt,
                               const std::vector<int32_t>& answer,
                               const std::function<bool()>& go_on) {
  const auto work = [&]() -> Result<Reference> {
    Reference result{.name = reference.info().name};
    const auto sequence = reference.new_sequence();
    std::vector<int32_t> fed = prompt;
    int64_t matches = 0;
    for (size_t i = 0; i < answer.size(); ++i) {
      if (!go_on()) return fail(ErrorCode::interrupted, "interrupted");
      ANEMONE_TRY(const int32_t chosen, reference.extend_greedy(*sequence, fed));
      if (chosen == answer[i])
        ++matches;
      else if (!result.first_difference)
        result.first_difference = static_cast<int64_t>(i);
      fed.assign(1, answer[i]);
    }
    result.match_rate = static_cast<double>(matches) / static_cast<double>(answer.size());
    return result;
  };
  return work().in("the reference " + reference.info().name);
}

namespace {

bool wants(const Options& options, const char* kind) {
  return std::ranges::find(options.quality, kind) != options.quality.end();
}

eval::Options typo_tasks(const text::Tokenizer& tokenizer, const Options& options) {
  eval::Options asked;
  asked.tasks = {kTypoTask, kPublishedTask};
  asked.places.data = options.data;
  asked.apply_chat_template = !tokenizer.chat_templates().empty();
  asked.bootstrap_iterations = 0;
  return asked;
}

}  // namespace

Status check_quality(const text::Tokenizer& tokenizer, const Options& options) {
  if (!wants(options, "typos")) return {};
  return eval::check_options(typo_tasks(tokenizer, options), tokenizer);
}

Result<Quality> find_quality(lm::LanguageModel& model, const text::Tokenizer& tokenizer,
                             const Options& options, const ProgressSink& progress,
                             const LogSink& log) {
  Quality quality;
  if (wants(options, "perplexity")) {
    const bool builtin = options.perplexity_text.empty();
    const std::string text = builtin ? std::string(builtin_text()) : options.perplexity_text;
    ANEMONE_TRY(const auto report, eval::perplexity(model, tokenizer, text, {}, progress));
    Perplexity perplexity{.token = report.token_perplexity,
                          .tokens = report.tokens,
                          .text = builtin ? "built-in text" : "the user's text"};
    if (std::isfinite(report.word_perplexity)) perplexity.word = report.word_perplexity;
    quality.perplexity = perplexity;
  }
  if (!wants(options, "typos")) return quality;
  ANEMONE_TRY(const auto report,
              eval::evaluate(model, tokenizer, typo_tasks(tokenizer, options), progress, log));
  if (!report.interrupted.empty()) return fail(ErrorCode::interrupted, "interrupted");
  for (const eval::TaskReport& task : report.tasks) {
    auto& scores = quality.tasks[task.name];
    for (const eval::Score& score : task.scores)
      if (score.value && std::isfinite(*score.value)) scores[score.metric] = *score.value;
    if (task.name == kTypoTask) quality.typos = typos_of(scores, task.evaluated);
    if (task.work.truncated_requests > 0)
      quality.truncated_requests[task.name] = task.work.truncated_requests;
    if (const std::string reason = reason_of(task); !reason.empty())
      quality.reason += (quality.reason.empty() ? "" : "; ") + reason;
  }
  return quality;
}

}  // namespace anemone::bench
