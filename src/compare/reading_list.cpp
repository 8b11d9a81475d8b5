#include "compare/reading_list.h"

#include "base/error.h"
#include "eval/recorded_value.h"

namespace anemone::compare {

using eval::Value;

Status ReadingList::add(const ReadingWords& words, const std::string& pointer, double scale,
                        const std::string& group) {
  ANEMONE_TRY(const auto value, number_at(document_.content, pointer));
  if (!value) return {};
  Reading reading{words.name, words.title, group, words.unit, words.higher_is_better, {}, {}};
  reading.figure.value = *value * scale;
  reading.figure.origins = {{source_, pointer}};
  readings_.push_back(std::move(reading));
  return {};
}

Status ReadingList::add_series(const ReadingWords& words, const std::string& pointer, double scale,
                               const std::string& group) {
  const std::string summary = pointer + "/summary";
  ANEMONE_TRY(const auto median, number_at(document_.content, summary + "/median"));
  if (!median) return {};
  ANEMONE_RETURN_IF_ERROR(add(words, summary + "/median", scale, group));
  Reading& reading = readings_.back();
  ANEMONE_TRY(const auto low, number_at(document_.content, summary + "/ci95/0"));
  ANEMONE_TRY(const auto high, number_at(document_.content, summary + "/ci95/1"));
  if (low && high) reading.figure.interval = {*low * scale, *high * scale};
  const Value::json_pointer place(pointer + "/samples");
  if (!document_.content.contains(place)) return {};
  const Value& samples = document_.content.at(place);
  if (!samples.is_array())
    return fail(ErrorCode::corrupt, "'{}/samples' is {}, expected a list", pointer,
                samples.type_name());
  for (const Value& sample : samples) {
    const auto value = eval::number(sample);
    if (!value)
      return fail(ErrorCode::corrupt, "'{}/samples' holds {}, expected finite numbers", pointer,
                  sample.type_name());
    reading.samples.push_back(*value * scale);
  }
  return {};
}

Status ReadingList::add_predicted(std::string name, std::string title, Unit unit,
                                  bool higher_is_better, const std::string& pointer, double scale,
                                  const std::string& group) {
  const ReadingWords words{name.c_str(), title.c_str(), unit, higher_is_better};
  const size_t before = readings_.size();
  ANEMONE_RETURN_IF_ERROR(add(words, pointer, scale, group));
  if (readings_.size() > before) readings_.back().figure.predicted = true;
  return {};
}

}  // namespace anemone::compare
