#include <fmt/format.h>

#include "base/error.h"
#include "compare/reading_list.h"
#include "eval/recorded_value.h"

namespace anemone::compare {

Result<std::vector<Reading>> check_readings(const Document& document, size_t source) {
  ReadingList list(document, source);
  ANEMONE_RETURN_IF_ERROR(
      list.add({"check_errors", "findings of severity error", Unit::none, false}, "/errors"));
  ANEMONE_RETURN_IF_ERROR(
      list.add({"check_warnings", "findings of severity warning", Unit::none, false}, "/warnings"));
  const eval::Value artifacts = eval::at(document.content, "artifacts");
  if (!artifacts.is_array())
    return fail(ErrorCode::corrupt, "'artifacts' is {}, expected a list", artifacts.type_name());
  // Of several artifacts none stands for the model.
  if (artifacts.size() != 1) return list.take();
  const std::string forecast = "/artifacts/0/forecast";
  const std::string chip = eval::text_at(eval::at(artifacts[0], "forecast"), "chip");
  ANEMONE_RETURN_IF_ERROR(list.add_predicted("predicted_residency." + chip,
                                             "share of time on the Neural Engine, " + chip,
                                             Unit::share, true, forecast + "/residency", 1, ""));
  ANEMONE_RETURN_IF_ERROR(list.add_predicted(
      "predicted_decode_tokens_per_second." + chip, "decoding, all on the Neural Engine of " + chip,
      Unit::tokens_per_second, true, forecast + "/decoding/tokens_per_second", 1, ""));
  return list.take();
}

}  // namespace anemone::compare
