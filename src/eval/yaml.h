#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "anemone/result.h"
#include "eval/value.h"

namespace anemone::eval {

/// Key of the one-entry dict that stands for a value tagged `!function`; its value is the text
/// behind the tag ("utils.process_docs").
inline constexpr const char* kFunctionKey = "!function";

bool is_function(const Value& value);

/// Parses one YAML document as PyYAML's safe loader with `!function`: plain scalars follow YAML 1.1
/// (`yes` is a bool, `1e3` text, `010` octal), `<<` merges, of equal keys the last counts. Dates
/// stay text. Keys that are not text become the text Python's str() gives.
/// Errors: corrupt (syntax; with line and column), unsupported (another tag), limit (nesting over
/// 100 or more than a million values, as aliases can make).
Result<Value> parse_yaml(std::string_view text);

/// The same of a file, at most 16 MiB. Errors also: not_found, io.
Result<Value> read_yaml(const std::filesystem::path& path);

}  // namespace anemone::eval
