#include "serve/endpoint.h"
#include "serve/model_document.h"

namespace anemone::serve {
namespace {

Reply answer(const Service& service, const Request&) {
  Json data = Json::array();
  for (const std::string& name : service.model_names())
    data.push_back(model_document(service, name));
  return Document{200, dump({{"object", "list"}, {"data", std::move(data)}})};
}

}  // namespace

extern const Endpoint k_models;
const Endpoint k_models = {"GET", "/v1/models", true, answer};

}  // namespace anemone::serve
