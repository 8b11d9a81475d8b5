#include <cmath>
#include <nlohmann/json.hpp>

#include "anemone/bench.h"
#include "anemone/version.h"
#include "bench/judgement.h"

namespace anemone::bench {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kResamples = statistics::BootstrapOptions().resamples;

Json text(const std::string& value) { return value.empty() ? Json() : Json(value); }

template <typename T>
Json maybe(const std::optional<T>& value) {
  return value ? Json(*value) : Json();
}

Json positive(double value) { return value > 0 ? Json(value) : Json(); }

Json whole(double value) { return static_cast<int64_t>(std::llround(value)); }

Json whole(const std::optional<double>& value) { return value ? whole(*value) : Json(); }

Json interval(const statistics::Interval& value) { return Json::array({value.low, value.high}); }

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

Json times(const Series& of) { return series(of, true); }
Json speeds(const Series& of) { return series(of, false); }

Json machine(const Machine& of) {
  return {{"cpu", of.cpu},
          {"architecture", of.architecture},
          {"cores", of.cores},
          {"memory_bytes", of.memory_bytes},
          {"os", of.os},
          {"accelerator", text(of.accelerator)},
          {"cache_bytes", of.cache_bytes > 0 ? Json(of.cache_bytes) : Json()},
          {"bandwidth_bytes_per_second", positive(of.read_bytes_per_s)},
          {"identity", of.identity()}};
}

Json model(const Model& of) {
  return {{"name", of.name},
          {"path", of.path},
          {"form", of.form},
          {"architecture", of.architecture},
          {"hash", of.hash},
          {"weight_bytes", of.weight_bytes},
          {"numerics", to_string(of.numerics)},
          {"simulated", of.numerics == runtime::Numerics::ane},
          {"vocabulary", of.vocabulary}};
}

Json settings(const Options& of, const std::string& isa) {
  const std::string prompt = of.prompt_name.empty() ? "built-in text" : of.prompt_name;
  return {{"preset", text(of.preset)},
          {"contexts", of.contexts},
          {"prefill", of.prefill},
          {"chunks", of.chunks},
          {"compute_units", of.compute_units},
          {"backend", to_string(of.backend)},
          {"threads", of.threads},
          {"isa", text(isa)},
          {"repetitions", of.repetitions},
          {"warmup", of.warmup},
          {"loads", of.loads},
          {"stage_requests", of.stage_requests},
          {"answer_tokens", of.answer_tokens},
          {"seed", of.seed},
          {"confidence", of.confidence},
          {"bootstrap_resamples", kResamples},
          {"prompt", prompt},
          {"quantize", of.quantize.size() == 1 ? Json(of.quantize[0]) : Json()},
          {"schemes", of.quantize}};
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

Json predictions(const std::vector<Prediction>& of) {
  Json list = Json::array();
  for (const Prediction& one : of)
    list.push_back({{"chip", one.chip},
                    {"decode_tokens_per_second", one.tokens_per_second},
                    {"first_token_ns", whole(one.first_token_ns)},
                    {"prompt_tokens", one.prompt_tokens},
                    {"floor_tokens_per_second", one.floor_tokens_per_second},
                    {"residency", maybe(one.residency)},
                    {"joules_per_token_low", positive(one.joules_low)},
                    {"joules_per_token_high", positive(one.joules_high)},
                    {"source", one.source}});
  return list;
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
          {"typos", std::move(typos)}};
}

void add_measurement(Json& out, const Measurement& of) {
  out["prompt_tokens"] = of.prompt_tokens;
  out["answer_tokens"] = of.answer_tokens;
  out["load_ns"] = {{"cold", whole(of.load.cold_ns)},
                    {"cold_reason", text(of.load.cold_reason)},
                    {"uncompiled", whole(of.load.uncompiled_ns)},
                    {"compiled_gain", maybe(of.load.compiled_gain())},
                    {"warm", times(of.load.warm_ns)}};
  out["first_token_ns"] = {{"cold", times(of.first_token.cold_ns)},
                           {"warm", times(of.first_token.warm_ns)},
                           {"cached", times(of.first_token.cached_ns)},
                           {"cached_prefix_tokens", of.first_token.cached_prefix_tokens},
                           {"cached_saving", maybe(of.first_token.cached_saving())}};
  out["prefill_tokens_per_second"] = speeds(of.prefill_tokens_per_second);
  out["decode_tokens_per_second"] = speeds(of.decode_tokens_per_second);
  out["step_ns"] = times(of.step_ns);
  out["request_ns"] = times(of.request_ns);
  out["stages"] = of.stages ? stages(*of.stages) : Json();
  out["stages_reason"] = text(of.stages_reason);
  out["memory"] = memory(of.memory);
  out["processor"] = {{"cpu_seconds", maybe(of.processor.cpu_seconds)},
                      {"utilisation", maybe(of.processor.utilisation)}};
  out["energy"] = energy(of.energy);
  out["thermal"] = thermal(of.thermal);
  out["drift"] = drift(of.drift);
  out["outputs"] = outputs(of.outputs);
  out["floor"] = floor(of.floor);
}

Json functions(const std::vector<FunctionTimes>& of) {
  Json list = Json::array();
  for (const FunctionTimes& one : of) {
    Json operations = Json::array();
    for (const OperationTime& time : one.operations) {
      const statistics::Summary& whole_call = *one.predict_ns.summary;
      operations.push_back(
          {{"name", time.name},
           {"type", time.type},
           {"unit", time.unit},
           {"share", time.share},
           {"min_ns", whole(time.share * whole_call.min)},
           {"max_ns", whole(time.share * whole_call.max)},
           {"mean_ns", whole(time.share * whole_call.mean)},
           {"stddev_ns", whole_call.stddev ? whole(time.share * *whole_call.stddev) : Json()},
           {"median_ns", whole(time.share * whole_call.median)}});
    }
    list.push_back({{"package", one.package},
                    {"function", one.function},
                    {"load_ns", times(one.load_ns)},
                    {"predict_ns", times(one.predict_ns)},
                    {"operations", std::move(operations)},
                    {"reason", text(one.reason)}});
  }
  return list;
}

Json execution(const runtime::Execution& of) {
  return {{"backend", to_string(of.backend)},
          {"compute_units", to_string(of.compute_units)},
          {"fell_back", has_fallen_back(of)},
          {"notes", of.notes}};
}

Json configuration(const Configuration& of) {
  Json out = {{"id", of.id()},
              {"context_tokens", of.context_tokens},
              {"prefill_block_tokens", maybe(of.prefill_block_tokens)},
              {"chunks", maybe(of.chunks)},
              {"quantize", text(of.quantize)},
              {"compute_units", of.compute_units},
              {"threads", of.threads},
              {"status", to_string(of.outcome)},
              {"reason", text(of.reason)},
              {"artifact", Json()},
              {"execution", of.execution ? execution(*of.execution) : Json()}};
  if (of.artifact)
    out["artifact"] = {{"name", of.artifact->name},
                       {"hash", of.artifact->hash},
                       {"weight_bytes", of.artifact->weight_bytes},
                       {"context_tokens", of.artifact->context_tokens},
                       {"converted", of.artifact->converted}};
  if (of.measurement) {
    add_measurement(out, *of.measurement);
  } else {
    for (const char* key : {"prompt_tokens", "answer_tokens", "load_ns", "first_token_ns",
                            "prefill_tokens_per_second", "decode_tokens_per_second", "step_ns",
                            "request_ns", "stages", "stages_reason", "memory", "processor",
                            "energy", "thermal", "drift", "outputs", "floor"})
      out[key] = nullptr;
  }
  out["functions"] = functions(of.functions);
  out["functions_reason"] = text(of.functions_reason);
  out["predicted"] = predictions(of.predicted);
  out["predicted_reason"] = text(of.predicted_reason);
  out["quality"] = of.measurement ? quality(of.measurement->quality) : Json();
  out["quality_reason"] = of.measurement ? text(of.measurement->quality_reason) : Json();
  return out;
}

Json scaling(const std::vector<Scaling>& of) {
  Json list = Json::array();
  for (const Scaling& one : of)
    list.push_back({{"metric", one.metric},
                    {"group", one.group},
                    {"points", one.points},
                    {"intercept", one.line.intercept},
                    {"slope", one.line.slope},
                    {"r2", one.line.r2}});
  return list;
}

Json best(const std::optional<Best>& of) {
  if (!of) return {};
  Json by = {{"decode_tokens_per_second", Json()},
             {"first_token_ns", Json()},
             {"peak_rss_bytes", Json()},
             {"joules_per_token", Json()}};
  for (const auto& [metric, id] : of->by) by[metric] = id;
  return {{"id", of->id}, {"rule", of->rule}, {"why", of->why}, {"by", std::move(by)}};
}

Json baseline(const std::optional<BaselineVerdict>& of) {
  if (!of) return {};
  Json compared = Json::array();
  for (const auto& one : of->compared)
    compared.push_back({{"id", one.id},
                        {"metric", one.metric},
                        {"baseline_median", one.baseline_median},
                        {"median", one.median},
                        {"slowdown", one.slowdown.value},
                        {"slowdown_ci95", interval(one.slowdown.interval)},
                        {"verdict", one.verdict}});
  return {{"file", of->file},
          {"status", of->regressed() ? "regressed" : "passed"},
          {"threshold", of->threshold},
          {"confidence", of->confidence},
          {"compared", std::move(compared)},
          {"missing", of->missing},
          {"lost", of->lost},
          {"other_artifacts", of->other_artifacts}};
}

Json targets(const std::vector<TargetVerdict>& of) {
  Json list = Json::array();
  for (const TargetVerdict& one : of)
    list.push_back({{"id", one.id},
                    {"metric", one.metric},
                    {"limit", one.limit},
                    {"median", maybe(one.median)},
                    {"floor", maybe(one.floor)},
                    {"met", maybe(one.met)}});
  return list;
}

Json phase2(const std::optional<Phase2Verdict>& of) {
  if (!of) return {};
  Json speedups = Json::array();
  for (const auto& one : of->speedups)
    speedups.push_back({{"context_tokens", one.context_tokens},
                        {"ratio", one.ratio.value},
                        {"ci95", interval(one.ratio.interval)}});
  return {{"target", kTargetSpeedup},
          {"expected", Json::array({kTargetSpeedup, kExpectedSpeedup})},
          {"speedup", std::move(speedups)},
          {"verdict", !of->met   ? "n/a"
                      : *of->met ? "met"
                                 : "not met"},
          {"reason", of->reason},
          {"identical_outputs", maybe(of->identical_outputs)},
          {"distilbert",
           {{"ane_ms", DistilBert::kAneMs},
            {"cpu_ms", DistilBert::kCpuMs},
            {"speedup", DistilBert::kCpuMs / DistilBert::kAneMs},
            {"speedup_range", Json::array({DistilBert::kLow, DistilBert::kHigh})},
            {"conditions", DistilBert::kConditions},
            {"source", DistilBert::kSource}}}};
}

}  // namespace

std::string to_json(const Report& report) {
  Json configurations = Json::array();
  for (const Configuration& one : report.configurations)
    configurations.push_back(configuration(one));
  const Json document = {{"anemone_bench", kDocumentVersion},
                         {"version", std::string(version())},
                         {"started", report.started},
                         {"seconds", report.seconds},
                         {"complete", report.complete},
                         {"machine", machine(report.machine)},
                         {"model", model(report.model)},
                         {"settings", settings(report.options, report.isa)},
                         {"configurations", std::move(configurations)},
                         {"scaling", scaling(report.scaling)},
                         {"best", best(report.best)},
                         {"baseline", baseline(report.baseline)},
                         {"phase2", phase2(report.phase2)},
                         {"targets", targets(report.targets)}};
  return document.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace anemone::bench
