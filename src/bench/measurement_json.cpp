#include "bench/batches.h"
#include "bench/json_parts.h"

namespace anemone::bench {
namespace {

Json summary(const statistics::Summary& of) {
  return {{"n", of.n},
          {"mean", of.mean},
          {"median", of.median},
          {"stddev", maybe(of.stddev)},
          {"mad", of.mad},
          {"min", of.min},
          {"max", of.max},
          {"p5", of.p5},
          {"p25", of.p25},
          {"p75", of.p75},
          {"p90", of.p90},
          {"p95", of.p95},
          {"p99", of.p99},
          {"ci95", of.interval ? interval(*of.interval) : Json()},
          {"outliers", of.outliers}};
}

Json series(const Series& of, bool nanoseconds) {
  if (!of.summary) return {};
  Json samples = Json::array();
  for (const double sample : of.samples)
    samples.push_back(nanoseconds ? whole(sample) : Json(sample));
  return {{"samples", std::move(samples)}, {"summary", summary(*of.summary)}};
}

Json speeds(const Series& of) { return series(of, false); }

Json visits(const std::vector<Visit>& of) {
  Json list = Json::array();
  for (const Visit& one : of)
    list.push_back({{"requests", one.requests},
                    {"decode_tokens_per_second", maybe(one.decode_tokens_per_second)},
                    {"reference_round_ns", maybe(one.reference_ns)},
                    {"cached_reference_round_ns", maybe(one.cached_reference_ns)}});
  return list;
}

Json stages(const Stages& of) {
  return {{"requests", of.requests},        {"total_ns", whole(of.total_ns)},
          {"tokenize", whole(of.tokenize)}, {"embed", whole(of.embed)},
          {"prefill", whole(of.prefill)},   {"step", whole(of.step)},
          {"head", whole(of.head)},         {"sample", whole(of.sample)},
          {"other", whole(of.other)},       {"sum_ns", whole(of.sum_ns())},
          {"note", text(of.note)}};
}

Json memory(const Memory& of) {
  Json points = Json::array();
  for (const Memory::Point& point : of.series)
    points.push_back({{"at_ns", point.at_ns}, {"rss_bytes", point.rss_bytes}});
  return {{"weights_bytes", of.weights_bytes},
          {"state_bytes", of.state_bytes},
          {"peak_rss_bytes", maybe(of.peak_rss_bytes)},
          {"peak_is_own", of.peak_is_own},
          {"series", std::move(points)},
          {"source", text(of.source)},
          {"reason", text(of.reason)}};
}

Json energy(const Energy& of) {
  return {{"joules", maybe(of.joules)}, {"joules_per_token", maybe(of.joules_per_token)},
          {"watts", maybe(of.watts)},   {"idle_watts", Json()},
          {"rails", Json(of.rails)},    {"source", text(of.source)},
          {"reason", text(of.reason)}};
}

Json thermal(const Thermal& of) {
  return {{"pressure", text(of.pressure)},
          {"celsius_before", maybe(of.celsius_before)},
          {"celsius_after", maybe(of.celsius_after)},
          {"source", text(of.source)},
          {"reason", text(of.reason)}};
}

Json drift(const std::optional<statistics::Drift>& of) {
  if (!of) return {};
  return {{"change", of->change},
          {"per_minute", of->per_second * 60},
          {"ci95", interval(of->interval)},
          {"significant", of->significant}};
}

Json outputs(const Outputs& of) {
  Json reference;
  if (of.reference)
    reference = {{"name", of.reference->name},
                 {"match_rate", of.reference->match_rate},
                 {"first_difference", maybe(of.reference->first_difference)}};
  Json beside;
  if (of.beside_cpu) {
    const bool compared = of.beside_cpu->logit_rows > 0;
    beside = {{"first_difference", maybe(of.beside_cpu->first_difference)},
              {"logit_rows", of.beside_cpu->logit_rows},
              {"largest_difference", compared ? Json(of.beside_cpu->largest_difference) : Json()},
              {"psnr_db", maybe(of.beside_cpu->psnr_db)}};
  }
  return {{"token_hash", of.token_hash},       {"tokens", of.tokens},
          {"repeatable", of.repeatable},       {"equal_to_cpu", maybe(of.equal_to_cpu)},
          {"beside_cpu", std::move(beside)},   {"beside_cpu_reason", text(of.beside_cpu_reason)},
          {"reference", std::move(reference)}, {"reference_reason", text(of.reference_reason)}};
}

Json floor(const Floor& of) {
  const auto time = [](double ns) { return ns > 0 ? whole(ns) : Json(); };
  const bool known = of.tokens_per_second > 0;
  return {{"bytes_per_token", positive(of.bytes_per_token)},
          {"bandwidth_bytes_per_second", positive(of.bandwidth_bytes_per_s)},
          {"source", text(of.source)},
          {"ns_per_token", known ? whole(1e9 / of.tokens_per_second) : Json()},
          {"tokens_per_second", positive(of.tokens_per_second)},
          {"share", positive(of.share)},
          {"first_token_ns", time(of.first_token_ns)},
          {"cached_first_token_ns", time(of.cached_first_token_ns)},
          {"reason", text(of.reason)}};
}

Json batches(const std::vector<Batch>& of) {
  if (of.empty()) return {};
  Json out = Json::array();
  for (const Batch& one : of)
    out.push_back({{"sequences", one.sequences},
                   {"tokens_per_second", speeds(one.tokens_per_second)},
                   {"step_ns", times(one.step_ns)}});
  return out;
}

Json policies(const std::vector<Batch>& of) {
  if (of.empty()) return {};
  Json out;
  for (const Workload workload : {Workload::interactive, Workload::offline}) {
    const BatchPolicy policy = choose_batch(workload, speeds_of(of));
    out[to_string(workload)] = {{"sequences", policy.sequences},
                                {"gain", policy.gain},
                                {"penalty", policy.penalty},
                                {"why", policy.why}};
  }
  return out;
}

void add_present(const Measurement& of, Json& out) {
  out["prompt_tokens"] = of.prompt_tokens;
  out["answer_tokens"] = of.answer_tokens;
  out["visits"] = visits(of.visits);
  out["load_ns"] = {{"cold", whole(of.load.cold_ns)},
                    {"cold_reason", text(of.load.cold_reason)},
                    {"uncompiled", whole(of.load.uncompiled_ns)},
                    {"compiled_gain", maybe(of.load.compiled_gain())},
                    {"warm", times(of.load.warm_ns)}};
  out["first_token_ns"] = {{"cold", times(of.first_token.cold_ns)},
                           {"warm", times(of.first_token.warm_ns)},
                           {"cached", times(of.first_token.cached_ns)},
                           {"cached_prefix_tokens", of.first_token.cached_prefix_tokens},
                           {"cached_saving", maybe(of.first_token.cached_saving())},
                           {"tokenizer_share", maybe(of.tokenizer_share())}};
  out["prefill_tokens_per_second"] = speeds(of.prefill_tokens_per_second);
  out["decode_tokens_per_second"] = speeds(of.decode_tokens_per_second);
  out["step_ns"] = times(of.step_ns);
  out["request_ns"] = times(of.request_ns);
  out["stages"] = of.stages ? stages(*of.stages) : Json();
  out["stages_reason"] = text(of.stages_reason);
  out["batches"] = batches(of.batches);
  out["batches_reason"] = text(of.batches_reason);
  out["batch_policy"] = policies(of.batches);
  out["memory"] = memory(of.memory);
  out["processor"] = {{"cpu_seconds", maybe(of.processor.cpu_seconds)},
                      {"utilisation", maybe(of.processor.utilisation)}};
  out["energy"] = energy(of.energy);
  out["thermal"] = thermal(of.thermal);
  out["drift"] = drift(of.drift);
  out["outputs"] = outputs(of.outputs);
  out["floor"] = floor(of.floor);
}

}  // namespace

Json times(const Series& of) { return series(of, true); }

void add_measurement(const std::optional<Measurement>& of, Json& configuration) {
  if (of) {
    add_present(*of, configuration);
    return;
  }
  for (const char* key : {"prompt_tokens",
                          "answer_tokens",
                          "visits",
                          "load_ns",
                          "first_token_ns",
                          "prefill_tokens_per_second",
                          "decode_tokens_per_second",
                          "step_ns",
                          "request_ns",
                          "stages",
                          "stages_reason",
                          "batches",
                          "batches_reason",
                          "batch_policy",
                          "memory",
                          "processor",
                          "energy",
                          "thermal",
                          "drift",
                          "outputs",
                          "floor"})
    configuration[key] = nullptr;
}

Json quality(const std::optional<Quality>& of) {
  if (!of) return {};
  Json perplexity;
  if (of->perplexity)
    perplexity = {{"token", of->perplexity->token},
                  {"word", maybe(of->perplexity->word)},
                  {"tokens", of->perplexity->tokens},
                  {"text", of->perplexity->text}};
  Json typos;
  if (of->typos)
    typos = {{"exact", maybe(of->typos->exact)},
             {"wer", maybe(of->typos->wer)},
             {"f05", maybe(of->typos->f05)},
             {"n", of->typos->n}};
  return {{"perplexity", std::move(perplexity)},
          {"tasks", Json(of->tasks)},
          {"typos", std::move(typos)},
          {"truncated_requests", Json(of->truncated_requests)}};
}

}  // namespace anemone::bench
