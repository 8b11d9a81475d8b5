#pragma once

#include <optional>
#include <span>
#include <string_view>

namespace anemone::eval {

/// A file of the repository's folder tasks/, carried inside the program.
struct BuiltinFile {
  std::string_view path;  ///< "typos/typos.yaml"
  std::string_view bytes;
};

/// All of them, sorted by path.
std::span<const BuiltinFile> builtin_files();

std::optional<std::string_view> find_builtin_file(std::string_view path);

}  // namespace anemone::eval
