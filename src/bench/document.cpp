#include "bench/document.h"

#include "base/error.h"
#include "bench/judgement.h"

namespace anemone::bench {

const Json* member(const Json& object, const char* key) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(key);
  return found == object.end() ? nullptr : &*found;
}

std::string text_of(const Json& object, const char* key) {
  const Json* value = member(object, key);
  return value != nullptr && value->is_string() ? value->get<std::string>() : "";
}

Status check_identity(const Json& document, const Machine& own) {
  const Json* format = member(document, "anemone_bench");
  if (format == nullptr || !format->is_number_integer())
    return fail(ErrorCode::corrupt, "no document of anemone bench");
  if (format->get<int64_t>() != kDocumentVersion)
    return fail(ErrorCode::unsupported, "a document of version {}, this program knows {}",
                format->get<int64_t>(), kDocumentVersion);
  const Json* machine = member(document, "machine");
  const std::string identity = machine == nullptr ? "" : text_of(*machine, "identity");
  if (identity.empty())
    return fail(ErrorCode::mismatch, "'machine/identity': expected a text, got nothing");
  if (identity != own.identity())
    return with_hint(fail(ErrorCode::mismatch, "measured on '{}', this machine is '{}'", identity,
                          own.identity()),
                     "speeds of different machines are not compared");
  return {};
}

}  // namespace anemone::bench
