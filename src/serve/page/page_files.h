#pragma once

#include <string_view>

#include "serve/exchange.h"

namespace anemone::serve {

/// The files of the chat page, which the build makes part of the program.
extern const std::string_view kPageHtml;
extern const std::string_view kPageStyle;
extern const std::string_view kPageScript;

/// With a policy under which the page can reach nothing but this server.
inline Document page_document(std::string_view text, std::string_view type) {
  return {200,
          std::string(text),
          std::string(type),
          {{"Content-Security-Policy",
            "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src "
            "data:; "
            "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
           {"Referrer-Policy", "no-referrer"},
           {"Cache-Control", "no-cache"}}};
}

}  // namespace anemone::serve
