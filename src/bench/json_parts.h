#pragma once

#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "anemone/bench.h"

/// Parts of the document of docs/bench-format.md. What is not there is null.
namespace anemone::bench {

using Json = nlohmann::ordered_json;

inline Json text(const std::string& value) { return value.empty() ? Json() : Json(value); }

template <typename T>
Json maybe(const std::optional<T>& value) {
  return value ? Json(*value) : Json();
}

inline Json positive(double value) { return value > 0 ? Json(value) : Json(); }

inline Json whole(double value) { return static_cast<int64_t>(std::llround(value)); }

inline Json whole(const std::optional<double>& value) { return value ? whole(*value) : Json(); }

inline Json interval(const statistics::Interval& value) {
  return Json::array({value.low, value.high});
}

/// A series in whole nanoseconds.
Json times(const Series& of);

/// Puts a measurement's keys into its configuration; null for each of them without one.
void add_measurement(const std::optional<Measurement>& of, Json& configuration);
Json quality(const std::optional<Quality>& of);

}  // namespace anemone::bench
