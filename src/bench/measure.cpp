#include "bench/measure.h"

#include <algorithm>

#include "base/error.h"
#include "base/sha256.h"
#include "bench/batches.h"
#include "bench/stage_observer.h"
#include "bench/visits.h"

namespace anemone::bench {
namespace {

double per_second(size_t count, int64_t ns) {
  return static_cast<double>(count) * 1e9 / static_cast<double>(ns);
}

int loads_of(const Options& options, bool again) { return again ? 0 : options.loads; }

/// One measurement under way.
class Run {
 public:
  Run(const Subject& subject, const Options& options, const Meters& meters, const RequestDone& done)
      : subject_(subject),
        options_(options),
        meters_(meters),
        done_(done),
        memory_(meters.memory, meters.clock) {}

  Result<Measured> all() {
    out_.prompt_tokens = static_cast<int64_t>(subject_.prompt.ids.size());
    out_.answer_tokens = subject_.answer_tokens;
    if (meters_.celsius) out_.thermal.celsius_before = meters_.celsius();
    const Status timed = timed_requests();
    bool interrupted = is_interrupted(timed);
    // Timed requests that are done outlive an interruption, and nothing else.
    if (!timed.ok() && !(interrupted && out_.request_ns.summary)) return timed.error();
    memory_.sample();
    if (meters_.celsius) out_.thermal.celsius_after = meters_.celsius();
    finish_memory();
    if (!interrupted && !subject_.again)
      if (const Status status = stages(); !status.ok()) {
        interrupted = is_interrupted(status);
        out_.stages_reason = status.error().to_string();
      }
    if (!interrupted && !subject_.again)
      if (const Status status = batches(); !status.ok()) {
        interrupted = is_interrupted(status);
        out_.batches_reason = status.error().to_string();
      }
    return Measured{std::move(out_), std::move(model_), std::move(at_seconds_), interrupted};
  }

 private:
  static bool is_interrupted(const Status& status) {
    return !status.ok() && status.error().code == ErrorCode::interrupted;
  }

  Status timed_requests() {
    ANEMONE_RETURN_IF_ERROR(load());
    ANEMONE_RETURN_IF_ERROR(requests());
    return cached_first_tokens();
  }

  Status end_of_request() {
    if (done_()) return {};
    return fail(ErrorCode::interrupted, "interrupted");
  }

  /// The first load finds the files on the disk, as far as the system lets go of them.
  Status load() {
    if (subject_.load_uncompiled && !subject_.again) {
      ANEMONE_TRY(out_.load.uncompiled_ns, subject_.load_uncompiled(meters_.clock));
    }
    std::vector<double> warm;
    std::vector<double> first_tokens;
    const bool cold = !subject_.again && !subject_.files.empty() && meters_.drop_from_page_cache &&
                      meters_.drop_from_page_cache(subject_.files);
    for (int i = 0; i <= loads_of(options_, subject_.again); ++i) {
      request_.reset();
      model_.reset();
      const int64_t start = meters_.clock.now_ns();
      ANEMONE_TRY(model_, subject_.open(nullptr));
      const auto ns = static_cast<double>(meters_.clock.now_ns() - start);
      if (i > 0)
        warm.push_back(ns);
      else if (cold)
        out_.load.cold_ns = ns;
      memory_.sample();
      request_.emplace(*model_, meters_.clock, subject_.prompt, subject_.answer_tokens);
      ANEMONE_RETURN_IF_ERROR(request_->run_first_token(nullptr));
      first_tokens.push_back(static_cast<double>(request_->first_token_ns()));
      ANEMONE_RETURN_IF_ERROR(end_of_request());
    }
    if (!cold) out_.load.cold_reason = "the system keeps the files in memory";
    out_.load.warm_ns = make_series(std::move(warm), options_);
    out_.first_token.cold_ns = make_series(std::move(first_tokens), options_);
    return {};
  }

