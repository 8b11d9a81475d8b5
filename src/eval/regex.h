#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "anemone/result.h"

namespace anemone::eval {

/// A regular expression in Python's syntax over UTF-8 text, matched by PCRE2. `\s`, `\d`, `\w` and
/// their complements mean what they mean in Python's re (Unicode), `\Z` the very end. Matching is
/// bounded by PCRE2's match limit.
/// Immutable; may be used from several threads.
class Regex {
 public:
  /// Errors: invalid_argument (syntax, with offset); unsupported (what PCRE2 lacks).
  static Result<Regex> compile(std::string_view pattern);
  /// For patterns that are part of this program.
  static Regex constant(std::string_view pattern);

  /// re.fullmatch(text) is not None.
  bool matches_all(std::string_view text) const;

  /// re.escape(text).
  static std::string escape(std::string_view text);

  /// re.search(text) is not None. Errors: limit.
  Result<bool> matches_in(std::string_view text) const;

  /// re.findall(text): of each match its groups (empty where one took no part), or the match itself
  /// when the pattern has no group.
  /// Errors: limit (the pattern backtracks too much on this text).
  Result<std::vector<std::vector<std::string>>> find_all(std::string_view text) const;

  /// re.split(self, text) of a pattern without groups. Errors: limit.
  Result<std::vector<std::string>> split(std::string_view text) const;

  /// re.sub(self, replacement, text); "\1" … "\9" in `replacement` name groups, "\\" a backslash.
  /// Errors: limit (the pattern backtracks too much on this text).
  Result<std::string> replace_all(std::string_view text, std::string_view replacement) const;

 private:
  template <typename Found>
  Status for_each_match(std::string_view text, const Found& found) const;

  struct Code;
  explicit Regex(std::shared_ptr<const Code> code) : code_(std::move(code)) {}
  std::shared_ptr<const Code> code_;
};

}  // namespace anemone::eval
