#include "serve/endpoint.h"

namespace anemone::serve {
namespace {

Reply answer(const Service& service, const Request&) {
  return Document{200, dump({{"status", "ok"},
                             {"running", service.metrics.running.load()},
                             {"waiting", service.metrics.waiting.load()}})};
}

}  // namespace

extern const Endpoint k_health;
const Endpoint k_health = {"GET", "/health", false, answer};

}  // namespace anemone::serve
