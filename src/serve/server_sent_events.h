#pragma once

#include <string>
#include <string_view>

#include "serve/documents/fields.h"

/// Texts of an event stream (WHATWG HTML, 9.2). JSON has no line ends of its own, so a document is
/// one line of data.
namespace anemone::serve {

inline constexpr std::string_view kPing = ": ping\n\n";
inline constexpr std::string_view kStreamEnd = "data: [DONE]\n\n";

inline std::string event_of(const Json& document) { return "data: " + dump(document) + "\n\n"; }

inline std::string event_of(std::string_view name, const Json& document) {
  return "event: " + std::string(name) + "\n" + event_of(document);
}

}  // namespace anemone::serve
