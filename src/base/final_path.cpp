#include "base/final_path.h"

#include <string>

namespace anemone {

Error with_final_path(Error error, const std::filesystem::path& staged,
                      const std::filesystem::path& final) {
  const std::string from = staged.string();
  const std::string to = final.string();
  if (from.empty()) return error;
  const auto rename = [&](std::string& text) {
    for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
      text.replace(at, from.size(), to);
  };
  rename(error.message);
  rename(error.hint);
  for (std::string& frame : error.context) rename(frame);
  return error;
}

}  // namespace anemone
