#include "eval/builtin_tasks.h"

namespace anemone::eval {

std::optional<std::string_view> find_builtin_file(std::string_view path) {
  for (const BuiltinFile& file : builtin_files())
    if (file.path == path) return file.bytes;
  return std::nullopt;
}

}  // namespace anemone::eval
