#include "serve/endpoint.h"

namespace anemone::serve {
namespace {

Reply answer(const Service& service, const Request&) {
  return Document{200, service.metrics.text(), "text/plain; version=0.0.4; charset=utf-8"};
}

}  // namespace

extern const Endpoint k_metrics;
const Endpoint k_metrics = {"GET", "/metrics", true, answer};

}  // namespace anemone::serve
