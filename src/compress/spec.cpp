#include "compress/spec.h"

#include <algorithm>
#include <numeric>

#include "base/error.h"

namespace anemone::compress {
namespace {

constexpr std::array<std::string_view, 19> kSpellings = {
    "fp16",        "int8",    "int8:tensor", "int8:b32", "int4:channel", "int4:b32", "int8:affine",
    "lut1",        "lut2",    "lut3",        "lut4",     "lut6",         "lut8",     "lut4:g16",
    "lut4:tensor", "lut4:v2", "lut4:int8",   "sparse50", "sparse2:4"};

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> pieces(1);
  for (const char c : text) {
    if (c == separator)
      pieces.emplace_back();
    else
      pieces.back() += c;
  }
  return pieces;
}

std::string_view without_blanks(std::string_view text) {
  const size_t begin = std::min(text.find_first_not_of(" \t"), text.size());
  return text.substr(begin, text.find_last_not_of(" \t") + 1 - begin);
}

/// Letters to change, add or remove.
size_t distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = row[0]++;
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t changed = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({row[j] + 1, row[j + 1] + 1, changed});
    }
  }
  return row.back();
}

std::string_view nearest_to(std::string_view text) {
  return *std::ranges::min_element(
      kSpellings, {}, [&](std::string_view known) { return distance(text.substr(0, 64), known); });
}

Error unknown(std::string_view text) {
  std::string known = "fp16";
  for (const SchemeFamily* family : scheme_families())
    known += "; " + std::string(family->spellings);
  return with_hint(fail(ErrorCode::invalid_argument, "'{}' is no compression", text),
                   fmt::format("the nearest is {}; known: {}", nearest_to(text), known));
}

Result<std::shared_ptr<const Scheme>> parse_scheme(std::string_view text);

/// A word is missing: says what is left without it, where that is a compression.
Error incomplete(std::string_view text, const Terms& terms) {
  std::string rest;
  for (const std::vector<std::string>& words : terms) {
    std::string term;
    for (const std::string& word : words)
      if (!word.empty()) term += (term.empty() ? "" : ":") + word;
    if (!term.empty()) rest += (rest.empty() ? "" : "+") + term;
  }
  return with_hint(
      fail(ErrorCode::invalid_argument, "'{}': nothing stands beside a ':' or '+' of it", text),
      fmt::format("the nearest is {}", rest.empty()              ? "int8"
                                       : parse_scheme(rest).ok() ? std::string_view(rest)
                                                                 : nearest_to(rest)));
}

Result<std::shared_ptr<const Scheme>> parse_scheme(std::string_view text) {
  if (text == "fp16") return std::shared_ptr<const Scheme>();
  Terms terms;
  for (const std::string& term : split(text, '+')) terms.push_back(split(term, ':'));
  for (const std::vector<std::string>& words : terms)
    if (std::ranges::find(words, "") != words.end()) return incomplete(text, terms);
  for (const SchemeFamily* family : scheme_families()) {
    ANEMONE_TRY(auto scheme, family->parse(terms));
    if (scheme) return scheme;
  }
  return unknown(text);
}

Error without_scheme(std::string_view piece, std::string_view part) {
  return with_hint(
      fail(ErrorCode::invalid_argument, "'{}' does not say how the part is stored", piece),
      fmt::format("as in {0}=lut4:g16; {0}=fp16 leaves it as it is", part));
}

}  // namespace

Result<Spec> Spec::parse(std::string_view text) {
  text = without_blanks(text);
  if (text.empty())
    return with_hint(fail(ErrorCode::invalid_argument, "nothing says how weights are to be stored"),
                     "give --quantize SCHEME, or --target-bits with --calibrate");
  Spec spec;
  if (text.find('=') == std::string_view::npos && text.find(',') == std::string_view::npos) {
    if (std::ranges::find(kPartNames, text) != kPartNames.end()) return without_scheme(text, text);
    ANEMONE_TRY(const auto scheme, parse_scheme(text));
    for (const Part part : {Part::ffn, Part::attn, Part::head})
      spec.schemes_[static_cast<size_t>(part)] = scheme;
    return spec;
  }
  std::array<bool, kPartNames.size()> given{};
  for (const std::string& given_piece : split(text, ',')) {
    const std::string piece(without_blanks(given_piece));
    const size_t equals = piece.find('=');
    const std::string name(without_blanks(std::string_view(piece).substr(0, equals)));
    const auto part = std::ranges::find(kPartNames, name);
    if (piece.empty())
      return with_hint(
          fail(ErrorCode::invalid_argument, "'{}': nothing stands beside a ',' of it", text),
          "parts are parted by commas, as in ffn=lut4:g16,head=lut6:g8");
    if (equals == std::string::npos && part != kPartNames.end()) return without_scheme(piece, name);
    if (equals == std::string::npos && parse_scheme(piece).ok())
      return with_hint(
          fail(ErrorCode::invalid_argument, "'{}' does not say of which part it is", piece),
          fmt::format("one scheme alone is for all but the embedding; among others each has its "
                      "part, as in ffn={0},attn={0},head={0},embed=int8",
                      piece));
    if (equals == std::string::npos || part == kPartNames.end())
      return with_hint(fail(ErrorCode::invalid_argument, "'{}' is no part of a model", name),
                       fmt::format("the nearest is {}; parts: ffn, attn, head, embed; as in "
                                   "ffn=lut4:g16,head=lut6:g8",
                                   *std::ranges::min_element(kPartNames, {}, [&](auto known) {
                                     return distance(std::string_view(name).substr(0, 64), known);
                                   })));
    const auto index = static_cast<size_t>(part - kPartNames.begin());
    if (std::exchange(given[index], true))
      return fail(ErrorCode::invalid_argument, "the part {} is given twice", name);
    if (equals + 1 == piece.size()) return without_scheme(piece, name);
    ANEMONE_TRY(spec.schemes_[index],
                parse_scheme(without_blanks(std::string_view(piece).substr(equals + 1))));
  }
  return spec;
}

bool Spec::is_dense() const {
  return std::ranges::none_of(schemes_, [](const auto& scheme) { return scheme != nullptr; });
}

bool Spec::is_uniform() const {
  const auto text_of = [&](Part part) { return scheme(part) ? scheme(part)->text() : ""; };
  return text_of(Part::attn) == text_of(Part::ffn) && text_of(Part::head) == text_of(Part::ffn);
}

Error compresses_nothing(std::string_view text) {
  return with_hint(
      fail(ErrorCode::invalid_argument, "'{}' leaves all weights as they are", text),
      "the nearest is int8; fp16 is for parts that stay, as in ffn=lut4:g16,attn=fp16");
}

std::string Spec::text() const {
  std::string text;
  for (size_t i = 0; i < kPartNames.size(); ++i)
    text += fmt::format("{}{}={}", i == 0 ? "" : ",", kPartNames[i],
                        schemes_[i] ? schemes_[i]->text() : "fp16");
  return text;
}

}  // namespace anemone::compress
