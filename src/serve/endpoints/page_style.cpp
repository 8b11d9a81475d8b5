#include "serve/endpoint.h"
#include "serve/page/page_files.h"

namespace anemone::serve {
namespace {

Reply answer(const Service&, const Request&) {
  return page_document(kPageStyle, "text/css; charset=utf-8");
}

}  // namespace

extern const Endpoint k_page_style;
const Endpoint k_page_style = {"GET", "/chat.css", false, answer};

}  // namespace anemone::serve
