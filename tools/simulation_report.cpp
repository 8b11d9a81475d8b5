#include "simulation_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "terminal.h"

namespace anemone::tools {
namespace {

using Json = nlohmann::ordered_json;

std::string place(const simulate::Origin& origin) {
  return fmt::format("{}: {}: '{}' ({}){}{}", origin.package, origin.function, origin.operation,
                     origin.type, origin.part.empty() ? "" : ", ", origin.part);
}

std::string number(const std::optional<double>& value) {
  return value && std::isfinite(*value) ? fmt::format("{:.4f}", *value) : "n/a";
}

std::string difference(const simulate::Report& report) {
  if (!report.perplexity || !report.perplexity_fp32) return "";
  const double ratio = *report.perplexity / *report.perplexity_fp32;
  return std::isfinite(ratio) ? fmt::format(", {:+.2f} %", 100 * (ratio - 1)) : "";
}

std::string_view verdict(const simulate::Report& report) {
  if (!report.overflows.empty()) return "it overflows";
  return report.first_unsafe ? "the residual stream leaves the safe range" : "nothing overflows";
}

std::string at_token(std::string_view form, const std::optional<int64_t>& token) {
  return token ? fmt::format(fmt::runtime(form), *token) : "";
}

Json or_null(const std::optional<double>& value) {
  return value && std::isfinite(*value) ? Json(*value) : Json();
}

/// JSON has no infinity.
Json magnitude(double value) { return std::isfinite(value) ? Json(value) : Json("infinity"); }

Json or_null(const std::optional<int64_t>& token) { return token ? Json(*token) : Json(); }

Json to_json(const simulate::Origin& origin) {
  return {{"package", origin.package},
          {"function", origin.function},
          {"operation", origin.operation},
          {"operation_type", origin.type},
          {"part", origin.part.empty() ? Json() : Json(origin.part)}};
}

Json to_json(const simulate::Peak& peak) {
  Json json = {{"name", peak.name},
               {"largest", magnitude(peak.largest)},
               {"token", or_null(peak.token)},
               {"safe", peak.is_safe()}};
  json.update(to_json(peak.origin));
  return json;
}

}  // namespace

std::string simulation_text(const simulate::Report& report, bool verbose) {
  std::string text = fmt::format(
      "simulated on {} in the Neural Engine's arithmetic, {:.1f} s: {}\n",
      counted(static_cast<uint64_t>(report.tokens), "token"), report.seconds, verdict(report));
  text += fmt::format("  simulated perplexity {}, in fp32 {}{}; the same likeliest token {}\n",
                      number(report.perplexity), number(report.perplexity_fp32), difference(report),
                      report.top1_agreement
                          ? fmt::format("for {:.2f} % of tokens", 100 * *report.top1_agreement)
                          : "n/a");
  if (report.whole_windows)
    text += "  simulated in whole windows, padding included: tokens are not told apart\n";
  for (const simulate::Overflow& overflow : report.overflows)
    text += fmt::format("  simulated overflow: {}: {}{}\n", place(overflow.origin),
                        counted(overflow.elements, "element"),
                        at_token(" from token {} on", overflow.token));
  if (report.first_unsafe) {
    const simulate::Peak& first = report.stream[*report.first_unsafe];
    text += fmt::format("  simulated residual stream leaves the safe range, {}, first at {}: {}\n",
                        simulate::kLargestSafe, first.name, place(first.origin));
  }
  if (!report.stream.empty()) text += "  simulated residual stream, largest magnitudes:\n";
  for (const simulate::Peak& peak : report.stream)
    text += fmt::format("    {:<20} {:>10.2f}{}{}\n", peak.name, peak.largest,
                        at_token(" at token {}", peak.token), peak.is_safe() ? "" : ", not safe");
  for (const simulate::Saturation& one : report.saturations) {
    if (!verbose || one.beyond == 0) continue;
    text +=
        fmt::format("  simulated saturation: {}: {:.2f} % of operands beyond {}, up to {:.1f}\n",
                    place(one.origin),
                    100 * static_cast<double>(one.beyond) / static_cast<double>(one.elements),
                    one.table_end, one.largest);
  }
  return text;
}

Json simulation_json(const simulate::Report& report) {
  Json json = {
      {"simulated", true},
      {"numerics", runtime::to_string(runtime::Numerics::ane)},
      {"passed", report.passed()},
      {"tokens", report.tokens},
      {"windows", report.windows},
      {"whole_windows", report.whole_windows},
      {"perplexity", or_null(report.perplexity)},
      {"perplexity_fp32", or_null(report.perplexity_fp32)},
      {"top1_agreement", or_null(report.top1_agreement)},
      {"largest_safe", simulate::kLargestSafe},
      {"first_unsafe", report.first_unsafe ? to_json(report.stream[*report.first_unsafe]) : Json()},
      {"stream", Json::array()},
      {"overflows", Json::array()},
      {"saturations", Json::array()},
      {"seconds", report.seconds}};
  for (const simulate::Peak& peak : report.stream) json["stream"].push_back(to_json(peak));
  for (const simulate::Overflow& overflow : report.overflows) {
    Json entry = to_json(overflow.origin);
    entry["token"] = or_null(overflow.token);
    entry["elements"] = overflow.elements;
    json["overflows"].push_back(std::move(entry));
  }
  for (const simulate::Saturation& one : report.saturations) {
    Json entry = to_json(one.origin);
    entry["table_end"] = one.table_end;
    entry["largest"] = magnitude(one.largest);
    entry["beyond"] = one.beyond;
    entry["elements"] = one.elements;
    json["saturations"].push_back(std::move(entry));
  }
  return json;
}

}  // namespace anemone::tools
