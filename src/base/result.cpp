#include "anemone/result.h"

namespace anemone {

const char* to_string(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid_argument:
      return "invalid_argument";
    case ErrorCode::not_found:
      return "not_found";
    case ErrorCode::io:
      return "io";
    case ErrorCode::corrupt:
      return "corrupt";
    case ErrorCode::mismatch:
      return "mismatch";
    case ErrorCode::unsupported:
      return "unsupported";
    case ErrorCode::out_of_range:
      return "out_of_range";
    case ErrorCode::limit:
      return "limit";
    case ErrorCode::interrupted:
      return "interrupted";
  }
  return "unknown";
}

std::string Error::to_string() const {
  std::string text;
  for (auto frame = context.rbegin(); frame != context.rend(); ++frame) text += *frame + ": ";
  text += message;
  if (!hint.empty()) text += " (" + hint + ")";
  return text;
}

}  // namespace anemone
