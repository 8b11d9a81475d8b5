#include "probe_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "simulated_heading.h"

namespace anemone::tools {
namespace {

using Json = nlohmann::ordered_json;

std::string number(double value) {
  return std::isfinite(value) ? fmt::format("{:.3g}", value) : "inf";
}

std::string psnr(const probe::PointError& point) {
  if (!point.psnr_db) return "exact";
  return std::isfinite(*point.psnr_db) ? fmt::format("{:.1f}", *point.psnr_db) : "n/a";
}

Json json_number(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

Json json_number(const std::optional<double>& value) {
  return value ? json_number(*value) : Json(nullptr);
}

Json json_name(const probe::Report& report, const std::optional<size_t>& index) {
  return index ? Json(report.points[*index].name) : Json(nullptr);
}

/// "layer.3" of "layer.3.mlp.down"; other points are their own.
std::string layer_of(const std::string& point) {
  const size_t dot = point.find('.', point.find('.') + 1);
  return point.starts_with("layer.") ? point.substr(0, dot) : point;
}

Json json_layer(const probe::Report& report, const std::optional<size_t>& index) {
  return index ? Json(layer_of(report.points[*index].name)) : Json(nullptr);
}

Json json_point(const probe::PointError& point) {
  return {{"name", point.name},
          {"tokens", point.rows},
          {"channels", point.channels},
          {"max_error", json_number(point.max_abs)},
          {"mean_error", json_number(point.mean_abs)},
          {"mse", json_number(point.mse)},
          {"relative_error", json_number(point.relative)},
          {"relative_l2", json_number(point.relative_l2)},
          {"psnr_db", json_number(point.psnr_db)},
          {"cosine", json_number(point.cosine)},
          {"growth", json_number(point.growth)},
          {"over_tolerance", point.over},
          {"is_choice", point.is_choice},
          {"stands_out", point.stands_out},
          {"stray_channel", point.stray_channel ? Json(*point.stray_channel) : Json()}};
}

std::string standing_out_text(const probe::PointError& point) {
  if (point.is_choice && point.max_abs > 0) return "  chosen otherwise";
  if (!point.stands_out) return "";
  return point.stray_channel ? fmt::format("  stands out (channel {})", *point.stray_channel)
                             : "  stands out";
}

std::string operation_text(const probe::OperationError& found) {
  return fmt::format(
      "first operation over tolerance: {} ({}) of function {}{} at token {}: "
      "largest error {}, relative {}\n",
      found.value, found.type, found.function, found.package.empty() ? "" : " of " + found.package,
      found.token, number(found.error.max_abs), number(found.error.relative));
}

std::string findings(const probe::Report& report) {
  std::string text;
  const auto line = [&](std::string_view what, const std::optional<size_t>& index) {
    if (!index) return;
    const std::string& name = report.points[*index].name;
    text += fmt::format("{}: {} ({})\n", what, layer_of(name), name);
  };
  line("first that differs", report.first_different);
  line("first over tolerance", report.first_over);
  line("first where the error grows far more than in other layers, or in one channel",
       report.first_standing_out);
  return text;
}

}  // namespace

std::string probe_text(const probe::Report& report, const ProbeSubject& subject) {
  size_t width = 5;
  for (const auto& point : report.points) width = std::max(width, point.name.size());
  std::string text =
      std::string(subject.simulated ? kSimulatedHeading : "") +
      fmt::format("{:<{}}  {:>9}  {:>9}  {:>9}  {:>9}  {:>9}  {:>6}  {:>9}\n", "point", width,
                  "max", "mean", "mse", "relative", "l2", "PSNR", "cosine");
  for (const probe::PointError& point : report.points)
    text +=
        fmt::format("{:<{}}  {:>9}  {:>9}  {:>9}  {:>9}  {:>9}  {:>6}  {:>9.6f}{}{}\n", point.name,
                    width, number(point.max_abs), number(point.mean_abs), number(point.mse),
                    number(point.relative), number(point.relative_l2), psnr(point), point.cosine,
                    point.over ? "  over tolerance" : "", standing_out_text(point));
  for (const std::string& each : report.shapes_differ) text += "shapes differ: " + each + '\n';
  for (const std::string& each : report.skipped) text += "not compared: " + each + '\n';
  if (report.stream_scale != 1)
    text +=
        fmt::format("the model keeps its residual stream multiplied by {}, which is undone here\n",
                    report.stream_scale);
  if (report.top1_agreement)
    text += fmt::format("logits: the same likeliest token at {:.1f} %, KL divergence {} nats\n",
                        *report.top1_agreement * 100, number(*report.kl_divergence));
  text += findings(report);
  if (subject.operation) text += operation_text(*subject.operation);
  if (subject.bisected && !subject.operation) text += "no operation is over tolerance\n";
  const std::string tokens =
      subject.tokens > 0 ? fmt::format("{} tokens, ", subject.tokens) : std::string();
  return text + fmt::format("{}relative error {} and mean squared error {} at most: {}\n", tokens,
                            number(subject.tolerance.relative), number(subject.tolerance.mse),
                            report.passed() ? "passed" : "failed");
}

std::string probe_json(const probe::Report& report, const ProbeSubject& subject) {
  Json document = {
      {"version", 1},
      {"model", subject.model},
      {"reference", subject.reference},
      {"simulated", subject.simulated},
      {"tokens", subject.tokens > 0 ? Json(subject.tokens) : Json(nullptr)},
      {"tolerance",
       {{"relative_error", subject.tolerance.relative}, {"mse", subject.tolerance.mse}}},
      {"passed", report.passed()},
      {"points", Json::array()},
      {"not_compared", report.skipped},
      {"shapes_differ", report.shapes_differ},
      {"stream_scale", report.stream_scale},
      {"top1_agreement", json_number(report.top1_agreement)},
      {"kl_divergence", json_number(report.kl_divergence)},
      {"first_different", json_name(report, report.first_different)},
      {"first_over_tolerance", json_name(report, report.first_over)},
      {"first_layer_over_tolerance", json_layer(report, report.first_over)},
      {"first_standing_out", json_name(report, report.first_standing_out)},
      {"first_layer_standing_out", json_layer(report, report.first_standing_out)}};
  for (const probe::PointError& point : report.points)
    document["points"].push_back(json_point(point));
  if (subject.bisected) document["first_operation"] = nullptr;
  if (subject.operation) {
    const probe::OperationError& found = *subject.operation;
    document["first_operation"] = {{"package", found.package},
                                   {"function", found.function},
                                   {"value", found.value},
                                   {"type", found.type},
                                   {"token", found.token},
                                   {"max_error", json_number(found.error.max_abs)},
                                   {"relative_error", json_number(found.error.relative)}};
  }
  return document.dump(2) + '\n';
}

}  // namespace anemone::tools
