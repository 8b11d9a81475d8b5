#pragma once

#include <protozero/pbf_writer.hpp>
#include <string>
#include <utility>

namespace anemone::package {

using Writer = protozero::pbf_writer;

/// Adds a message as field `tag` that `fill(Writer&)` writes. It is there also when it is empty:
/// protozero's own nested writers drop empty messages, which choose between kinds here.
template <typename Fill>
void add_message(Writer& parent, uint32_t tag, Fill&& fill) {
  std::string bytes;
  Writer message(bytes);
  std::forward<Fill>(fill)(message);
  parent.add_message(tag, bytes);
}

/// An absent text is an empty one.
inline void add_text(Writer& parent, uint32_t tag, const std::string& text) {
  if (!text.empty()) parent.add_string(tag, text);
}

}  // namespace anemone::package
