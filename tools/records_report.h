#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "anemone/device_records.h"

/// What `anemone check --trace --log` read from a device's records, as text and JSON. Every figure
/// says that it is recorded; what no record says is n/a.
namespace anemone::tools {

struct DeviceRecords {
  std::optional<ane::TraceRecord> trace;
  std::optional<ane::LogRecord> log;
};

/// Errors: those of read_trace and read_log.
Result<DeviceRecords> read_records(const std::vector<std::string>& trace, const std::string& log);

/// Empty where there are no records.
std::string records_text(const DeviceRecords& records);
/// Null where there are none.
nlohmann::ordered_json records_json(const DeviceRecords& records);

/// Holds the recorded residency against the least share that is asked for. Errors: mismatch (less,
/// or the trace says nothing of it).
Status judge_recorded_residency(const ane::TraceRecord& trace, double least);

}  // namespace anemone::tools
