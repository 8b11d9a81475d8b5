#include "serve/documents/fields.h"

#include <fmt/format.h>

#include <cmath>

#include "base/json_document.h"
#include "base/utf8.h"

namespace anemone::serve {
namespace {

constexpr size_t kMostDepth = 64;
// An object of n keys costs n^2 comparisons.
constexpr size_t kMostKeys = 1024;

}  // namespace

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<Json> parse_body(std::string_view body) {
  if (!is_utf8(body)) return Error{ErrorCode::invalid_argument, "the body is not UTF-8", {}, {}};
  if (const Status bounds = check_json_bounds(body, kMostDepth, kMostKeys); !bounds.ok())
    return Error{ErrorCode::invalid_argument, bounds.error().message, {}, {}};
  Json json = Json::parse(body, nullptr, false);
  if (json.is_discarded())
    return Error{ErrorCode::invalid_argument, "the body is not JSON", {}, {}};
  if (!json.is_object())
    return Error{ErrorCode::invalid_argument,
                 fmt::format("the body is a JSON {}, expected an object", json.type_name()),
                 {},
                 {}};
  return json;
}

Error field_error(ErrorCode code, std::string field, std::string message) {
  return {code, std::move(message), {std::move(field)}, {}};
}

Fields::Fields(const Json& object, std::string path) : object_(object), path_(std::move(path)) {
  if (!object.is_object())
    status_ = field_error(ErrorCode::invalid_argument, path_.substr(0, path_.rfind('.')),
                          fmt::format("is a JSON {}, expected an object", object.type_name()));
}

const Json* Fields::find(std::string_view name) {
  known_.emplace(name);
  if (!object_.is_object()) return nullptr;
  const auto found = object_.find(std::string(name));
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

std::optional<std::string> Fields::text(std::string_view name) {
  const Json* const value = find(name);
  if (value == nullptr) return std::nullopt;
  if (value->is_string()) return value->get<std::string>();
  fault(name, fmt::format("is a {}, expected a string", value->type_name()));
  return std::nullopt;
}

bool Fields::truth(std::string_view name, bool otherwise) {
  const Json* const value = find(name);
  if (value == nullptr) return otherwise;
  if (value->is_boolean()) return value->get<bool>();
  fault(name, fmt::format("is a {}, expected true or false", value->type_name()));
  return otherwise;
}

std::optional<int64_t> Fields::whole(std::string_view name, int64_t least, int64_t most) {
  const Json* const value = find(name);
  if (value == nullptr) return std::nullopt;
  const bool fits =
      value->is_number_integer() &&
      (!value->is_number_unsigned() || value->get<uint64_t>() <= static_cast<uint64_t>(INT64_MAX));
  if (fits && value->get<int64_t>() >= least && value->get<int64_t>() <= most)
    return value->get<int64_t>();
  fault(name, fmt::format("is {}, expected a whole number from {} to {}",
                          value->is_number() ? dump(*value) : value->type_name(), least, most));
  return std::nullopt;
}

std::optional<double> Fields::number(std::string_view name, double least, double most) {
  const Json* const value = find(name);
  if (value == nullptr) return std::nullopt;
  const double number = value->is_number() ? value->get<double>() : NAN;
  if (number >= least && number <= most) return number;
  fault(name, fmt::format("is {}, expected a number from {} to {}",
                          value->is_number() ? dump(*value) : value->type_name(), least, most));
  return std::nullopt;
}

void Fields::ignore(std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) known_.emplace(name);
}

void Fields::refuse(std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) {
    const Json* const value = find(name);
    if (value == nullptr || *value == false || (value->is_structured() && value->empty())) continue;
    fault(name, "is not supported by this server", ErrorCode::unsupported);
  }
}

void Fields::fault(std::string_view name, std::string message, ErrorCode code) {
  if (status_.ok()) status_ = field_error(code, path_ + std::string(name), std::move(message));
}

Status Fields::finish() {
  if (!status_.ok()) return status_;
  for (const auto& [name, value] : object_.items())
    if (!known_.contains(name))
      return field_error(ErrorCode::invalid_argument, path_ + name,
                         "is not a field of this request");
  return {};
}

}  // namespace anemone::serve
