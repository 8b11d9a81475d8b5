#include "records_report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "terminal.h"

namespace anemone::tools {
namespace {

using Json = nlohmann::ordered_json;

std::string percent(double share) { return fmt::format("{:.1f} %", 100 * share); }

std::string trace_text(const ane::TraceRecord& trace) {
  std::string text = fmt::format("recorded on {}, {}: {} of Core ML in {:.2f} ms\n", trace.device,
                                 trace.operating_system, counted(trace.predictions, "prediction"),
                                 trace.prediction_ms);
  if (trace.shares)
    text += fmt::format(
        "  recorded residency: Neural Engine {}, GPU {}, CPU {}, not attributed {} of that time\n",
        percent(trace.shares->neural_engine), percent(trace.shares->gpu),
        percent(trace.shares->cpu), percent(trace.shares->unattributed));
  else
    text +=
        "  recorded residency: n/a, it takes coreml-os-signpost with predictions and "
        "ane-hw-intervals\n";
  text += fmt::format("  recorded on the Neural Engine, of any process: {} in {:.2f} ms\n",
                      counted(trace.neural_engine_intervals, "interval"), trace.neural_engine_ms);
  if (!trace.ignored.empty())
    text += fmt::format("  tables that say nothing of it: {}\n", fmt::join(trace.ignored, ", "));
  return text;
}

std::string log_text(const ane::LogRecord& log) {
  std::string text =
      fmt::format("logged: {} of Core ML among {}", counted(log.core_ml_lines, "line"), log.lines);
  switch (log.verdict) {
    case ane::LogVerdict::none:
      return text + ": none, which says nothing of the Neural Engine\n";
    case ane::LogVerdict::other:
      return text + ": other, none of them says where it ran\n";
    case ane::LogVerdict::matched:
      break;
  }
  text += ": matched\n";
  for (const ane::LogMatch& match : log.matches)
    text += fmt::format("  {} the Neural Engine, by its words: '{}', {}, first in line {} ({})\n",
                        match.sign == ane::LogSign::ran ? "ran on" : "left", match.pattern,
                        counted(match.lines, "line"), match.first_line, match.source);
  return text;
}

Json trace_json(const ane::TraceRecord& trace) {
  Json shares;
  if (trace.shares)
    shares = {{"neural_engine", trace.shares->neural_engine},
              {"gpu", trace.shares->gpu},
              {"cpu", trace.shares->cpu},
              {"unattributed", trace.shares->unattributed}};
  return {{"device", trace.device},
          {"operating_system", trace.operating_system},
          {"tables", trace.tables},
          {"ignored_tables", trace.ignored},
          {"predictions", trace.predictions},
          {"prediction_ms", trace.prediction_ms},
          {"neural_engine_intervals", trace.neural_engine_intervals},
          {"neural_engine_ms", trace.neural_engine_ms},
          {"shares", shares}};
}

Json log_json(const ane::LogRecord& log) {
  Json json = {{"verdict", to_string(log.verdict)},
               {"lines", log.lines},
               {"core_ml_lines", log.core_ml_lines},
               {"matches", Json::array()}};
  for (const ane::LogMatch& match : log.matches)
    json["matches"].push_back({{"pattern", match.pattern},
                               {"sign", to_string(match.sign)},
                               {"source", match.source},
                               {"lines", match.lines},
                               {"first_line", match.first_line}});
  return json;
}

}  // namespace

Result<DeviceRecords> read_records(const std::vector<std::string>& trace, const std::string& log) {
  DeviceRecords records;
  if (!trace.empty()) {
    const std::vector<std::filesystem::path> files(trace.begin(), trace.end());
    ANEMONE_TRY(records.trace, ane::read_trace(files));
  }
  if (!log.empty()) {
    ANEMONE_TRY(records.log, ane::read_log(log));
  }
  return records;
}

std::string records_text(const DeviceRecords& records) {
  return (records.trace ? trace_text(*records.trace) : "") +
         (records.log ? log_text(*records.log) : "");
}

Json records_json(const DeviceRecords& records) {
  if (!records.trace && !records.log) return {};
  return {{"recorded", true},
          {"trace", records.trace ? trace_json(*records.trace) : Json()},
          {"log", records.log ? log_json(*records.log) : Json()}};
}

Status judge_recorded_residency(const ane::TraceRecord& trace, double least) {
  if (!trace.shares)
    return Error{ErrorCode::mismatch,
                 "the trace records no residency",
                 {},
                 "it takes the tables coreml-os-signpost, with predictions, and ane-hw-intervals"};
  if (trace.shares->neural_engine >= least) return {};
  return Error{ErrorCode::mismatch,
               fmt::format("the recorded residency is {}, less than {}",
                           percent(trace.shares->neural_engine), percent(least)),
               {},
               {}};
}

}  // namespace anemone::tools
