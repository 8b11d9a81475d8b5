#include "input_text.h"

#include <fmt/format.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <optional>

namespace anemone::tools {

namespace {

/// None beyond `most_bytes`, of which no more is read than shows that.
std::optional<std::string> read_all(std::istream& stream, uint64_t most_bytes) {
  std::string text;
  std::array<char, size_t{64} << 10> piece;
  while (stream) {
    stream.read(piece.data(), piece.size());
    text.append(piece.data(), static_cast<size_t>(stream.gcount()));
    if (text.size() > most_bytes) return std::nullopt;
  }
  return text;
}

}  // namespace

Result<std::string> read_stdin() {
  auto text = read_all(std::cin, UINT64_MAX);
  if (std::cin.bad()) return Error{ErrorCode::io, "cannot read the standard input", {}, {}};
  return *std::move(text);
}

Result<std::string> read_text(const std::string& path, uint64_t most_bytes) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored))
    return Error{ErrorCode::io, path + ": a folder, expected a file", {}, {}};
  std::ifstream file;
  if (path != "-") file.open(path, std::ios::binary);
  if (!file) return Error{ErrorCode::not_found, path + ": cannot be read", {}, {}};
  std::istream& stream = path == "-" ? std::cin : file;
  auto text = read_all(stream, most_bytes);
  if (stream.bad()) return Error{ErrorCode::io, path + ": reading failed", {}, {}};
  if (!text)
    return Error{
        ErrorCode::limit, fmt::format("{}: larger than {} bytes", path, most_bytes), {}, {}};
  return *std::move(text);
}

}  // namespace anemone::tools
