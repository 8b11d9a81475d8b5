#include "bench/power_log.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <optional>

#include "base/error.h"
#include "base/json_document.h"
#include "base/read_number.h"

namespace anemone::bench {
namespace {

std::optional<double> number(std::string_view text) {
  const auto value = read_number(text);
  return value && std::isfinite(*value) ? value : std::nullopt;
}

/// The text of the element that follows `<key>name</key>` in a property list: the first one, which
/// is the one of the outermost dictionary or of `processor`, as powermetrics orders them.
std::optional<std::string_view> plist_value(std::string_view plist, std::string_view name) {
  const std::string key = "<key>" + std::string(name) + "</key>";
  size_t at = plist.find(key);
  if (at == std::string_view::npos) return {};
  at = plist.find('<', at + key.size());
  if (at == std::string_view::npos) return {};
  const size_t begin = plist.find('>', at);
  if (begin == std::string_view::npos) return {};
  const size_t end = plist.find('<', begin);
  if (end == std::string_view::npos) return {};
  return plist.substr(begin + 1, end - begin - 1);
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

Result<PowerSample> read_plist(std::string_view plist) {
  PowerSample sample;
  const auto elapsed = plist_value(plist, "elapsed_ns");
  const auto stamp = plist_value(plist, "timestamp");
  const auto nanoseconds = elapsed ? number(*elapsed) : std::nullopt;
  if (!nanoseconds || !(*nanoseconds > 0) || !stamp)
    return fail(ErrorCode::corrupt, "a document of powermetrics has no elapsed_ns or timestamp");
  ANEMONE_TRY(sample.end_s, parse_time(*stamp));
  sample.in_whole_seconds = stamp->find('.') == std::string_view::npos;
  sample.seconds = *nanoseconds * 1e-9;
  for (const char* rail : {"cpu", "gpu", "ane", "dram"}) {
    const auto millijoules = plist_value(plist, std::string(rail) + "_energy");
    const auto joules = millijoules ? number(*millijoules) : std::nullopt;
    if (joules) sample.watts[rail] = *joules * 1e-3 / sample.seconds;
  }
  if (const auto pressure = plist_value(plist, "thermal_pressure"))
    sample.pressure = lower(*pressure);
  return sample;
}

Result<PowerSample> read_macmon(std::string_view line) {
  ANEMONE_TRY(const Json json, parse_json_object(line));
  const auto stamp = json.find("timestamp");
  if (stamp == json.end() || !stamp->is_string())
    return fail(ErrorCode::corrupt, "a line of macmon has no timestamp");
  PowerSample sample;
  ANEMONE_TRY(sample.end_s, parse_time(stamp->get_ref<const std::string&>()));
  for (const char* rail : {"cpu", "gpu", "ane", "ram"}) {
    const auto watts = json.find(std::string(rail) + "_power");
    if (watts != json.end() && watts->is_number())
      sample.watts[rail == std::string_view("ram") ? "dram" : rail] = watts->get<double>();
  }
  if (sample.watts.empty())
    return fail(ErrorCode::corrupt, "a line of macmon has no power of cpu, gpu, ane or ram");
  return sample;
}

/// Whether the writer came to the end of a document: then it is not excused as cut off.
bool is_whole(std::string_view piece, bool json) {
  if (!json) return piece.find("</plist>") != std::string_view::npos;
  return parse_json_object(piece).ok();
}

/// Pieces between separators, blank ones left out.
std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> pieces;
  while (!text.empty()) {
    const size_t end = std::min(text.find(separator), text.size());
    const std::string_view piece = text.substr(0, end);
    if (piece.find_first_not_of(" \t\r\n") != std::string_view::npos) pieces.push_back(piece);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return pieces;
}

}  // namespace

Result<double> parse_time(std::string_view text) {
  const auto bad = [&] { return fail(ErrorCode::corrupt, "'{}' is no time", text); };
  const auto part = [&](size_t at, size_t length) -> std::optional<int> {
    if (at + length > text.size()) return {};
    int value = 0;
    const char* begin = text.data() + at;
    const auto [stop, error] = std::from_chars(begin, begin + length, value);
    return error == std::errc() && stop == begin + length && value >= 0 ? std::optional(value)
                                                                        : std::nullopt;
  };
  const auto year = part(0, 4), month = part(5, 2), day = part(8, 2);
  const auto hour = part(11, 2), minute = part(14, 2), second = part(17, 2);
  if (!year || !month || !day || !hour || !minute || !second || text[4] != '-' || text[7] != '-' ||
      text[10] != 'T' || text[13] != ':' || text[16] != ':')
    return bad();
  const std::chrono::year_month_day date{std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return bad();
  const auto days = std::chrono::sys_days(date).time_since_epoch().count();
  double seconds = static_cast<double>(days) * 86400 + *hour * 3600 + *minute * 60 + *second;
  size_t at = 19;
  if (at < text.size() && text[at] == '.') {
    const size_t end = std::min(text.find_first_not_of("0123456789", at + 1), text.size());
    const auto fraction = number("0" + std::string(text.substr(at, end - at)));
    if (!fraction) return bad();
    seconds += *fraction;
    at = end;
  }
  const std::string_view zone = text.substr(at);
  if (zone == "Z" || zone.empty()) return seconds;
  const auto hours = part(at + 1, 2), minutes = part(at + 4, 2);
  if (zone.size() != 6 || (zone[0] != '+' && zone[0] != '-') || zone[3] != ':' || !hours ||
      !minutes)
    return bad();
  return seconds - (zone[0] == '+' ? 1 : -1) * (*hours * 3600 + *minutes * 60);
}

Result<std::vector<PowerSample>> parse_power_log(std::string_view text) {
  const size_t first = text.find_first_not_of(std::string_view(" \t\r\n\0", 5));
  if (first == std::string_view::npos) return std::vector<PowerSample>{};
  const bool json = text[first] == '{';
  if (!json && !text.substr(first).starts_with("<?xml"))
    return with_hint(fail(ErrorCode::corrupt, "neither a log of powermetrics nor of macmon"),
                     "powermetrics needs -f plist, macmon the command pipe");
  const auto pieces = split(text, json ? '\n' : '\0');
  std::vector<PowerSample> samples;
  for (size_t i = 0; i < pieces.size(); ++i) {
    auto sample = json ? read_macmon(pieces[i]) : read_plist(pieces[i]);
    if (sample.ok())
      samples.push_back(*std::move(sample));
    else if (i + 1 < pieces.size() || is_whole(pieces[i], json))
      return std::move(sample).error();
  }
  if (json)
    for (size_t i = 1; i < samples.size(); ++i)
      samples[i].seconds = samples[i].end_s - samples[i - 1].end_s;
  return samples;
}

IntegratedPower integrate_power(const std::vector<PowerSample>& samples, double from_s, double to_s,
                                double coverage) {
  IntegratedPower result;
  std::map<std::string, double> covered;
  for (const PowerSample& sample : samples) {
    const double overlap =
        std::min(to_s, sample.end_s) - std::max(from_s, sample.end_s - sample.seconds);
    if (!(overlap > 0)) continue;
    for (const auto& [rail, watts] : sample.watts) {
      result.joules[rail] += watts * overlap;
      covered[rail] += overlap;
    }
  }
  for (const auto& [rail, seconds] : covered) {
    if (seconds < coverage * (to_s - from_s)) {
      result.joules.erase(rail);
      result.gaps.push_back(rail);
    } else if (seconds < to_s - from_s) {
      result.joules[rail] *= (to_s - from_s) / seconds;
    }
  }
  return result;
}

}  // namespace anemone::bench
