#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "ane/records/xml_reader.h"
#include "anemone/device_records.h"
#include "base/error.h"
#include "base/mapped_file.h"
#include "base/read_number.h"

namespace anemone::ane {
namespace {

namespace fs = std::filesystem;

struct Interval {
  double begin = 0;  ///< nanoseconds from the start of the trace.
  double end = 0;
};

/// Time that intervals cover together, as intervals that do not touch, in order.
std::vector<Interval> merged(std::vector<Interval> intervals) {
  std::ranges::sort(intervals, {}, &Interval::begin);
  std::vector<Interval> apart;
  for (const Interval& next : intervals) {
    if (next.end <= next.begin) continue;
    if (apart.empty() || next.begin > apart.back().end)
      apart.push_back(next);
    else
      apart.back().end = std::max(apart.back().end, next.end);
  }
  return apart;
}

double length_of(const std::vector<Interval>& apart) {
  double length = 0;
  for (const Interval& interval : apart) length += interval.end - interval.begin;
  return length;
}

/// What two merged lists share.
std::vector<Interval> common(const std::vector<Interval>& a, const std::vector<Interval>& b) {
  std::vector<Interval> both;
  for (size_t i = 0, j = 0; i < a.size() && j < b.size();) {
    const Interval shared{std::max(a[i].begin, b[j].begin), std::min(a[i].end, b[j].end)};
    if (shared.begin < shared.end) both.push_back(shared);
    if (a[i].end < b[j].end)
      ++i;
    else
      ++j;
  }
  return both;
}

std::vector<Interval> joined(std::vector<Interval> a, const std::vector<Interval>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return merged(std::move(a));
}

/// A cell of a row: what it shows to a person, and what it holds.
struct Cell {
  std::string shown;
  std::string held;
  const std::string& words() const { return shown.empty() ? held : shown; }
};

struct Row {
  std::optional<Interval> interval;
  std::string event;  ///< coreml-model-event.
  std::string label;  ///< formatted-label.
  std::string state;  ///< gpu-state.
};

class Reader {
 public:
  Status read(const fs::path& file) {
    ANEMONE_TRY(const auto mapped, MappedFile::open(file));
    const auto bytes = mapped->bytes();
    XmlReader xml({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    return read_document(xml).in(file.string());
  }

  Result<TraceRecord> finish() && {
    if (device_.empty())
      return with_hint(fail(ErrorCode::mismatch,
                            "nothing says on which hardware these times were taken, so they are "
                            "not taken for any"),
                       "give the table of contents too: xcrun xctrace export --input FILE.trace "
                       "--toc");
    record_.device = device_;
    const auto predictions = merged(std::move(predictions_));
    const auto engine = merged(std::move(engine_));
    record_.prediction_ms = length_of(predictions) / kNanosecondsPerMs;
    record_.neural_engine_ms = length_of(engine) / kNanosecondsPerMs;
    if (has_engine_table_ && !predictions.empty()) record_.shares = shares(predictions, engine);
    return std::move(record_);
  }

 private:
  static constexpr double kNanosecondsPerMs = 1e6;

  /// Where units overlap, the Neural Engine counts before the GPU, and that before the CPU.
  RecordedShares shares(const std::vector<Interval>& predictions,
                        const std::vector<Interval>& engine) {
    const double whole = length_of(predictions);
    std::vector<Interval> taken;
    const auto share_of = [&](const std::vector<Interval>& unit) {
      const double before = length_of(taken);
      taken = joined(std::move(taken), common(predictions, unit));
      return (length_of(taken) - before) / whole;
    };
    RecordedShares result;
    result.neural_engine = share_of(engine);
    result.gpu = share_of(merged(std::move(gpu_)));
    result.cpu = share_of(merged(std::move(cpu_)));
    result.unattributed = std::max(0.0, 1 - result.neural_engine - result.gpu - result.cpu);
    return result;
  }

  Status read_document(XmlReader& xml) {
    ANEMONE_TRY(const XmlReader::Part first, xml.next());
    if (first != XmlReader::Part::start ||
        (xml.name() != "trace-toc" && xml.name() != "trace-query-result"))
      return with_hint(fail(ErrorCode::corrupt, "no export of a trace"),
                       "xcrun xctrace export writes them: --toc, and --xpath for tables");
    const bool contents = xml.name() == "trace-toc";
    for (;;) {
      ANEMONE_TRY(const XmlReader::Part part, xml.next());
      if (part == XmlReader::Part::done) return {};
      if (part != XmlReader::Part::start) continue;
      if (contents && xml.name() == "device") ANEMONE_RETURN_IF_ERROR(note_device(xml));
      if (!contents && xml.name() == "node") ANEMONE_RETURN_IF_ERROR(read_table(xml));
    }
  }

  Status note_device(const XmlReader& xml) {
    const auto value = [&](const char* name) {
      const std::string* found = xml.attribute(name);
      return found == nullptr ? std::string() : *found;
    };
    const std::string model = value("model");
    const std::string platform = value("platform");
    if (platform.find("Simulator") != std::string::npos ||
        model.find("Simulator") != std::string::npos)
      return with_hint(fail(ErrorCode::unsupported,
                            "recorded in a simulator ({}), which has no Neural Engine", platform),
                       "record on the device itself");
    if (model.empty()) return {};
    if (!device_.empty() && device_ != model)
      return fail(ErrorCode::mismatch, "recorded on {}, another file on {}", model, device_);
    device_ = model;
    const std::string version = value("os-version");
    record_.operating_system = platform + (version.empty() ? "" : " " + version);
    return {};
  }

  /// From behind the start of a node to its end.
  Status read_table(XmlReader& xml) {
    std::string schema;
    cells_.clear();
    size_t rows = 0;
    for (;;) {
      ANEMONE_TRY(const XmlReader::Part part, xml.next());
      if (part == XmlReader::Part::done) return {};
      if (part == XmlReader::Part::end && xml.name() == "node") return {};
      if (part != XmlReader::Part::start) continue;
      if (xml.name() == "schema") {
        const std::string* name = xml.attribute("name");
        schema = name == nullptr ? "" : *name;
        note_schema(schema);
      } else if (xml.name() == "row") {
        ++rows;
        auto row = read_row(xml);
        if (!row.ok()) return std::move(row).in(fmt::format("row {} of {}", rows, schema)).error();
        note_row(schema, *row);
      }
    }
  }

  static bool is_engine_table(std::string_view schema) {
    return schema.starts_with("ane-hw-intervals");
  }
  static bool is_core_ml_table(std::string_view schema) { return schema == "coreml-os-signpost"; }

  void note_schema(const std::string& schema) {
    has_engine_table_ = has_engine_table_ || is_engine_table(schema);
    const bool known = is_engine_table(schema) || is_core_ml_table(schema);
    auto& list = known ? record_.tables : record_.ignored;
    if (std::ranges::find(list, schema) == list.end()) list.push_back(schema);
  }

  /// Cells are told by their types; a later one of the same type is of no interest.
  Result<Row> read_row(XmlReader& xml) {
    Row row;
    std::optional<double> start;
    std::optional<double> duration;
    for (;;) {
      ANEMONE_TRY(const XmlReader::Part part, xml.next());
      if (part == XmlReader::Part::end) break;
      if (part != XmlReader::Part::start) continue;
      const std::string type = xml.name();
      ANEMONE_TRY(const Cell cell, read_cell(xml));
      const auto time = [&](std::optional<double>& to) -> Status {
        if (to || cell.held.empty()) return {};
        ANEMONE_TRY(to, nanoseconds(cell.held));
        return {};
      };
      if (type == "start-time") ANEMONE_RETURN_IF_ERROR(time(start));
      if (type == "duration") ANEMONE_RETURN_IF_ERROR(time(duration));
      if (type == "coreml-model-event" && row.event.empty()) row.event = cell.words();
      if (type == "formatted-label" && row.label.empty()) row.label = cell.words();
      if (type == "gpu-state" && row.state.empty()) row.state = cell.words();
    }
    if (start && duration) row.interval = Interval{*start, *start + *duration};
    return row;
  }

  static Result<double> nanoseconds(const std::string& text) {
    const auto value = read_number(text);
    constexpr double kLongest = 1e18;  // 30 years
    if (!value || !(*value >= 0) || *value > kLongest)
      return fail(ErrorCode::corrupt, "'{}' is no time in nanoseconds", text.substr(0, 32));
    return *value;
  }

  /// From behind the start of a cell to its end. Cells inside have ids of their own.
  Result<Cell> read_cell(XmlReader& xml) {
    const auto copy = [](const std::string* text) { return text == nullptr ? "" : *text; };
    const std::string id = copy(xml.attribute("id"));
    const std::string reference = copy(xml.attribute("ref"));
    Cell cell{.shown = copy(xml.attribute("fmt")), .held = {}};
    for (;;) {
      ANEMONE_TRY(const XmlReader::Part part, xml.next());
      if (part == XmlReader::Part::end) break;
      if (part == XmlReader::Part::text) cell.held += xml.text();
      if (part == XmlReader::Part::start) {
        ANEMONE_TRY([[maybe_unused]] const Cell inner, read_cell(xml));
      }
    }
    if (!reference.empty()) {
      const auto found = cells_.find(reference);
      if (found == cells_.end())
        return fail(ErrorCode::corrupt, "a cell refers to '{}', which no cell before it is called",
                    reference.substr(0, 32));
      return found->second;
    }
    if (!id.empty()) cells_.insert_or_assign(id, cell);
    return cell;
  }

  void note_row(std::string_view schema, const Row& row) {
    if (!row.interval) return;
    if (is_engine_table(schema)) {
      // Loading and compiling are in the table too.
      if (row.label.find("Prediction") == std::string::npos || row.state == "Idle") return;
      ++record_.neural_engine_intervals;
      engine_.push_back(*row.interval);
    } else if (is_core_ml_table(schema)) {
      if (row.event == "Prediction") {
        ++record_.predictions;
        predictions_.push_back(*row.interval);
      } else if (row.event == "Neural Engine") {
        engine_.push_back(*row.interval);
      } else if (row.event == "GPU" || row.event == "GPU Request") {
        gpu_.push_back(*row.interval);
      } else if (row.event == "CPU") {
        cpu_.push_back(*row.interval);
      }
    }
  }

  TraceRecord record_;
  std::string device_;
  bool has_engine_table_ = false;
  std::unordered_map<std::string, Cell> cells_;  ///< of the table that is read.
  std::vector<Interval> predictions_;
  std::vector<Interval> engine_;
  std::vector<Interval> gpu_;
  std::vector<Interval> cpu_;
};

}  // namespace

Result<TraceRecord> read_trace(std::span<const fs::path> files) {
  Reader reader;
  for (const fs::path& file : files) ANEMONE_RETURN_IF_ERROR(reader.read(file));
  return std::move(reader).finish();
}

}  // namespace anemone::ane
