#include "text_file.h"

#include <fstream>

namespace anemone::tools {

Status write_file(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  if (file.fail()) return Error{ErrorCode::io, path + ": cannot be written", {}, {}};
  return {};
}

}  // namespace anemone::tools
