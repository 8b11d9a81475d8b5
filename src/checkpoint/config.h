#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "anemone/result.h"

namespace anemone::checkpoint {

struct IntegerRange {
  int64_t min = 1;
  int64_t max = std::numeric_limits<int32_t>::max();
};

/// Typed reading of a config.json that forgets nothing: what is missing, of the wrong type, refused
/// or unread is collected, and `finish` reports all of it in one error.
///
/// A getter whose field is wrong returns a harmless value (1, 1.0, false, "") and the caller goes
/// on; nothing may be built from the values before `finish` says they are sound. A `fallback`
/// stands for an absent field, never for a wrong one; what null means is said at each getter.
/// Not synchronised. Copies, and the readers of nested objects, share what was collected.
class ConfigReader {
 public:
  /// Errors: corrupt (not a JSON object, or a key twice in one object), limit (nested too deeply).
  static Result<ConfigReader> parse(std::string_view text);

  bool has(std::string_view key) const;  ///< present and not null; does not count as read.

  /// Null is wrong. A number with a fraction is no integer.
  int64_t integer(std::string_view key, std::optional<int64_t> fallback = {},
                  IntegerRange range = {});
  /// Null: nothing. Absent: `fallback`.
  std::optional<int64_t> optional_integer(std::string_view key,
                                          std::optional<int64_t> fallback = {},
                                          IntegerRange range = {});
  /// Finite. Null is wrong.
  double number(std::string_view key, std::optional<double> fallback = {});
  /// Finite and above zero. Null is wrong.
  double positive_number(std::string_view key, std::optional<double> fallback = {});
  /// Null: nothing. Absent: `fallback`.
  std::optional<double> optional_number(std::string_view key, std::optional<double> fallback = {});
  bool flag(std::string_view key, bool fallback);  ///< Null: false.
  std::string word(std::string_view key, std::optional<std::string> fallback = {});

  /// Lists: nothing when absent or null.
  std::optional<std::vector<int64_t>> integers(std::string_view key, IntegerRange range = {});
  std::optional<std::vector<double>> numbers(std::string_view key);
  std::optional<std::vector<std::string>> words(std::string_view key);

  /// The reader of a nested object, whose fields must all be read too; nothing when absent or null.
  std::optional<ConfigReader> object(std::string_view key);

  /// These fields do not influence what this family computes, whatever they say.
  void ignore(std::initializer_list<std::string_view> keys);
  /// This field changes the mathematics in a way that is not supported unless it is absent, null or
  /// false.
  void refuse_if_true(std::string_view key);

  /// A field whose value cannot be honoured: reported as unsupported.
  void refuse(std::string_view key, std::string_view why);
  /// A field whose value contradicts another: reported as corrupt.
  void reject(std::string_view key, std::string_view why);

  /// Errors: corrupt (fields missing, of the wrong type or impossible), unsupported (values that
  /// are refused, fields that nobody read, that are not null and not known to be without
  /// influence).
  Status finish() const;

 private:
  struct Collected;
  ConfigReader(std::shared_ptr<Collected> collected, const nlohmann::json* node,
               std::string prefix);
  const nlohmann::json* take(std::string_view key);
  std::string path(std::string_view key) const;
  void wrong(std::string_view key, std::string_view expected, const nlohmann::json* found);
  void missing(std::string_view key);

  std::shared_ptr<Collected> collected_;
  const nlohmann::json* node_;
  std::string prefix_;  ///< "rope_scaling." in a nested object.
};

}  // namespace anemone::checkpoint
