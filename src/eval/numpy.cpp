#include "eval/numpy.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

namespace anemone::eval::numpy {
namespace {

constexpr int kDigits = 8;
constexpr size_t kLineWidth = 75;

/// The digits behind the point that are not zeros at the end.
size_t needed_digits(std::string_view fraction) { return fraction.find_last_not_of('0') + 1; }

/// "1.25e-05" in its parts: the mantissa's fraction and the exponent with its sign.
struct Scientific {
  std::string whole;
  std::string fraction;
  std::string exponent;
};

Scientific scientific(double value, int digits) {
  const std::string text = fmt::format("{:#.{}e}", value, digits);
  const size_t point = text.find('.');
  const size_t letter = text.find('e');
  return {text.substr(0, point), text.substr(point + 1, letter - point - 1),
          text.substr(letter + 1)};
}

std::vector<std::string> with_exponents(std::span<const double> values) {
  size_t digits = 0;
  size_t exponent_size = 0;
  for (const double value : values) {
    const Scientific parts = scientific(value, kDigits);
    digits = std::max(digits, needed_digits(parts.fraction));
    exponent_size = std::max(exponent_size, parts.exponent.size() - 1);
  }
  std::vector<std::string> words;
  for (const double value : values) {
    const Scientific parts = scientific(value, static_cast<int>(digits));
    const std::string zeros(exponent_size + 1 - parts.exponent.size(), '0');
    words.push_back(parts.whole + "." + parts.fraction + "e" + parts.exponent[0] + zeros +
                    parts.exponent.substr(1));
  }
  return words;
}

std::vector<std::string> with_points(std::span<const double> values) {
  std::vector<std::string> words;
  size_t before = 0;
  size_t after = 0;
  for (const double value : values) {
    std::string word = fmt::format("{:.{}f}", value, kDigits);
    const size_t point = word.find('.');
    word.resize(point + 1 + needed_digits(std::string_view(word).substr(point + 1)));
    before = std::max(before, point);
    after = std::max(after, word.size() - point - 1);
    words.push_back(std::move(word));
  }
  for (std::string& word : words) {
    const size_t point = word.find('.');
    const std::string blanks(after - (word.size() - point - 1), ' ');
    word = std::string(before - point, ' ') + word + blanks;
  }
  return words;
}

bool wants_exponents(std::span<const double> values) {
  double most = 0;
  double least = std::numeric_limits<double>::infinity();
  for (const double value : values) {
    if (value == 0) continue;
    most = std::max(most, std::abs(value));
    least = std::min(least, std::abs(value));
  }
  return most > 0 && (most >= 1e8 || least < 1e-4 || most / least > 1000);
}

}  // namespace

double sum(std::span<const double> values) {
  if (values.size() < 8) {
    double total = 0;
    for (const double value : values) total += value;
    return total;
  }
  if (values.size() > 128) {
    const size_t half = values.size() / 2 / 8 * 8;
    return sum(values.first(half)) + sum(values.subspan(half));
  }
  std::array<double, 8> running{};
  std::copy_n(values.begin(), 8, running.begin());
  size_t at = 8;
  for (; at + 8 <= values.size(); at += 8)
    for (size_t k = 0; k < 8; ++k) running[k] += values[at + k];
  double total = ((running[0] + running[1]) + (running[2] + running[3])) +
                 ((running[4] + running[5]) + (running[6] + running[7]));
  for (; at < values.size(); ++at) total += values[at];
  return total;
}

std::string array_str(std::span<const double> values) {
  const auto words = wants_exponents(values) ? with_exponents(values) : with_points(values);
  std::string out;
  std::string line = " ";
  for (size_t i = 0; i < words.size(); ++i) {
    if (line.size() > 1 && line.size() + words[i].size() > kLineWidth - 1) {
      out += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
      line = " ";
    }
    line += words[i];
    if (i + 1 < words.size()) line += " ";
  }
  out += line;
  return "[" + out.substr(1) + "]";
}

}  // namespace anemone::eval::numpy
