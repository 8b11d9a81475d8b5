#pragma once

#include <nlohmann/json.hpp>

namespace anemone::eval {

/// What Python would hold: None, bool, int, float, str, list, dict with its order of keys. Rows of
/// data sets, task files and results are Values. A YAML value tagged `!function` is a dict with the
/// single key kFunctionKey.
using Value = nlohmann::ordered_json;

}  // namespace anemone::eval
