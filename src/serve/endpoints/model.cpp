#include <charconv>

#include "serve/endpoint.h"
#include "serve/model_document.h"

namespace anemone::serve {
namespace {

constexpr std::string_view kPath = "/v1/models/";

/// With %XX as the bytes they stand for: clients write the `/` of a name so.
std::string decoded(std::string_view text) {
  std::string bytes;
  for (size_t i = 0; i < text.size(); ++i) {
    unsigned value = 0;
    const char* const digits = text.data() + i + 1;
    if (text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(digits, digits + 2, value, 16).ptr == digits + 2) {
      bytes += static_cast<char>(value);
      i += 2;
    } else {
      bytes += text[i];
    }
  }
  return bytes;
}

Reply answer(const Service& service, const Request& request) {
  const std::string name = decoded(std::string_view(request.path).substr(kPath.size()));
  if (const Status known = service.check_model(name); !known.ok()) return refuse(known.error());
  return Document{200, dump(model_document(service, name))};
}

}  // namespace

extern const Endpoint k_model;
const Endpoint k_model = {"GET", kPath, true, answer};

}  // namespace anemone::serve
