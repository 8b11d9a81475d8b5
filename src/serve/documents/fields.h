#pragma once

#include <cstdint>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "anemone/result.h"

namespace anemone::serve {

/// Keeps the order of keys: a schema's properties have one.
using Json = nlohmann::ordered_json;

/// UTF-8 in any case.
std::string dump(const Json& json);

/// A JSON object from a client: at most 64 deep, 1,024 keys in an object. Errors: invalid_argument.
Result<Json> parse_body(std::string_view body);

/// An error of one field of a request: its name is the innermost frame.
Error field_error(ErrorCode code, std::string field, std::string message);

/// The fields of one object of a request. A getter that finds a wrong value remembers the first
/// fault and goes on with what a missing field gives; null is as missing. `finish` reports that, or
/// a field that nobody asked for. `object` must outlive this.
class Fields {
 public:
  /// `path`: what stands before the names of fields in errors, such as "stream_options.".
  explicit Fields(const Json& object, std::string path = {});

  /// Null when missing.
  const Json* find(std::string_view name);
  std::optional<std::string> text(std::string_view name);
  bool truth(std::string_view name, bool otherwise);
  std::optional<int64_t> whole(std::string_view name, int64_t least, int64_t most);
  std::optional<double> number(std::string_view name, double least, double most);
  /// A field that may hold anything because nothing depends on it.
  void ignore(std::initializer_list<std::string_view> names);
  /// Fields that would change the answer in a way that this server does not have. Values that ask
  /// for nothing are fine: null, false, [], {}.
  void refuse(std::initializer_list<std::string_view> names);
  void fault(std::string_view name, std::string message,
             ErrorCode code = ErrorCode::invalid_argument);
  Status finish();

 private:
  const Json& object_;
  std::string path_;
  std::set<std::string, std::less<>> known_;
  Status status_;
};

}  // namespace anemone::serve
