#include "base/free_space.h"

#include "base/error.h"

namespace anemone {

Status check_space(const std::filesystem::path& folder, uint64_t needed) {
  std::error_code error;
  const std::filesystem::space_info space = std::filesystem::space(folder, error);
  if (error || space.available >= needed) return {};
  return fail(ErrorCode::io, "no space left: {} bytes are needed, {} are available", needed,
              space.available);
}

}  // namespace anemone
