#include "serve/endpoint.h"
#include "serve/model_document.h"

namespace anemone::serve {
namespace {

constexpr std::string_view kPath = "/v1/models/";

Reply answer(const Service& service, const Request& request) {
  const std::string name = request.path.substr(kPath.size());
  if (const Status known = service.check_model(name); !known.ok()) return refuse(known.error());
  return Document{200, dump(model_document(service, name))};
}

}  // namespace

extern const Endpoint k_model;
const Endpoint k_model = {"GET", kPath, true, answer};

}  // namespace anemone::serve
