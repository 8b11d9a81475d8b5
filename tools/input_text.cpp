#include "input_text.h"

#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>

namespace anemone::tools {

Result<std::string> read_stdin() {
  std::string text(std::istreambuf_iterator<char>(std::cin), {});
  if (std::cin.bad()) return Error{ErrorCode::io, "cannot read the standard input", {}, {}};
  return text;
}

Result<std::string> read_text(const std::string& path) {
  if (path == "-") return read_stdin();
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored))
    return Error{ErrorCode::io, path + ": a folder, expected a file", {}, {}};
  std::ifstream file(path, std::ios::binary);
  if (!file) return Error{ErrorCode::not_found, path + ": cannot be read", {}, {}};
  std::string text(std::istreambuf_iterator<char>(file), {});
  if (file.bad()) return Error{ErrorCode::io, path + ": reading failed", {}, {}};
  return text;
}

}  // namespace anemone::tools
