#include "serve/exchange.h"

#include "serve/server_sent_events.h"

namespace anemone::serve {

Document document_of(const Refusal& refusal) {
  Document document{refusal.status, to_document(refusal)};
  if (refusal.status == 401) document.headers.emplace_back("WWW-Authenticate", "Bearer");
  if (refusal.status == 429) document.headers.emplace_back("Retry-After", "1");
  return document;
}

std::string Exchange::failure(const Refusal& refusal) {
  return "data: " + to_document(refusal) + "\n\n";
}

}  // namespace anemone::serve
