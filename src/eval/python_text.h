#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Text as Python sees it: code points, Unicode white space, case. Bytes that are not UTF-8 count
/// as one code point each and have no properties.
namespace anemone::eval::python {

struct CodePoint {
  char32_t value = 0;
  size_t size_bytes = 0;
};

/// The code point that starts at `offset`, which must be inside `text`.
CodePoint code_point_at(std::string_view text, size_t offset);

/// str.isspace of one character, which is also what `\s` matches in Python's re.
bool is_space(char32_t character);

/// len(text).
size_t length(std::string_view text);

std::string_view lstrip(std::string_view text);
std::string_view rstrip(std::string_view text);
std::string_view strip(std::string_view text);

bool starts_with_space(std::string_view text);
bool ends_with_space(std::string_view text);

/// str.lower(), with the two context rules that Python has (final sigma, dotted capital I).
std::string lower(std::string_view text);

/// str.upper(), with the characters that become several (sharp s, ligatures, Greek iotas).
std::string upper(std::string_view text);

/// `text` without the characters of Unicode's punctuation categories.
std::string without_punctuation(std::string_view text);

/// str.capitalize(): the first character in title case, the rest in lower case. Title case is the
/// one-character mapping, and that of the Latin ligatures and sharp s.
std::string capitalize(std::string_view text);

/// str.replace(from, to).
std::string replace_all(std::string_view text, std::string_view from, std::string_view to);

/// len(re.split(r"\s+", text)): runs of white space plus one.
size_t count_split_words(std::string_view text);

/// int(text) as far as it fits: optional sign, digits with single underscores between, white space
/// around.
std::optional<int64_t> parse_int(std::string_view text);

/// One of string.punctuation, which is ASCII.
bool is_punctuation(char c);

/// True when all characters are ASCII digits and there is at least one.
bool is_ascii_digits(std::string_view text);

}  // namespace anemone::eval::python
