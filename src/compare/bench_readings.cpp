#include <fmt/format.h>

#include <array>

#include "base/error.h"
#include "compare/bench_check.h"
#include "compare/reading_list.h"
#include "eval/recorded_value.h"

namespace anemone::compare {
namespace {

using eval::at;
using eval::text_at;
using eval::Value;

constexpr double kNanosecond = 1e-9;

struct Series {
  ReadingWords words;
  const char* pointer;
  double scale;
};

constexpr std::array<Series, 8> kSeries{{
    {{"decode_tokens_per_second", "decoding", Unit::tokens_per_second, true},
     "/decode_tokens_per_second",
     1},
    {{"prefill_tokens_per_second", "prompt", Unit::tokens_per_second, true},
     "/prefill_tokens_per_second",
     1},
    {{"first_token_warm_seconds", "first token, warm", Unit::seconds, false},
     "/first_token_ns/warm",
     kNanosecond},
    {{"first_token_cold_seconds", "first token, cold", Unit::seconds, false},
     "/first_token_ns/cold",
     kNanosecond},
    {{"first_token_cached_seconds", "first token, cached", Unit::seconds, false},
     "/first_token_ns/cached",
     kNanosecond},
    {{"request_seconds", "whole request", Unit::seconds, false}, "/request_ns", kNanosecond},
    {{"step_seconds", "step", Unit::seconds, false}, "/step_ns", kNanosecond},
    {{"load_warm_seconds", "load, warm", Unit::seconds, false}, "/load_ns/warm", kNanosecond},
}};

Status add_predictions(const Value& configuration, const std::string& place,
                       const std::string& group, ReadingList& list) {
  const Value predicted = at(configuration, "predicted");
  if (!predicted.is_array()) return {};
  for (size_t i = 0; i < predicted.size(); ++i) {
    const std::string chip = text_at(predicted[i], "chip");
    const std::string at_chip = fmt::format("{}/predicted/{}", place, i);
    ANEMONE_RETURN_IF_ERROR(list.add_predicted("predicted_decode_tokens_per_second." + chip,
                                               "decoding, all on the Neural Engine of " + chip,
                                               Unit::tokens_per_second, true,
                                               at_chip + "/decode_tokens_per_second", 1, group));
    ANEMONE_RETURN_IF_ERROR(list.add_predicted(
        "predicted_first_token_seconds." + chip, "first token, all on the Neural Engine of " + chip,
        Unit::seconds, false, at_chip + "/first_token_ns", kNanosecond, group));
  }
  return {};
}

Status add_configuration(const Value& configuration, const std::string& place, ReadingList& list) {
  const std::string group = text_at(configuration, "id");
  if (text_at(configuration, "status") != "measured")
    return add_predictions(configuration, place, group, list);
  for (const Series& series : kSeries)
    ANEMONE_RETURN_IF_ERROR(
        list.add_series(series.words, place + series.pointer, series.scale, group));
  // A peak of the process holds what ran before: it is no better or worse than another.
  const bool of_process = at(at(configuration, "memory"), "peak_is_own") == Value(false);
  const ReadingWords own_peak{"peak_rss_bytes", "peak memory", Unit::bytes, false};
  const ReadingWords process_peak{
      "process_peak_rss_bytes", "peak memory of the process", Unit::bytes, {}};
  ANEMONE_RETURN_IF_ERROR(
      list.add(of_process ? process_peak : own_peak, place + "/memory/peak_rss_bytes", 1, group));
  ANEMONE_RETURN_IF_ERROR(list.add({"joules_per_token", "energy a token", Unit::joules, false},
                                   place + "/energy/joules_per_token", 1, group));
  ANEMONE_RETURN_IF_ERROR(list.add({"artifact_weight_bytes", "weights", Unit::bytes, false},
                                   place + "/artifact/weight_bytes", 1, group));
  ANEMONE_RETURN_IF_ERROR(list.add({"floor_share", "share of the memory floor", Unit::share, true},
                                   place + "/floor/share", 1, group));
  ANEMONE_RETURN_IF_ERROR(list.add({"token_perplexity", "perplexity of a token", Unit::none, false},
                                   place + "/quality/perplexity/token", 1, group));
  ANEMONE_RETURN_IF_ERROR(list.add({"typos_exact", "typos, exact match", Unit::share, true},
                                   place + "/quality/typos/exact", 1, group));
  ANEMONE_RETURN_IF_ERROR(list.add({"typos_wer", "typos, word error rate", Unit::share, false},
                                   place + "/quality/typos/wer", 1, group));
  ANEMONE_RETURN_IF_ERROR(list.add({"typos_f05", "typos, F0.5", Unit::share, true},
                                   place + "/quality/typos/f05", 1, group));
  return add_predictions(configuration, place, group, list);
}

/// The Neural Engine's speed over the CPU's, by context.
Status add_speedups(const Value& speedups, ReadingList& list) {
  if (!speedups.is_array()) return {};
  for (size_t i = 0; i < speedups.size(); ++i) {
    const auto context = eval::number(at(speedups[i], "context_tokens"));
    if (!context) continue;
    const std::string name = fmt::format("speedup_over_cpu.{:.0f}", *context);
    const std::string title = fmt::format("speed-up over the CPU at context {:.0f}", *context);
    ANEMONE_RETURN_IF_ERROR(list.add({name.c_str(), title.c_str(), Unit::none, true},
                                     fmt::format("/phase2/speedup/{}/ratio", i)));
  }
  return {};
}

}  // namespace

Result<std::vector<Reading>> bench_readings(const Document& document, size_t source) {
  ANEMONE_RETURN_IF_ERROR(check_bench_document(document.content));
  ReadingList list(document, source);
  ANEMONE_RETURN_IF_ERROR(
      list.add({"weight_bytes", "weights", Unit::bytes, false}, "/model/weight_bytes"));
  ANEMONE_RETURN_IF_ERROR(add_speedups(at(at(document.content, "phase2"), "speedup"), list));
  const Value configurations = at(document.content, "configurations");
  for (size_t i = 0; i < configurations.size(); ++i) {
    const std::string place = fmt::format("/configurations/{}", i);
    ANEMONE_RETURN_IF_ERROR(add_configuration(configurations[i], place, list));
  }
  return list.take();
}

}  // namespace anemone::compare
