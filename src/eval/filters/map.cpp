#include "base/error.h"
#include "eval/filters.h"

namespace anemone::eval {
namespace {

/// Each answer's entry in `mapping_dict`, else `default_value`. Texts are scored; other values stay
/// in the samples file.
Result<FilterStep> make(const Value& options) {
  const FilterOptions read("map", options);
  ANEMONE_RETURN_IF_ERROR(read.check_keys({"mapping_dict", "default_value"}));
  const Value mapping =
      read.get("mapping_dict").is_null() ? Value::object() : read.get("mapping_dict");
  if (!mapping.is_object()) return read.wrong("mapping_dict", "a dict");
  return for_each_text(
      [mapping, otherwise = read.get("default_value")](const std::string& answer) -> Result<Value> {
        return mapping.value(answer, otherwise);
      });
}

}  // namespace

Filter map_filter() { return {.name = "map", .make = make}; }

}  // namespace anemone::eval
