#pragma once

#include <string>
#include <utility>
#include <vector>

#include "compare/readings.h"

namespace anemone::compare {

/// What a reading is of, apart from its number.
struct ReadingWords {
  const char* name;
  const char* title;
  Unit unit = Unit::none;
  std::optional<bool> higher_is_better;
};

/// Collects readings of one document by JSON pointers.
class ReadingList {
 public:
  ReadingList(const Document& document, size_t source) : document_(document), source_(source) {}

  /// The number at `pointer` times `scale`; no reading where it is absent or null.
  Status add(const ReadingWords& words, const std::string& pointer, double scale = 1,
             const std::string& group = {});
  /// The median of the series at `pointer`, with its interval and samples.
  Status add_series(const ReadingWords& words, const std::string& pointer, double scale,
                    const std::string& group);
  /// The same, as a prediction.
  Status add_predicted(std::string name, std::string title, Unit unit, bool higher_is_better,
                       const std::string& pointer, double scale, const std::string& group);

  std::vector<Reading> take() { return std::move(readings_); }

 private:
  const Document& document_;
  size_t source_;
  std::vector<Reading> readings_;
};

}  // namespace anemone::compare
