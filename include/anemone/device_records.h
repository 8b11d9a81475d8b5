#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "anemone/result.h"

/// What a Mac or a phone recorded while a model ran there: tables of Instruments, lines of the log.
/// Read anywhere; docs/device-records.md says how to make them. What no record says is nothing,
/// never a guess.
namespace anemone::ane {

/// Shares of the time of predictions, 0 to 1; they add up to 1.
struct RecordedShares {
  double neural_engine = 0;
  double gpu = 0;
  double cpu = 0;
  double unattributed = 0;  ///< of no unit that the tables name.
};

/// A run that Instruments recorded.
struct TraceRecord {
  std::string device;                  ///< the model, as the trace names it: "Mac16,9".
  std::string operating_system;        ///< "macOS 15.5 (24F74)".
  std::vector<std::string> tables;     ///< that were read, by schema.
  std::vector<std::string> ignored;    ///< tables that say nothing of units, or not whose they are.
  size_t predictions = 0;              ///< of Core ML.
  double prediction_ms = 0;            ///< time in which at least one ran.
  size_t neural_engine_intervals = 0;  ///< predictions on the Neural Engine, of any process.
  double neural_engine_ms = 0;         ///< time in which at least one ran, of any process.
  /// Nothing without predictions of Core ML, or without the table of the Neural Engine.
  std::optional<RecordedShares> shares;
};

/// Reads what `xcrun xctrace export` wrote of one trace: its table of contents (--toc), which names
/// the device, and tables (--xpath): coreml-os-signpost and ane-hw-intervals. Any thread.
/// Errors: not_found, io; corrupt (file, and byte or row); limit (elements in each other);
/// mismatch (no table of contents, so nothing says on which hardware the times were taken; two
/// devices); unsupported (a simulator, which has no Neural Engine; a document type).
Result<TraceRecord> read_trace(std::span<const std::filesystem::path> files);

/// What a line of the log says of the Neural Engine.
enum class LogSign : uint8_t { ran, left };
std::string_view to_string(LogSign sign);  ///< "ran".

struct LogMatch {
  std::string_view pattern;
  LogSign sign = LogSign::ran;
  std::string_view source;  ///< who saw the line.
  size_t lines = 0;
  size_t first_line = 0;  ///< of the file, from 1.
};

/// matched: known lines. other: lines of Core ML that say nothing of the Neural Engine. none: no
/// line of Core ML, which says nothing at all.
enum class LogVerdict : uint8_t { matched, other, none };
std::string_view to_string(LogVerdict verdict);

struct LogRecord {
  LogVerdict verdict = LogVerdict::none;
  size_t lines = 0;  ///< of the file.
  size_t core_ml_lines = 0;
  std::vector<LogMatch> matches;  ///< in the order in which they first occur.
};

/// Reads text that `log stream` or `log show` wrote. Errors: not_found, io.
Result<LogRecord> read_log(const std::filesystem::path& file);

}  // namespace anemone::ane
