#include "eval/python_literal.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/utf8.h"
#include "eval/python_format.h"

/// What repr() shows of a literal must be the same literal, but for infinity, which has none, and
/// bytes that are no text, which end as escapes of no character.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace python = anemone::eval::python;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto value = python::literal_eval(text);
  if (!value.ok() || !anemone::is_utf8(text)) return 0;
  const std::string shown = python::to_repr(*value);
  if (shown.find("inf") != std::string::npos) return 0;
  const auto again = python::literal_eval(shown);
  if (!again.ok() || python::to_repr(*again) != shown) __builtin_trap();
  return 0;
}
