#include <cstddef>
#include <cstdint>
#include <string_view>

#include "anemone/tool_calls.h"

namespace generate = anemone::generate;

/// The first byte chooses a format; the rest is a list of tools and an answer, which reads the same
/// however it is cut.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  generate::ToolDialect dialect;
  dialect.format = static_cast<generate::ToolFormat>(data[0] % 4);
  dialect.named_first = (data[0] & 0x80) != 0;
  generate::Tool tool;
  tool.name = "f";
  const generate::ToolAnswer whole = generate::read_tool_answer(dialect, {&tool, 1}, text);
  for (const size_t step : {size_t{1}, size_t{5}}) {
    generate::ToolReader reader(dialect, {&tool, 1});
    for (size_t at = 0; at < text.size(); at += step) reader.feed(text.substr(at, step));
    reader.finish();
    if (!(reader.answer() == whole)) __builtin_trap();
  }
  if (const auto tools = generate::read_tools(text); tools.ok() && !tools->empty()) {
    if (!generate::tool_constraint(dialect, *tools, {}).ok()) __builtin_trap();
    if (generate::tool_instructions(*tools).empty()) __builtin_trap();
  }
  return 0;
}
