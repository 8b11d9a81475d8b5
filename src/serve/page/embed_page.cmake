# anemone_embed_page(<output.cpp>): writes chat.html, chat.css and chat.js as string literals (page_files.h).
function(anemone_embed_page output)
  foreach(name html css js)
    set(file ${CMAKE_CURRENT_SOURCE_DIR}/page/chat.${name})
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
    file(READ ${file} ${name})
  endforeach()
  file(CONFIGURE OUTPUT ${output} @ONLY CONTENT [[
#include "serve/page/page_files.h"

namespace anemone::serve {

const std::string_view kPageHtml = R"anemone(@html@)anemone";
const std::string_view kPageStyle = R"anemone(@css@)anemone";
const std::string_view kPageScript = R"anemone(@js@)anemone";

}  // namespace anemone::serve
]])
endfunction()
