#include "anemone/version.h"
#include "bench/baseline.h"
#include "bench/json_parts.h"
#include "bench/judgement.h"

namespace anemone::bench {
namespace {

constexpr size_t kResamples = statistics::BootstrapOptions().resamples;

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
          {"batches", of.batches},
          {"answer_tokens", of.answer_tokens},
          {"quality", of.quality},
          {"seed", of.seed},
          {"confidence", of.confidence},
          {"bootstrap_resamples", kResamples},
          {"prompt", prompt},
          {"quantize", of.quantize.size() == 1 ? Json(of.quantize[0]) : Json()},
          {"schemes", of.quantize}};
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
                       {"converted", of.artifact->converted},
                       {"checkpoint_hash", text(of.artifact->checkpoint_hash)}};
  add_measurement(of.measurement, out);
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
                        {"slowdown", one.slowdown},
                        {"slowdown_ci95", one.scatter ? interval(*one.scatter) : Json()},
                        {"baseline_visits_mean", one.baseline_visits_mean},
                        {"visits_mean", one.visits_mean},
                        {"visits_slowdown", one.visits_slowdown},
                        {"machine_slowdown", maybe(one.machine)},
                        {"adjusted_slowdown", one.adjusted ? Json(one.adjusted->value) : Json()},
                        {"adjusted_ci95", one.adjusted ? interval(one.adjusted->interval) : Json()},
                        {"baseline_visits", one.baseline_visits},
                        {"visits", one.visits},
                        {"verdict", one.verdict}});
  Json other_sizes = Json::array();
  for (const auto& one : of->other_sizes)
    other_sizes.push_back({{"id", one.id},
                           {"baseline_weight_bytes", one.baseline_weight_bytes},
                           {"weight_bytes", one.weight_bytes}});
  return {{"file", of->file},
          {"status", of->status()},
          {"threshold", of->threshold},
          {"confidence", of->confidence},
          {"rule", rule_of(*of)},
          {"compared", std::move(compared)},
          {"missing", of->missing},
          {"lost", of->lost},
          {"other_artifacts", of->other_artifacts},
          {"other_sizes", std::move(other_sizes)},
          {"remarks", of->remarks()}};
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
                         {"baseline_reason", text(baseline_reason(report))},
                         {"phase2", phase2(report.phase2)},
                         {"targets", targets(report.targets)}};
  return document.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace anemone::bench