  Status requests() {
    for (int i = 0; i < options_.warmup; ++i) {
      ANEMONE_RETURN_IF_ERROR(request_->run(nullptr));
      ANEMONE_RETURN_IF_ERROR(end_of_request());
    }
    const auto count = static_cast<size_t>(options_.repetitions);
    const size_t steps = request_->step_ns().size();
    ANEMONE_TRY(const std::optional<double> reference_before, reference());
    std::vector<double> first, prefill, decode, all_steps, whole;
    for (auto* series : {&first, &prefill, &decode, &whole, &at_seconds_}) series->reserve(count);
    all_steps.reserve(count * steps);
    out_.outputs.repeatable = true;
    const int64_t start = meters_.clock.now_ns();
    const double cpu_before = meters_.cpu_seconds ? meters_.cpu_seconds() : 0;
    meters_.energy.begin();
    Status status;
    for (size_t i = 0; i < count && status.ok(); ++i) {
      ANEMONE_RETURN_IF_ERROR(request_->run(nullptr));
      at_seconds_.push_back(static_cast<double>(meters_.clock.now_ns()) * 1e-9);
      meters_.energy.tick();
      first.push_back(static_cast<double>(request_->first_token_ns()));
      whole.push_back(static_cast<double>(request_->request_ns()));
      if (request_->prefill_ns() > 0)
        prefill.push_back(per_second(subject_.prompt.ids.size(), request_->prefill_ns()));
      if (request_->decode_ns() > 0) decode.push_back(per_second(steps, request_->decode_ns()));
      for (const int64_t ns : request_->step_ns()) all_steps.push_back(static_cast<double>(ns));
      note_tokens();
      memory_.sample();
      status = end_of_request();
    }
    const double seconds = static_cast<double>(meters_.clock.now_ns() - start) * 1e-9;
    if (meters_.cpu_seconds && seconds > 0) {
      out_.processor.cpu_seconds = meters_.cpu_seconds() - cpu_before;
      out_.processor.utilisation = *out_.processor.cpu_seconds / (seconds * subject_.threads);
    }
    finish_energy(seconds, whole.size());
    out_.first_token.warm_ns = make_series(std::move(first), options_);
    out_.prefill_tokens_per_second = make_series(std::move(prefill), options_);
    out_.decode_tokens_per_second = make_series(std::move(decode), options_);
    out_.step_ns = make_series(std::move(all_steps), options_);
    out_.request_ns = make_series(std::move(whole), options_);
    out_.drift = drift_of(out_, at_seconds_, options_);
    const auto& speed = out_.decode_tokens_per_second.summary;
    out_.visits = {
        {.requests = at_seconds_.size(),
         .decode_tokens_per_second = speed ? std::optional(speed->median) : std::nullopt}};
    ANEMONE_TRY(reference_after_, reference());
    out_.visits[0].reference_ns = mean(reference_before, reference_after_);
    return status;
  }

  /// Not among the requests: energy and processor time are theirs alone.
  Result<std::optional<double>> reference() const {
    if (!meters_.reference_ns) return std::optional<double>();
    ANEMONE_TRY(const double ns, meters_.reference_ns());
    return std::optional(ns);
  }
  static std::optional<double> mean(std::optional<double> a, std::optional<double> b) {
    return a && b ? std::optional((*a + *b) / 2) : std::nullopt;
  }

  void note_tokens() {
    const auto tokens = request_->tokens();
    if (out_.outputs.tokens.empty())
      out_.outputs.tokens.assign(tokens.begin(), tokens.end());
    else if (!std::ranges::equal(out_.outputs.tokens, tokens))
      out_.outputs.repeatable = false;
    if (!out_.outputs.token_hash.empty()) return;
    std::string bytes;
    for (const int32_t token : tokens)
      for (int shift = 0; shift < 32; shift += 8)
        bytes.push_back(static_cast<char>((static_cast<uint32_t>(token) >> shift) & 0xffU));
    out_.outputs.token_hash = "sha256:" + sha256(bytes);
  }

  void finish_energy(double seconds, size_t requests) {
    out_.energy = meters_.energy.end();
    out_.thermal.pressure = meters_.energy.pressure();
    const auto tokens = static_cast<double>(requests) *
                        static_cast<double>(out_.prompt_tokens + out_.answer_tokens);
    if (out_.energy.joules && seconds > 0) {
      out_.energy.watts = *out_.energy.joules / seconds;
      out_.energy.joules_per_token = *out_.energy.joules / tokens;
    }
  }

  Status cached_first_tokens() {
    const int64_t prompt = out_.prompt_tokens;
    const int64_t cached = prompt - std::min(kUncachedTokens, std::max<int64_t>(prompt / 2, 1));
    out_.first_token.cached_prefix_tokens = cached;
    if (cached < 1) return {};
    const auto prefix = model_->new_sequence();
    ANEMONE_RETURN_IF_ERROR(
        model_->extend(*prefix, std::span(subject_.prompt.ids).first(static_cast<size_t>(cached)),
                       lm::Rows::none, {}));
    std::vector<double> first;
    Status status;
    for (int i = -std::min(options_.warmup, 1); i < options_.repetitions && status.ok(); ++i) {
      ANEMONE_RETURN_IF_ERROR(request_->run_first_token(prefix.get()));
      if (i >= 0) first.push_back(static_cast<double>(request_->first_token_ns()));
      status = end_of_request();
    }
    out_.first_token.cached_ns = make_series(std::move(first), options_);
    ANEMONE_TRY(const std::optional<double> after, reference());
    out_.visits[0].cached_reference_ns = mean(reference_after_, after);
    return status;
  }

  void finish_memory() {
    out_.memory = memory_.finish();
    out_.memory.weights_bytes = model_->info().weight_bytes;
    out_.memory.state_bytes = request_->state_bytes();
    if (out_.thermal.celsius_before || !out_.thermal.pressure.empty())
      out_.thermal.source = out_.thermal.pressure.empty() ? "thermal zones" : out_.energy.source;
    else
      out_.thermal.reason = "the system shows no thermal zone";
  }

