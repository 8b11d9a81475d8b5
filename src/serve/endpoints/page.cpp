#include "serve/endpoint.h"
#include "serve/page/page_files.h"

namespace anemone::serve {
namespace {

Reply answer(const Service&, const Request&) {
  return page_document(kPageHtml, "text/html; charset=utf-8");
}

}  // namespace

extern const Endpoint k_page;
const Endpoint k_page = {"GET", "/", false, answer};

}  // namespace anemone::serve
