#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "anemone/bench.h"
#include "bench/batches.h"
#include "bench/judgement.h"
#include "bench/markdown.h"

namespace anemone::bench {
namespace {

constexpr const char* kNone = "n/a";
std::string speeds(const Report& report) {
  MarkdownTable table({kLabel, "decode tok/s (" + level(report) + ")", "prefill tok/s",
                       "first token ms: cold", "warm", "cached", "request ms", "load ms: cold",
                       "warm"});
  for (const Configuration& one : report.configurations) {
    if (!one.measurement) continue;
    const Measurement& own = *one.measurement;
    table.add({label(one), with_interval(own.decode_tokens_per_second, 1, 1),
               number(own.prefill_tokens_per_second, 1, 0),
               number(own.first_token.cold_ns, 1e-6, 2), number(own.first_token.warm_ns, 1e-6, 2),
               number(own.first_token.cached_ns, 1e-6, 2), with_interval(own.request_ns, 1e-6, 2),
               optional_number(own.load.cold_ns, 1e-6, 1), number(own.load.warm_ns, 1e-6, 1)});
  }
  size_t visits = 0;
  for (const Configuration& one : report.configurations)
    if (one.measurement) visits = std::max(visits, one.measurement->visits.size());
  const std::string order =
      visits > 1 ? fmt::format(
                       " Every configuration was measured in {} visits, every other one in "
                       "the opposite order.",
                       visits)
                 : "";
  return table.empty() ? "" : "## Speed\n\nMedians." + order + "\n\n" + table.text();
}

std::string spread(const Report& report) {
  MarkdownTable table({kLabel, "ms a token: mean", "stddev", "min", "p50", "p95", "p99", "max",
                       "outliers", "drift"});
  for (const Configuration& one : report.configurations) {
    if (!one.measurement || !one.measurement->step_ns.summary) continue;
    const statistics::Summary& steps = *one.measurement->step_ns.summary;
    const auto ms = [](double ns) { return fmt::format("{:.3f}", ns * 1e-6); };
    const auto& drift = one.measurement->drift;
    table.add(
        {label(one), ms(steps.mean), steps.stddev ? ms(*steps.stddev) : kNone, ms(steps.min),
         ms(steps.median), ms(steps.p95), ms(steps.p99), ms(steps.max),
         fmt::format("{} of {}", steps.outliers.size(), steps.n),
         !drift ? kNone : drift_text(*drift) + (drift->significant ? "" : " (not significant)")});
  }
  return table.empty() ? "" : "## Time of a token\n\n" + table.text();
}

std::string stages(const Report& report) {
  MarkdownTable table({kLabel, "ms: tokenize", "embed", "prefill", "step", "head", "sample",
                       "other", "sum", "total", "tokenizer's share of a warm first token"});
  std::string notes;
  for (const Configuration& one : report.configurations) {
    if (one.measurement && !one.measurement->stages_reason.empty())
      notes += one.id() + ": n/a: " + one.measurement->stages_reason + "\n";
    if (!one.measurement || !one.measurement->stages) continue;
    const Stages& own = *one.measurement->stages;
    const auto share = one.measurement->tokenizer_share();
    const auto ms = [](const std::optional<double>& ns) { return optional_number(ns, 1e-6, 3); };
    table.add({label(one), ms(own.tokenize), ms(own.embed), ms(own.prefill), ms(own.step),
               ms(own.head), ms(own.sample), ms(own.other), ms(own.sum_ns()), ms(own.total_ns),
               share ? fmt::format("{:.3g} %", 100 * *share) : kNone});
    if (!own.note.empty() && notes.find(own.note) == std::string::npos) notes += own.note + "\n";
  }
  if (table.empty() && notes.empty()) return {};
  return "## Where a request's time goes\n\n" + (table.empty() ? "" : table.text()) +
         (notes.empty() ? "" : notes + "\n");
}

std::string batches(const Report& report) {
  MarkdownTable table({kLabel, "sequences together", "tok/s of all", "ms: step", "p95 step"});
  std::string policies;
  for (const Configuration& one : report.configurations) {
    if (!one.measurement) continue;
    const Measurement& own = *one.measurement;
    if (!own.batches_reason.empty())
      policies += fmt::format("{}: n/a: {}\n", one.id(), own.batches_reason);
    for (const Batch& batch : own.batches)
      table.add({label(one), std::to_string(batch.sequences), number(batch.tokens_per_second, 1, 1),
                 number(batch.step_ns, 1e-6, 3),
                 fmt::format("{:.3f}", batch.step_ns.summary->p95 * 1e-6)});
    if (own.batches.empty()) continue;
    const BatchPolicy policy = choose_batch(Workload::offline, speeds_of(own.batches));
    policies +=
        fmt::format("{}: offline {}, interactive 1 ({})\n", one.id(), policy.sequences, policy.why);
  }
  if (table.empty() && policies.empty()) return {};
  return "## Sequences together\n\n" + (table.empty() ? "" : table.text()) + policies + "\n";
}

std::string resources(const Report& report) {
  MarkdownTable table({kLabel, "weights MB", "state MB", "peak RSS MB", "processor", "J/token",
                       "watts", "floor tok/s", "share of floor"});
  Reasons reasons;
  for (const Configuration& one : report.configurations) {
    if (!one.measurement) continue;
    const Measurement& own = *one.measurement;
    const bool floor = own.floor.tokens_per_second > 0;
    table.add({label(one), megabytes(own.memory.weights_bytes), megabytes(own.memory.state_bytes),
               megabytes(own.memory.peak_rss_bytes),
               own.processor.utilisation ? fmt::format("{:.0f} %", 100 * *own.processor.utilisation)
                                         : kNone,
               optional_number(own.energy.joules_per_token, 1, 4),
               optional_number(own.energy.watts, 1, 1),
               floor ? fmt::format("{:.1f}", own.floor.tokens_per_second) : kNone,
               own.floor.share > 0 ? fmt::format("{:.0f} %", 100 * own.floor.share) : kNone});
    reasons.add(label(one), "energy", own.energy.reason);
    reasons.add(label(one), "floor", own.floor.reason);
    reasons.add(label(one), "memory", own.memory.reason);
  }
  if (table.empty()) return {};
  return "## Memory and energy\n\n" + table.text() + reasons.text(table.size());
}

std::string qualities(const Report& report) {
  MarkdownTable table({kLabel, "token perplexity", "typos: exact", "WER", "F0.5", "repeatable",
                       "match with the reference"});
  std::string reasons;
  const auto note = [&](const Configuration& one, const char* what, const std::string& reason) {
    if (!reason.empty()) reasons += fmt::format("{}: {} n/a: {}\n", one.id(), what, reason);
  };
  for (const Configuration& one : report.configurations) {
    if (!one.measurement) continue;
    note(one, "quality", one.measurement->quality_reason);
    if (one.measurement->quality)
      for (const std::string& remark : one.measurement->quality->remarks())
        reasons += one.id() + ": " + remark + "\n";
    note(one, "reference", one.measurement->outputs.reference_reason);
    note(one, "answers beside cpu's", one.measurement->outputs.beside_cpu_reason);
    if (!one.measurement->quality && !one.measurement->outputs.reference) continue;
    const Measurement& own = *one.measurement;
    const Quality none;
    const Quality& quality = own.quality ? *own.quality : none;
    const Typos typos = quality.typos.value_or(Typos());
    table.add(
        {label(one), quality.perplexity ? fmt::format("{:.3f}", quality.perplexity->token) : kNone,
         optional_number(typos.exact, 1, 4), optional_number(typos.wer, 1, 4),
         optional_number(typos.f05, 1, 4), own.outputs.repeatable ? "yes" : "no",
         own.outputs.reference ? fmt::format("{:.1f} %", 100 * own.outputs.reference->match_rate)
                               : kNone});
  }
  if (table.empty() && reasons.empty()) return {};
  return "## Quality\n\n" + (table.empty() ? "" : table.text()) +
         (reasons.empty() ? "" : reasons + "\n");
}

constexpr size_t kShownOperations = 5;

std::string functions(const Report& report) {
  MarkdownTable table({kLabel, "package", "function", "load ms", "ms: min", "median", "mean",
                       "stddev", "max", "dearest ops by Core ML's plan"});
  std::string reasons;
  for (const Configuration& one : report.configurations) {
    if (!one.functions_reason.empty())
      reasons += fmt::format("{}: n/a: {}\n", one.id(), one.functions_reason);
    for (const FunctionTimes& own : one.functions) {
      std::string operations;
      for (const OperationTime& time :
           std::span(own.operations).first(std::min(own.operations.size(), kShownOperations)))
        operations +=
            fmt::format("{}{}: {} on {}, {:.4f} ms", operations.empty() ? "" : "; ", time.name,
                        time.type, time.unit, time.share * own.predict_ns.summary->median * 1e-6);
      const statistics::Summary& times = *own.predict_ns.summary;
      const auto ms = [](double ns) { return fmt::format("{:.4f}", ns * 1e-6); };
      table.add({label(one), own.package, own.function, number(own.load_ns, 1e-6, 1), ms(times.min),
                 ms(times.median), ms(times.mean), times.stddev ? ms(*times.stddev) : kNone,
                 ms(times.max), operations.empty() ? kNone : operations});
      const std::string line = "ops n/a: " + own.reason + "\n";
      if (!own.reason.empty() && reasons.find(line) == std::string::npos) reasons += line;
    }
  }
  if (table.empty() && reasons.empty()) return {};
  return "## Functions by themselves\n\n" + (table.empty() ? "" : table.text()) +
         (reasons.empty() ? "" : reasons + "\n");
}

std::string executions(const Report& report) {
  std::string out;
  MarkdownTable table({kLabel, "ran on", "tokens", "logits against cpu", "load ms: not compiled",
                       "compiled", "gain"});
  for (const Configuration& one : report.configurations) {
    if (!one.execution || one.execution->backend == runtime::Backend::cpu) continue;
    const auto& beside = one.measurement->outputs.beside_cpu;
    const Load& load = one.measurement->load;
    std::string tokens = kNone;
    std::string logits = kNone;
    if (beside) {
      tokens = !beside->first_difference
                   ? "as on cpu"
                   : fmt::format("differ from cpu at {}", *beside->first_difference);
      if (beside->logit_rows > 0)
        logits = beside->psnr_db ? fmt::format("PSNR {:.1f} dB, largest difference {:.3g}",
                                               *beside->psnr_db, beside->largest_difference)
                                 : "equal";
    }
    table.add({label(one),
               has_fallen_back(*one.execution) ? "Core ML, in part on its CPU" : "Core ML", tokens,
               logits, optional_number(load.uncompiled_ns, 1e-6, 1), number(load.warm_ns, 1e-6, 1),
               load.compiled_gain() ? fmt::format("{:.1f} times", *load.compiled_gain()) : kNone});
    for (const std::string& note : one.execution->notes)
      if (const std::string line = "- " + note + "\n"; out.find(line) == std::string::npos)
        out += line;
  }
  if (table.empty()) return {};
  return "## Core ML\n\n" + table.text() + (out.empty() ? "" : out + "\n");
}

std::string predictions(const Report& report) {
  MarkdownTable table(
      {kLabel, "chip", "decode tok/s", "floor tok/s", "first token ms", "residency", "J/token"});
  std::string reasons;
  for (const Configuration& one : report.configurations) {
    if (const std::string line = "n/a: " + one.predicted_reason + "\n";
        !one.predicted_reason.empty() && reasons.find(line) == std::string::npos)
      reasons += line;
    for (const Prediction& own : one.predicted)
      table.add({label(one), own.chip, fmt::format("{:.1f}", own.tokens_per_second),
                 fmt::format("{:.1f}", own.floor_tokens_per_second),
                 fmt::format("{:.1f} for {}", own.first_token_ns * 1e-6, own.prompt_tokens),
                 own.residency ? fmt::format("{:.0f} %", 100 * *own.residency) : kNone,
                 own.joules_high > 0 ? fmt::format("{:.3f}-{:.3f}", own.joules_low, own.joules_high)
                                     : kNone});
  }
  if (table.empty() && reasons.empty()) return {};
  return "## Predicted for the Neural Engine\n\n" +
         (table.empty() ? ""
                        : "Nothing in this table was measured. Speeds, times and energy are those "
                          "of an engine that runs all of the model; residency says how much of it "
                          "it would.\n\n" +
                              table.text()) +
         (reasons.empty() ? "" : reasons + "\n");
}

std::string not_measured(const Report& report) {
  std::string out;
  for (const Configuration& one : report.configurations)
    if (one.outcome != Outcome::measured)
      out += fmt::format("- {}: {}{}\n", one.id(), to_string(one.outcome),
                         one.reason.empty() ? "" : ": " + one.reason);
  return out.empty() ? "" : "## Not measured to the end\n\n" + out + "\n";
}

}  // namespace

std::string to_markdown(const Report& report) {
  std::string out = fmt::format(
      "# {}\n\n{} of {}, {:.1f} MB of weights, numerics {}{}; {}, {}; {} request{} after {} of "
      "warm-up, seed {}{}\n\n",
      report.model.name, report.model.form, report.model.architecture,
      static_cast<double>(report.model.weight_bytes) * 1e-6, to_string(report.model.numerics),
      report.model.numerics == runtime::Numerics::ane ? " (simulated: its times say nothing)" : "",
      report.machine.identity(), report.machine.os, report.options.repetitions,
      report.options.repetitions == 1 ? "" : "s", report.options.warmup, report.options.seed,
      report.complete ? "" : "; interrupted");
  for (const auto& part : {speeds, spread, stages, batches, functions, resources, executions,
                           qualities, predictions, not_measured, verdicts})
    out += part(report);
  while (out.ends_with("\n\n")) out.pop_back();
  return out;
}

}  // namespace anemone::bench
