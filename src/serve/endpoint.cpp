#include "serve/endpoint.h"

#include <array>

namespace anemone::serve {

#define ENDPOINT(name) extern const Endpoint k_##name;
#include "serve/endpoints/endpoints.inc"
#undef ENDPOINT

std::span<const Endpoint> endpoints() {
  static const std::array all = {
#define ENDPOINT(name) k_##name,
#include "serve/endpoints/endpoints.inc"
#undef ENDPOINT
  };
  return all;
}

std::vector<const Endpoint*> endpoints_at(std::string_view path) {
  std::vector<const Endpoint*> found;
  for (const Endpoint& endpoint : endpoints()) {
    const bool is_root = endpoint.path == "/";
    const bool is_folder = endpoint.path.ends_with('/') && !is_root;
    if (is_folder ? path.starts_with(endpoint.path) && path.size() > endpoint.path.size()
                  : path == endpoint.path)
      found.push_back(&endpoint);
  }
  return found;
}

Reply refuse(const Error& error) { return document_of(refusal_of(error)); }

Reply reply_of(Result<std::unique_ptr<Exchange>> exchange) {
  if (!exchange.ok()) return refuse(exchange.error());
  return *std::move(exchange);
}

}  // namespace anemone::serve
