#include "forecast_report.h"

#include <fmt/format.h>

#include "terminal.h"

namespace anemone::tools {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kMostLines = 5;  // of a list, unless asked for more words

std::string percent(double share) { return fmt::format("{:.0f} %", 100 * share); }

/// Three digits are more than a prediction is worth.
std::string rate(double per_second) {
  return per_second >= 100 ? fmt::format("{:.0f}", per_second) : fmt::format("{:.3g}", per_second);
}

std::string megabytes(double bytes) {
  return bytes >= 0.05e6 || bytes == 0 ? fmt::format("{:.1f} MB", bytes / 1e6)
                                       : fmt::format("{:.2g} MB", bytes / 1e6);
}

std::string milliseconds(double value) {
  return value >= 0.005 || value == 0 ? fmt::format("{:.2f} ms", value)
                                      : fmt::format("{:.2g} ms", value);
}

std::string floor_of(const ane::DecodingForecast& decoding) {
  return decoding.weight_bytes + decoding.cache_bytes > 0
             ? rate(decoding.floor_tokens_per_second) + " tok/s"
             : "none";
}

std::string prompt_of(const ane::DecodingForecast& decoding) {
  std::string text = counted(static_cast<size_t>(decoding.prompt_tokens), "token");
  if (decoding.cached_tokens > 0) text += fmt::format(", {} cached", decoding.cached_tokens);
  if (decoding.prompt_is_cut) text += " (all that this context holds)";
  return text;
}

std::string energy_text(const std::optional<ane::EnergyForecast>& energy) {
  if (!energy) return "n/a, no power of this chip's Neural Engine is published";
  return fmt::format(
      "predicted {:.2g} to {:.2g} J a token if the Neural Engine runs it all, of it alone (floor "
      "{:.2g} J; {})",
      energy->joules_low, energy->joules_high, energy->joules_floor, energy->source);
}

std::string decoding_text(const ane::DecodingForecast& decoding) {
  return fmt::format(
      "    decoding     predicted {} tok/s if the Neural Engine runs it all, context {} full "
      "(floor {}: "
      "{} of weights, {} of caches)\n"
      "    first token  predicted {:.3g} ms after {} in steps of {} (floor {:.3g} ms)\n"
      "    energy       {}\n",
      rate(decoding.tokens_per_second), decoding.context, floor_of(decoding),
      megabytes(decoding.weight_bytes), megabytes(decoding.cache_bytes), decoding.first_token_ms,
      prompt_of(decoding), decoding.prompt_width, decoding.first_token_floor_ms,
      energy_text(decoding.energy));
}

constexpr std::string_view kNoPlacedSpeed =
    "attention stays on the CPU, of whose layers under Core ML no speed is published";

std::string placed_text(const ane::PlacedForecast& placed) {
  const auto& [speed, first] = std::pair(placed.tokens_per_second, placed.first_token_ms);
  std::string text = fmt::format(
      "    as placed    predicted {} tok/s, first token {}; of a token's step {:.3g} ms on "
      "the CPU, {:.3g} ms for changes of side",
      speed ? rate(*speed) : "n/a", first ? fmt::format("{:.3g} ms", *first) : "n/a", placed.cpu_ms,
      placed.changes_ms);
  if (placed.cpu_functions > 0)
    text += fmt::format("; {} of {} stay on the CPU", placed.cpu_functions,
                        counted(placed.functions, "program"));
  if (!speed || !first) text += fmt::format("; n/a: {}", kNoPlacedSpeed);
  return text + "\n";
}

std::string sweep_text(const ane::DecodingForecast& decoding) {
  return fmt::format(
      "    context {}, batch {}: predicted {} tok/s if the Neural Engine runs it all (floor {}), "
      "first token {:.3g} ms after {} (floor {:.3g} ms), {}\n",
      decoding.context, decoding.batch, rate(decoding.tokens_per_second), floor_of(decoding),
      decoding.first_token_ms, prompt_of(decoding), decoding.first_token_floor_ms,
      decoding.energy
          ? fmt::format("{:.2g} to {:.2g} J a token (floor {:.2g} J)", decoding.energy->joules_low,
                        decoding.energy->joules_high, decoding.energy->joules_floor)
          : "energy n/a");
}

std::string residency_text(const ane::FunctionForecast& function) {
  if (function.below_launch_cost) return "below the launch cost: stays on the CPU, not judged";
  return percent(function.residency) + " of its time on the Neural Engine, " +
         counted(function.segments, "segment");
}

std::string function_text(const ane::FunctionForecast& function, bool verbose) {
  std::string text = fmt::format("    {}: predicted {} (floor {}), {}{}\n", function_name(function),
                                 milliseconds(function.milliseconds),
                                 milliseconds(function.floor_ms), residency_text(function),
                                 function.has_unknown_shapes ? "; unknown dimensions as 1" : "");
  const size_t shown =
      verbose ? function.interruptions.size() : std::min(kMostLines, function.interruptions.size());
  for (size_t i = 0; i < shown; ++i)
    text += "      " + cut_text(function, function.interruptions[i]) + "\n";
  if (shown < function.interruptions.size()) {
    text += fmt::format("      and {} more (-v)\n", function.interruptions.size() - shown);
  }
  if (!verbose) return text;
  for (const ane::PlacedOperation& op : function.operations) {
    if (op.obstacle.empty()) continue;
    text +=
        fmt::format("      '{}' ({}): predicted on the CPU: {}\n", op.name, op.type, op.obstacle);
  }
  return text;
}

std::string difference_text(const ane::PlanDifference& difference) {
  return fmt::format("      {}: '{}' ({}): predicted {}, planned {}\n", difference.function,
                     difference.operation, difference.type, to_string(difference.predicted),
                     to_string(difference.planned));
}

std::string list_text(const std::vector<ane::PlanDifference>& list, bool verbose) {
  const size_t shown = verbose ? list.size() : std::min(kMostLines, list.size());
  std::string text;
  for (size_t i = 0; i < shown; ++i) text += difference_text(list[i]);
  if (shown < list.size()) text += fmt::format("      and {} more (-v)\n", list.size() - shown);
  return text;
}

std::string comparison_text(const ArtifactForecast& artifact, bool verbose) {
  const ane::PlanComparison& plan = *artifact.comparison;
  const std::string shares =
      plan.shares ? fmt::format("Neural Engine {}, GPU {}, CPU {} of its estimated cost",
                                percent(plan.shares->neural_engine), percent(plan.shares->gpu),
                                percent(plan.shares->cpu))
                  : "shares n/a, it does not estimate the cost of every op";
  std::string text = fmt::format(
      "  planned by Core ML on {}, {} ({}): {}\n"
      "    predicted units agree with the plan for {} of {}",
      plan.device, plan.operating_system, artifact.plan, shares, plan.agreeing,
      counted(plan.operations, "op"));
  if (plan.unmatched > 0) text += fmt::format("; {} of the plan not found", plan.unmatched);
  text += "\n";
  if (!plan.differences.empty()) text += "    different\n" + list_text(plan.differences, verbose);
  if (!plan.off_engine.empty()) {
    text += fmt::format("    planned off the Neural Engine: {}\n",
                        counted(plan.off_engine.size(), "op"));
    if (verbose) text += list_text(plan.off_engine, true);
  }
  return text;
}

Json function_json(const ane::FunctionForecast& function) {
  Json json = {{"package", function.package.empty() ? Json() : Json(function.package)},
               {"function", function.function},
               {"milliseconds", function.milliseconds},
               {"launch_ms", function.launch_ms},
               {"cpu_ms", function.cpu_ms},
               {"floor_ms", function.floor_ms},
               {"segments", function.segments},
               {"residency", function.below_launch_cost ? Json() : Json(function.residency)},
               {"below_launch_cost", function.below_launch_cost},
               {"has_unknown_shapes", function.has_unknown_shapes},
               {"interruptions", Json::array()},
               {"operations", Json::array()}};
  for (const ane::Interruption& cut : function.interruptions) {
    json["interruptions"].push_back({{"operation", cut.operation},
                                     {"type", cut.type},
                                     {"obstacle", cut.obstacle},
                                     {"operations", cut.operations},
                                     {"obstructed", cut.obstructed},
                                     {"saves_ms", cut.saves_ms}});
  }
  for (const ane::PlacedOperation& op : function.operations) {
    json["operations"].push_back({{"name", op.name},
                                  {"type", op.type},
                                  {"unit", to_string(op.unit)},
                                  {"milliseconds", op.milliseconds},
                                  {"obstacle", op.obstacle.empty() ? Json() : Json(op.obstacle)}});
  }
  return json;
}

Json placed_json(const ane::PlacedForecast& placed) {
  const auto or_null = [](std::optional<double> value) { return value ? Json(*value) : Json(); };
  const bool is_whole = placed.tokens_per_second && placed.first_token_ms;
  return {{"tokens_per_second", or_null(placed.tokens_per_second)},
          {"first_token_ms", or_null(placed.first_token_ms)},
          {"missing", is_whole ? Json() : Json(kNoPlacedSpeed)},
          {"cpu_ms", placed.cpu_ms},
          {"changes_ms", placed.changes_ms},
          {"cpu_functions", placed.cpu_functions},
          {"functions", placed.functions}};
}

Json decoding_json(const ane::DecodingForecast& decoding) {
  const auto& energy = decoding.energy;
  return {{"batch", decoding.batch},
          {"if_all_on_neural_engine", true},
          {"tokens_per_second", decoding.tokens_per_second},
          {"floor_tokens_per_second", decoding.floor_tokens_per_second},
          {"weights_ms", decoding.weights_ms},
          {"compute_ms", decoding.compute_ms},
          {"attention_ms", decoding.attention_ms},
          {"overhead_ms", decoding.overhead_ms},
          {"weight_bytes", decoding.weight_bytes},
          {"cache_bytes", decoding.cache_bytes},
          {"context", decoding.context},
          {"prompt_tokens", decoding.prompt_tokens},
          {"prompt_is_cut", decoding.prompt_is_cut},
          {"cached_tokens", decoding.cached_tokens},
          {"prompt_width", decoding.prompt_width},
          {"first_token_ms", decoding.first_token_ms},
          {"first_token_floor_ms", decoding.first_token_floor_ms},
          {"placed", decoding.placed ? placed_json(*decoding.placed) : Json()},
          {"joules_low", energy ? Json(energy->joules_low) : Json()},
          {"joules_high", energy ? Json(energy->joules_high) : Json()},
          {"joules_floor", energy ? Json(energy->joules_floor) : Json()},
          {"power_source", energy ? Json(energy->source) : Json()}};
}

Json differences_json(const std::vector<ane::PlanDifference>& differences) {
  Json list = Json::array();
  for (const ane::PlanDifference& difference : differences) {
    list.push_back({{"function", difference.function},
                    {"operation", difference.operation},
                    {"type", difference.type},
                    {"predicted", to_string(difference.predicted)},
                    {"planned", to_string(difference.planned)}});
  }
  return list;
}

Json comparison_json(const ArtifactForecast& artifact) {
  const ane::PlanComparison& plan = *artifact.comparison;
  return {{"file", artifact.plan},
          {"device", plan.device},
          {"operating_system", plan.operating_system},
          {"operations", plan.operations},
          {"agreeing", plan.agreeing},
          {"unmatched", plan.unmatched},
          {"cpu_share", plan.shares ? Json(plan.shares->cpu) : Json()},
          {"gpu_share", plan.shares ? Json(plan.shares->gpu) : Json()},
          {"neural_engine_share", plan.shares ? Json(plan.shares->neural_engine) : Json()},
          {"differences", differences_json(plan.differences)},
          {"off_engine", differences_json(plan.off_engine)}};
}

}  // namespace

