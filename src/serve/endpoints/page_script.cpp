#include "serve/endpoint.h"
#include "serve/page/page_files.h"

namespace anemone::serve {
namespace {

Reply answer(const Service&, const Request&) {
  return page_document(kPageScript, "text/javascript; charset=utf-8");
}

}  // namespace

extern const Endpoint k_page_script;
const Endpoint k_page_script = {"GET", "/chat.js", false, answer};

}  // namespace anemone::serve
