#include <fmt/format.h>

#include "base/error.h"
#include "compare/reading_list.h"
#include "eval/recorded_value.h"

namespace anemone::compare {

Result<std::vector<Reading>> probe_readings(const Document& document, size_t source) {
  ReadingList list(document, source);
  ANEMONE_RETURN_IF_ERROR(list.add(
      {"kl_divergence", "KL divergence from the reference", Unit::nats, false}, "/kl_divergence"));
  ANEMONE_RETURN_IF_ERROR(
      list.add({"top1_agreement", "same likeliest token as the reference", Unit::share, true},
               "/top1_agreement"));
  const eval::Value points = eval::at(document.content, "points");
  if (!points.is_array())
    return fail(ErrorCode::corrupt, "'points' is {}, expected a list", points.type_name());
  for (size_t i = 0; i < points.size(); ++i)
    if (eval::text_at(points[i], "name") == "logits")
      ANEMONE_RETURN_IF_ERROR(
          list.add({"logits_relative_error", "relative error of the logits", Unit::share, false},
                   fmt::format("/points/{}/relative_error", i)));
  return list.take();
}

}  // namespace anemone::compare
