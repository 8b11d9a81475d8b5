#include <algorithm>
#include <array>

#include "anemone/device_records.h"
#include "base/mapped_file.h"

namespace anemone::ane {
namespace {

struct KnownLine {
  std::string_view pattern;
  LogSign sign;
  std::string_view source;
};

constexpr std::array kKnownLines = {
#define LOG_LINE(pattern, sign, source) KnownLine{pattern, LogSign::sign, source},
#include "ane/records/log_lines.inc"
#undef LOG_LINE
};

/// What lines of Core ML, of its engines and of the Neural Engine carry: subsystem or library.
constexpr std::array<std::string_view, 6> kCoreMl = {"com.apple.coreml", "com.apple.espresso",
                                                     "com.apple.ane",    "(CoreML)",
                                                     "(Espresso)",       "(AppleNeuralEngine)"};

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

size_t find(std::string_view line, std::string_view part) {
  const auto found = std::ranges::search(line, part, {}, lower, lower);
  return found.empty() ? std::string_view::npos : static_cast<size_t>(found.begin() - line.begin());
}

/// Whether the line says so; not where it says the contrary.
bool says(std::string_view line, std::string_view pattern) {
  const size_t at = find(line, pattern);
  if (at == std::string_view::npos) return false;
  constexpr std::string_view kNot = "not ";
  const std::string_view before = line.substr(0, at);
  return before.size() < kNot.size() || find(before.substr(before.size() - kNot.size()), kNot) != 0;
}

/// `log` begins with the words that it filters by; they are no line of Core ML.
bool is_heading(std::string_view line) { return line.starts_with("Filtering the log data using"); }

void note(LogRecord& record, std::string_view line) {
  ++record.lines;
  if (is_heading(line)) return;
  bool known = false;
  for (const KnownLine& candidate : kKnownLines) {
    if (!says(line, candidate.pattern)) continue;
    known = true;
    auto match = std::ranges::find(record.matches, candidate.pattern, &LogMatch::pattern);
    if (match == record.matches.end())
      match = record.matches.insert(match, {.pattern = candidate.pattern,
                                            .sign = candidate.sign,
                                            .source = candidate.source,
                                            .first_line = record.lines});
    ++match->lines;
  }
  const bool core_ml = std::ranges::any_of(
      kCoreMl, [&](std::string_view mark) { return find(line, mark) != std::string_view::npos; });
  if (known || core_ml) ++record.core_ml_lines;
}

}  // namespace

std::string_view to_string(LogSign sign) { return sign == LogSign::ran ? "ran" : "left"; }

std::string_view to_string(LogVerdict verdict) {
  static constexpr std::array<std::string_view, 3> kNames = {"matched", "other", "none"};
  return kNames[static_cast<size_t>(verdict)];
}

Result<LogRecord> read_log(const std::filesystem::path& file) {
  ANEMONE_TRY(const auto mapped, MappedFile::open(file));
  const auto bytes = mapped->bytes();
  std::string_view rest(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  LogRecord record;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    note(record, rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  if (!record.matches.empty())
    record.verdict = LogVerdict::matched;
  else if (record.core_ml_lines > 0)
    record.verdict = LogVerdict::other;
  return record;
}

}  // namespace anemone::ane
