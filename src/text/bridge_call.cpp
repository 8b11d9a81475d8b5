#include "text/bridge_call.h"

#include "base/check.h"
#include "base/error.h"

namespace anemone::text {
namespace {

ErrorCode error_code(anemone_bridge_code code) {
  switch (code) {
    case ANEMONE_BRIDGE_INVALID_ARGUMENT:
    case ANEMONE_BRIDGE_RAISED:
      return ErrorCode::invalid_argument;
    case ANEMONE_BRIDGE_INVALID_DATA:
      return ErrorCode::corrupt;
    case ANEMONE_BRIDGE_IO:
      return ErrorCode::io;
    case ANEMONE_BRIDGE_UNSUPPORTED:
      return ErrorCode::unsupported;
    case ANEMONE_BRIDGE_RENDER:
      return ErrorCode::mismatch;
    case ANEMONE_BRIDGE_LIMIT:
      return ErrorCode::limit;
    case ANEMONE_BRIDGE_OK:
    case ANEMONE_BRIDGE_INTERNAL:
      break;
  }
  return ErrorCode::unsupported;
}

}  // namespace

Error take_error(anemone_bridge_error* error) {
  const BridgeError owner(error);
  const anemone_bridge_text message = anemone_bridge_error_message(error);
  const std::string_view words(message.data, message.size);
  const ErrorCode code = error_code(anemone_bridge_error_code(error));
  if (const uint32_t line = anemone_bridge_error_line(error); line > 0)
    return fail(code, "line {}: {}", line, words);
  return fail(code, "{}", words);
}

std::string take_text(anemone_bridge_buffer buffer) {
  std::string text(buffer.data, buffer.size);
  anemone_bridge_buffer_free(&buffer);
  return text;
}

}  // namespace anemone::text
