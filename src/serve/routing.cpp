#include "serve/routing.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>

namespace anemone::serve {
namespace {

std::string lower(std::string_view text) {
  std::string small(text);
  for (char& c : small) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return small;
}

/// Takes as long for a wrong key as for the right one.
bool same(std::string_view given, std::string_view key) {
  unsigned char differs = given.size() == key.size() ? 0 : 1;
  for (size_t i = 0; i < key.size(); ++i)
    differs |=
        static_cast<unsigned char>(key[i] ^ (given.empty() ? '\0' : given[i % given.size()]));
  return differs == 0;
}

bool has_key(std::string_view authorization, std::string_view key) {
  constexpr std::string_view kScheme = "bearer ";
  return lower(authorization.substr(0, kScheme.size())) == kScheme &&
         same(authorization.substr(kScheme.size()), key);
}

bool is_json(std::string_view type) {
  std::string name = lower(type.substr(0, type.find(';')));
  while (!name.empty() && name.back() == ' ') name.pop_back();
  return name == "application/json";
}

Document refused(int status, std::string message, std::string code) {
  return document_of(Refusal{status, std::move(message), std::move(code), ""});
}

Document not_allowed(const RequestHead& head, const std::vector<const Endpoint*>& found) {
  std::vector<std::string> methods;
  for (const Endpoint* endpoint : found) methods.emplace_back(endpoint->method);
  const std::string allowed = fmt::format("{}", fmt::join(methods, ", "));
  Document document =
      refused(405, fmt::format("{} is not for {}, but {}", head.path, head.method, allowed),
              "method_not_allowed");
  document.headers.emplace_back("Allow", allowed);
  return document;
}

/// Allows whichever headers are asked for: clients send ones of their own.
Document preflight(const std::string& wanted) {
  constexpr std::string_view kOfNames = "!#$%&'*+-.^_`|~, ";
  const bool are_names = std::ranges::all_of(wanted, [&](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || kOfNames.find(c) != kOfNames.npos;
  });
  return {204,
          "",
          "",
          {{"Access-Control-Allow-Methods", "GET, POST"},
           {"Access-Control-Allow-Headers",
            are_names && !wanted.empty() ? wanted : "Authorization, Content-Type"},
           {"Access-Control-Max-Age", "600"}}};
}

/// Of a Host header, without the port.
std::string name_of(std::string_view host) {
  const std::string name = lower(host);
  if (name.starts_with('[')) return name.substr(0, name.find(']') + 1);
  return name.substr(0, name.find(':'));
}

bool is_for(const Service& service, std::string_view host) {
  return names_this_machine(host) || name_of(host) == lower(service.options.host);
}

}  // namespace

bool names_this_machine(std::string_view host) {
  const std::string name = name_of(host);
  if (name == "[::1]") return true;
  if (name == "localhost" || name.ends_with(".localhost")) return true;
  const bool is_address = name.find_first_not_of("0123456789.") == std::string::npos;
  return is_address && name.starts_with("127.");
}

std::vector<std::pair<std::string, std::string>> cors_headers(const Options& options,
                                                              const std::string& origin) {
  if (origin.empty()) return {};
  const auto allows = [&](const char* who) {
    return std::ranges::find(options.cors_origins, who) != options.cors_origins.end();
  };
  if (allows("*")) return {{"Access-Control-Allow-Origin", "*"}};
  if (!allows(origin.c_str())) return {};
  return {{"Access-Control-Allow-Origin", origin}};
}

Route route(const Service& service, const RequestHead& head) {
  if (service.local_only && !is_for(service, head.host))
    return {nullptr, refused(403, "the Host of the request is not this machine", "wrong_host")};
  const auto found = endpoints_at(head.path);
  if (found.empty())
    return {nullptr, refused(404, fmt::format("there is no {}", head.path), "unknown_url")};
  if (head.method == "OPTIONS" && !cors_headers(service.options, head.origin).empty())
    return {nullptr, preflight(head.wanted_headers)};
  const std::string_view method = head.method == "HEAD" ? "GET" : std::string_view(head.method);
  const auto endpoint = std::ranges::find(found, method, &Endpoint::method);
  if (endpoint == found.end()) return {nullptr, not_allowed(head, found)};
  const std::string& key = service.options.api_key;
  if ((*endpoint)->needs_key && !key.empty() && !has_key(head.authorization, key))
    return {*endpoint,
            refused(401,
                    head.authorization.empty() ? "an API key is needed: Authorization: Bearer KEY"
                                               : "the API key is wrong",
                    "invalid_api_key")};
  if (method != "POST") return {*endpoint, std::nullopt};
  if (!is_json(head.content_type))
    return {*endpoint, refused(415, "the Content-Type is not application/json", "media_type")};
  if (!head.content_encoding.empty() && lower(head.content_encoding) != "identity")
    return {*endpoint, refused(415, "the body has a Content-Encoding", "media_type")};
  return {*endpoint, std::nullopt};
}

}  // namespace anemone::serve
