#include "compare/reading_list.h"

namespace anemone::compare {

Result<std::vector<Reading>> evaluation_readings(const Document& document, size_t source) {
  ReadingList list(document, source);
  ANEMONE_RETURN_IF_ERROR(
      list.add({"weight_bytes", "weights", Unit::bytes, false}, "/anemone/model/weight_bytes"));
  ANEMONE_RETURN_IF_ERROR(
      list.add({"evaluation_tokens_per_second", "evaluation speed", Unit::tokens_per_second, true},
               "/anemone/work/tokens_per_second"));
  ANEMONE_RETURN_IF_ERROR(list.add(
      {"evaluation_peak_memory_bytes", "peak memory of the evaluation", Unit::bytes, false},
      "/anemone/work/peak_memory_bytes"));
  std::vector<Reading> readings = list.take();
  // The harness writes this number as text, so it is taken as it was parsed.
  if (document.results->seconds) {
    Reading seconds{
        "evaluation_seconds", "time of the evaluation", "", Unit::seconds, false, {}, {}};
    seconds.figure.value = document.results->seconds;
    seconds.figure.origins = {{source, "/total_evaluation_time_seconds"}};
    readings.push_back(std::move(seconds));
  }
  return readings;
}

}  // namespace anemone::compare
