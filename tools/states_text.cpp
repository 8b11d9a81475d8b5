#include "states_text.h"

#include <fmt/ranges.h>

#include <algorithm>

namespace anemone::tools {
namespace {

using Json = nlohmann::ordered_json;
using runtime::StateTraffic;

Json traffic_json(const StateTraffic& traffic) {
  return {{"read_bytes", traffic.read_bytes},
          {"written_bytes", traffic.written_bytes},
          {"copied_bytes", traffic.copied_bytes},
          {"copies", traffic.copies}};
}

std::string shapes_text(const std::vector<runtime::Model::InputShape>& shapes) {
  std::vector<std::string> words;
  for (const auto& [name, shape] : shapes)
    words.push_back(fmt::format("{} {}", name, shape.to_string()));
  return fmt::format("{}", fmt::join(words, ", "));
}

/// `empty`: on empty states, where that is known.
std::string traffic_text(const std::vector<runtime::Model::InputShape>& shapes,
                         const StateTraffic& counted, const StateTraffic* empty) {
  std::string text = fmt::format(
      "a call{} reads {}{}, writes {}, ", shapes.empty() ? "" : " of " + shapes_text(shapes),
      human_bytes(counted.read_bytes),
      empty == nullptr ? "" : fmt::format(" (of empty states {})", human_bytes(empty->read_bytes)),
      human_bytes(counted.written_bytes));
  text += counted.copies == 0 ? "copies nothing"
                              : fmt::format("copies {} in {} operations",
                                            human_bytes(counted.copied_bytes), counted.copies);
  return text;
}

Json shapes_json(const std::vector<runtime::Model::InputShape>& shapes) {
  Json json = Json::object();
  for (const auto& [name, shape] : shapes)
    json[name] = std::vector<int64_t>(shape.begin(), shape.end());
  return json;
}

Json call_json(const runtime::CallStates& call) {
  return {{"shapes", shapes_json(call.shapes)}, {"counted", traffic_json(call.counted)}};
}

Json large_json(const std::optional<Result<runtime::CallStates>>& large) {
  if (!large) return Json();
  if (!large->ok()) return {{"error", large->error().to_string()}};
  return call_json(**large);
}

std::string large_text(const Result<runtime::CallStates>& large) {
  if (!large.ok()) return "no call of larger inputs: " + large.error().to_string();
  return traffic_text(large->shapes, large->counted, nullptr);
}

std::string layout_text(const runtime::StateLayout& state) {
  return fmt::format("{} {}, {}", anemone::to_string(state.dtype), state.shape.to_string(),
                     human_bytes(state.size_bytes));
}

void add_to(StateTraffic& total, const StateTraffic& more) {
  total.read_bytes += more.read_bytes;
  total.written_bytes += more.written_bytes;
  total.copied_bytes += more.copied_bytes;
  total.copies += more.copies;
}

}  // namespace

std::string human_bytes(uint64_t bytes) {
  constexpr double kMebibyte = 1024.0 * 1024.0;
  if (bytes < 1024) return fmt::format("{} B", bytes);
  if (bytes < 1024 * 1024) return fmt::format("{:.1f} KiB", static_cast<double>(bytes) / 1024);
  return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / kMebibyte);
}

Json states_json(const runtime::StateReport& report) {
  Json json = {
      {"size_bytes", report.size_bytes()}, {"layout", Json::array()}, {"functions", Json::array()}};
  for (const runtime::StateLayout& state : report.states)
    json["layout"].push_back(
        {{"name", state.name},
         {"dtype", anemone::to_string(state.dtype)},
         {"shape", std::vector<int64_t>(state.shape.begin(), state.shape.end())},
         {"size_bytes", state.size_bytes}});
  for (const runtime::FunctionStates& function : report.functions)
    json["functions"].push_back(
        {{"name", function.function},
         {"states", function.states},
         {"expected", function.expected ? traffic_json(*function.expected) : Json()},
         {"shapes", shapes_json(function.least.shapes)},
         {"counted", traffic_json(function.least.counted)},
         {"counted_empty", traffic_json(function.counted_empty)},
         {"large", large_json(function.large)},
         {"in_place", function.in_place}});
  return json;
}

std::string states_text(const runtime::StateReport& report) {
  std::string text;
  for (const runtime::StateLayout& state : report.states)
    text += fmt::format("    memory {:<26} {}\n", state.name, layout_text(state));
  for (const runtime::FunctionStates& function : report.functions) {
    const auto& [shapes, counted] = function.least;
    text += fmt::format("    {}: {}{}\n", function.function,
                        traffic_text(shapes, counted, &function.counted_empty),
                        function.in_place ? "" : "; the states moved");
    if (function.large)
      text += fmt::format("    {}: {}\n", function.function, large_text(*function.large));
    const auto& expected = function.expected;
    if (expected && (expected->read_bytes != counted.read_bytes ||
                     expected->written_bytes != counted.written_bytes))
      text += fmt::format("      the program alone: reads {}, writes {}\n",
                          human_bytes(expected->read_bytes), human_bytes(expected->written_bytes));
  }
  return text;
}

void StateTotals::add(const runtime::StateReport& report) {
  for (const runtime::StateLayout& state : report.states) {
    Shared& shared = states_[state.name];
    shared.size_bytes = std::max(shared.size_bytes, state.size_bytes);
    shared.layouts.insert(layout_text(state));
  }
  for (const runtime::FunctionStates& function : report.functions) {
    Function& total = functions_[function.function];
    add_to(total.counted, function.least.counted);
    add_to(total.counted_empty, function.counted_empty);
    if (total.shapes.empty()) total.shapes = function.least.shapes;
    if (function.large && !function.large->ok()) {
      total.large.reset();
    } else if (total.large) {
      const runtime::CallStates& large = function.large ? **function.large : function.least;
      if (total.large->shapes.empty()) total.large->shapes = large.shapes;
      add_to(total.large->counted, large.counted);
    }
  }
}

uint64_t StateTotals::size_bytes() const {
  uint64_t bytes = 0;
  for (const auto& [name, shared] : states_) bytes += shared.size_bytes;
  return bytes;
}

Json StateTotals::json() const {
  Json json = {
      {"size_bytes", size_bytes()}, {"differing", Json::array()}, {"functions", Json::array()}};
  for (const auto& [name, shared] : states_)
    if (shared.layouts.size() > 1) json["differing"].push_back(name);
  for (const auto& [name, total] : functions_)
    json["functions"].push_back({{"name", name},
                                 {"shapes", shapes_json(total.shapes)},
                                 {"counted", traffic_json(total.counted)},
                                 {"counted_empty", traffic_json(total.counted_empty)},
                                 {"large", total.has_large() ? call_json(*total.large) : Json()}});
  return json;
}

std::string StateTotals::text() const {
  if (states_.empty()) return "no states\n";
  std::string text = fmt::format("states of all packages: {}\n", human_bytes(size_bytes()));
  for (const auto& [name, shared] : states_)
    if (shared.layouts.size() > 1)
      text += fmt::format("  '{}' is not the same in all packages: {}\n", name,
                          fmt::join(shared.layouts, "; "));
  for (const auto& [name, total] : functions_) {
    text += fmt::format("  {}: {}\n", name,
                        traffic_text(total.shapes, total.counted, &total.counted_empty));
    if (total.has_large())
      text += fmt::format("  {}: {}\n", name,
                          traffic_text(total.large->shapes, total.large->counted, nullptr));
  }
  return text;
}

}  // namespace anemone::tools