std::string function_name(const ane::FunctionForecast& function) {
  return function.package.empty() ? function.function : function.package + ": " + function.function;
}

std::string cut_text(const ane::FunctionForecast& function, const ane::Interruption& cut) {
  std::string text = fmt::format(
      "{} '{}' ({}): {}; {}", function.segments > 0 ? "cut at" : "kept off by", cut.operation,
      cut.type, cut.obstacle.empty() ? "cheaper on the CPU" : cut.obstacle,
      counted(cut.operations, "op"));
  if (cut.obstructed > 1) text += fmt::format(", of which {} have an obstacle", cut.obstructed);
  constexpr double kShown = 5e-4;
  return cut.saves_ms < kShown
             ? text
             : text + fmt::format("; a fix saves {:.3f} ms, predicted", cut.saves_ms);
}

std::string forecast_text(const ArtifactForecast& artifact, bool verbose) {
  if (!artifact.forecast) return "  no prediction of speed: " + artifact.missing + "\n";
  const ane::Forecast& forecast = *artifact.forecast;
  std::string text =
      fmt::format("  predicted for {} through {} (weights at {:.1f} GB/s: {})\n", forecast.label,
                  forecast.stack, forecast.bandwidth_gbps, forecast.bandwidth_source);
  if (forecast.decoding) {
    text += decoding_text(*forecast.decoding);
    if (forecast.decoding->placed) text += placed_text(*forecast.decoding->placed);
  }
  if (forecast.decoding_error)
    text += "    decoding     no prediction: " + forecast.decoding_error->to_string() + "\n";
  for (const ane::DecodingForecast& decoding : forecast.sweep) text += sweep_text(decoding);
  text += "    residency    predicted ";
  text += forecast.residency ? percent(*forecast.residency) + " of the time on the Neural Engine\n"
                             : "nothing: all programs are below the launch cost, not judged\n";
  if (forecast.decoding)
    text += fmt::format(
        "    each function by itself, predicted: ops and launches; the {:.3g} ms of calls and "
        "layers "
        "that a step has by the formula above are not in it\n",
        forecast.decoding->overhead_ms);
  for (const ane::FunctionForecast& function : forecast.functions) {
    text += function_text(function, verbose);
  }
  if (artifact.comparison) text += comparison_text(artifact, verbose);
  return text;
}

nlohmann::ordered_json forecast_json(const ArtifactForecast& artifact) {
  if (!artifact.forecast) return {{"predicted", true}, {"missing", artifact.missing}};
  const ane::Forecast& forecast = *artifact.forecast;
  Json json = {{"predicted", true},
               {"chip", forecast.chip},
               {"stack", forecast.stack},
               {"bandwidth_gbps", forecast.bandwidth_gbps},
               {"bandwidth_source", forecast.bandwidth_source},
               {"residency", forecast.residency ? Json(*forecast.residency) : Json()},
               {"decoding", forecast.decoding ? decoding_json(*forecast.decoding) : Json()},
               {"decoding_missing",
                forecast.decoding_error ? Json(forecast.decoding_error->to_string()) : Json()},
               {"sweep", Json::array()},
               {"functions", Json::array()},
               {"plan", artifact.comparison ? comparison_json(artifact) : Json()}};
  for (const ane::DecodingForecast& decoding : forecast.sweep) {
    json["sweep"].push_back(decoding_json(decoding));
  }
  for (const ane::FunctionForecast& function : forecast.functions) {
    json["functions"].push_back(function_json(function));
  }
  return json;
}

}  // namespace anemone::tools
