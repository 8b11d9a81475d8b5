#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/error.h"
#include "compare/reading_list.h"
#include "eval/recorded_value.h"

namespace anemone::compare {
namespace {

using eval::at;
using eval::text_at;
using eval::Value;

struct Name {
  const char* text;
  Unit unit;
};
constexpr std::array<Name, 7> kUnits{{{"", Unit::none},
                                      {"bytes", Unit::bytes},
                                      {"s", Unit::seconds},
                                      {"tokens/s", Unit::tokens_per_second},
                                      {"share", Unit::share},
                                      {"J", Unit::joules},
                                      {"nats", Unit::nats}}};

}  // namespace

Result<std::vector<Reading>> figures_readings(const Document& document, size_t source) {
  const Value figures = at(document.content, "figures");
  std::vector<Reading> readings;
  for (size_t i = 0; i < figures.size(); ++i) {
    const std::string place = fmt::format("/figures/{}", i);
    const Value& each = figures[i];
    for (const char* key : {"name", "source"})
      if (text_at(each, key).empty())
        return with_hint(fail(ErrorCode::corrupt, "'{}/{}' is absent or no text", place, key),
                         "a figure has name, value, unit and the source that it was taken from");
    const auto* unit = std::find_if(kUnits.begin(), kUnits.end(), [&](const Name& name) {
      return name.text == text_at(each, "unit");
    });
    if (unit == kUnits.end())
      return with_hint(fail(ErrorCode::corrupt, "'{}/unit': there is no unit '{}'", place,
                            text_at(each, "unit")),
                       "bytes, s, tokens/s, share, J, nats, or none");
    ANEMONE_TRY(const auto value, number_at(document.content, place + "/value"));
    if (!value) continue;
    Reading reading;
    reading.name = text_at(each, "name");
    reading.title = text_at(each, "title");
    if (reading.title.empty()) reading.title = reading.name;
    reading.unit = unit->unit;
    const Value direction = at(each, "higher_is_better");
    if (direction.is_boolean()) reading.higher_is_better = direction.get<bool>();
    const Value predicted = at(each, "predicted");
    reading.figure.predicted = predicted.is_boolean() && predicted.get<bool>();
    reading.figure.value = value;
    reading.figure.origins = {{source, place + "/value"}};
    readings.push_back(std::move(reading));
  }
  return readings;
}

}  // namespace anemone::compare
