#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "serve/exchange.h"
#include "serve/service.h"

namespace anemone::serve {

/// One thing that the server answers: a file endpoints/<name>.cpp that defines k_<name>, and a line
/// in endpoints.inc.
struct Endpoint {
  std::string_view method;  ///< GET, or POST with a JSON body.
  std::string_view path;    ///< one that ends with / stands for all that begin so.
  bool needs_key = true;
  Reply (*answer)(const Service& service, const Request& request) = nullptr;
};

std::span<const Endpoint> endpoints();

/// The endpoints of a path; none: there is no such path.
std::vector<const Endpoint*> endpoints_at(std::string_view path);

/// What is wrong with a request, as a reply.
Reply refuse(const Error& error);
/// The exchange, or what is wrong.
Reply reply_of(Result<std::unique_ptr<Exchange>> exchange);

}  // namespace anemone::serve