  Status stages() {
    if (options_.stage_requests == 0) return {};
    StageTimer timer(meters_.clock);
    const auto observer = std::make_shared<StageObserver>(timer);
    ANEMONE_TRY(const auto model, subject_.open(observer));
    Request request(*model, meters_.clock, subject_.prompt, subject_.answer_tokens);
    ANEMONE_RETURN_IF_ERROR(request.run(nullptr));
    ANEMONE_RETURN_IF_ERROR(end_of_request());
    timer.clear();
    double total = 0;
    for (int i = 0; i < options_.stage_requests; ++i) {
      ANEMONE_RETURN_IF_ERROR(request.run(&timer, observer->sees_functions()));
      total += static_cast<double>(request.request_ns());
      ANEMONE_RETURN_IF_ERROR(end_of_request());
    }
    const auto mean = [&](Stage stage) {
      return static_cast<double>(timer.ns(stage)) / options_.stage_requests;
    };
    Stages stages{.requests = options_.stage_requests, .total_ns = total / options_.stage_requests};
    if (subject_.prompt.tokenize) stages.tokenize = mean(Stage::tokenize);
    if (observer->sees_embedding()) stages.embed = mean(Stage::embed);
    if (observer->sees_head()) stages.head = mean(Stage::head);
    stages.prefill = mean(Stage::prefill);
    stages.step = mean(Stage::step);
    if (model->info().gives_logits) stages.sample = mean(Stage::sample);
    stages.other = mean(Stage::other);
    if (!observer->sees_functions())
      stages.note = "the backend shows no time inside its functions: prefill and step hold it all";
    else if (!stages.head || !stages.embed)
      stages.note = "programs without a visible border: that time is in prefill and step";
    if (!stages.sample)
      stages.note += std::string(stages.note.empty() ? "" : "; ") +
                     "the model chooses tokens itself: that time is in head";
    out_.stages = stages;
    return {};
  }

  Status batches() {
    if (options_.batches.empty()) return {};
    if (!model_->info().gives_logits)
      return fail(ErrorCode::unsupported,
                  "the model chooses tokens itself: sequences go one after the other");
    const int64_t steps = std::max<int64_t>(subject_.answer_tokens - 1, 1);
    ANEMONE_TRY(auto all, measure_batches(*model_, meters_.clock,
                                          {.prompt = subject_.prompt.ids,
                                           .steps = steps,
                                           .sequences = options_.batches,
                                           .repetitions = subject_.batch_repetitions},
                                          done_));
    for (BatchTimes& times : all)
      out_.batches.push_back({times.sequences,
                              make_series(std::move(times.tokens_per_second), options_),
                              make_series(std::move(times.step_ns), options_)});
    return {};
  }

  const Subject& subject_;
  const Options& options_;
  const Meters& meters_;
  const RequestDone& done_;
  MemoryMeter memory_;
  std::unique_ptr<lm::LanguageModel> model_;
  std::optional<Request> request_;
  std::vector<double> at_seconds_;
  std::optional<double> reference_after_;  ///< the timed requests.
  Measurement out_;
};

}  // namespace

std::optional<double> Load::compiled_gain() const {
  if (!uncompiled_ns || !warm_ns.summary) return {};
  return *uncompiled_ns / warm_ns.summary->median;
}

std::optional<double> FirstToken::cached_saving() const {
  if (!warm_ns.summary || !cached_ns.summary) return {};
  return 1 - cached_ns.summary->median / warm_ns.summary->median;
}

std::optional<double> Measurement::tokenizer_share() const {
  if (!stages || !stages->tokenize || !first_token.warm_ns.summary) return {};
  return *stages->tokenize / first_token.warm_ns.summary->median;
}

double Stages::sum_ns() const {
  double sum = 0;
  for (const auto& part : {tokenize, embed, prefill, step, head, sample, other})
    sum += part.value_or(0);
  return sum;
}

uint64_t requests_of(const Options& options, int visit, int visits) {
  const bool again = visit > 0;
  const int repetitions = of_visit(options, visit, visits).repetitions;
  const int stages = again || options.stage_requests == 0 ? 0 : options.stage_requests + 1;
  const int batches = again ? 0 : static_cast<int>(options.batches.size()) * options.repetitions;
  return static_cast<uint64_t>(loads_of(options, again) + 1 + options.warmup + 2 * repetitions +
                               std::min(options.warmup, 1) + stages + batches);
}

std::optional<statistics::Drift> drift_of(const Measurement& own,
                                          const std::vector<double>& at_seconds,
                                          const Options& options) {
  const auto& speeds = own.decode_tokens_per_second.samples;
  if (speeds.size() != at_seconds.size()) return {};
  return statistics::find_drift(at_seconds, speeds,
                                {.confidence = options.confidence, .seed = options.seed});
}

Series make_series(std::vector<double> samples, const Options& options) {
  auto summary =
      statistics::summarize(samples, {.confidence = options.confidence, .seed = options.seed});
  return {std::move(samples), std::move(summary)};
}

Result<Measured> measure(const Subject& subject, const Options& options, const Meters& meters,
                         const RequestDone& done) {
  return Run(subject, options, meters, done).all();
}

}  // namespace anemone::bench
