#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "serve/endpoint.h"

namespace anemone::serve {

/// What counts of a request's head.
struct RequestHead {
  std::string method;
  std::string path;  ///< without query.
  std::string host;
  std::string origin;
  std::string authorization;
  std::string content_type;
  std::string content_encoding;
  std::string wanted_headers = {};  ///< Access-Control-Request-Headers.
};

/// Who answers, or why nobody does.
struct Route {
  const Endpoint* endpoint = nullptr;
  std::optional<Document> refusal;
};

/// Checks, in this order: the host (a server on a loopback address answers to names of this machine
/// and to Options::host alone: a page that lets its own name point here reaches nothing), the path,
/// the method, the key, the type of the body (a page cannot send JSON to another origin without
/// being allowed to).
Route route(const Service& service, const RequestHead& head);

/// What a browser is told; empty without Options::cors_origins.
std::vector<std::pair<std::string, std::string>> cors_headers(const Options& options,
                                                              const std::string& origin);

/// Whether a Host header names this machine: localhost or a loopback address.
bool names_this_machine(std::string_view host);

}  // namespace anemone::serve
