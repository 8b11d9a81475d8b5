#include "support/op_case.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <fstream>
#include <sstream>

#include "base/error.h"
#include "base/float16.h"

namespace anemone::test {
namespace {

Result<Tolerance> read_tolerance(const std::string& text) {
  std::istringstream words(text);
  std::string word;
  words >> word;
  Tolerance tolerance;
  if (word == "exact") {
    tolerance.kind = Tolerance::Kind::exact;
  } else if (word == "ulp") {
    tolerance.kind = Tolerance::Kind::ulp;
    words >> tolerance.ulps;
  } else if (word == "abs") {
    tolerance.kind = Tolerance::Kind::absolute_relative;
    words >> tolerance.absolute >> word >> tolerance.relative;
    if (word != "rel") words.setstate(std::ios::failbit);
  } else {
    words.setstate(std::ios::failbit);
  }
  if (words.fail() || words >> word)
    return fail(ErrorCode::corrupt, "'{}' is no tolerance (exact | ulp N | abs A rel R)", text);
  return tolerance;
}

/// Position among the representable values of the dtype, with both zeros at 0.
double position(double value, DType dtype) {
  const auto ordered = [](int64_t bits, int64_t sign) {
    return static_cast<double>((bits & sign) != 0 ? -(bits & ~sign) : bits);
  };
  if (dtype == DType::fp16) return ordered(double_to_fp16(value), 0x8000);
  if (dtype == DType::fp32)
    return ordered(std::bit_cast<uint32_t>(static_cast<float>(value)), int64_t{1} << 31);
  return value;
}

bool near(double got, double expected, DType dtype, const Tolerance& tolerance) {
  if (std::isnan(got) || std::isnan(expected)) return std::isnan(got) && std::isnan(expected);
  switch (tolerance.kind) {
    case Tolerance::Kind::exact:
      return got == expected && std::signbit(got) == std::signbit(expected);
    case Tolerance::Kind::ulp:
      return std::fabs(position(got, dtype) - position(expected, dtype)) <= tolerance.ulps;
    case Tolerance::Kind::absolute_relative:
      return got == expected || std::fabs(got - expected) <=
                                    tolerance.absolute + tolerance.relative * std::fabs(expected);
  }
  return false;
}

}  // namespace

std::vector<std::filesystem::path> mil_files(const std::string& folder) {
  std::vector<std::filesystem::path> files;
  const auto path = std::filesystem::path(ANEMONE_SOURCE_DIR) / "tests" / folder;
  for (const auto& entry : std::filesystem::directory_iterator(path))
    if (entry.path().extension() == ".mil") files.push_back(entry.path());
  std::ranges::sort(files);
  return files;
}

std::string read_text(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

Result<OpCase> read_op_case(const std::filesystem::path& path) {
  const std::string text = read_text(path);
  OpCase result;
  bool has_tolerance = false;
  bool has_origin = false;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const auto directive = [&](std::string_view prefix) { return line.starts_with(prefix); };
    const size_t argument = line.find(':') + 2;
    has_origin = has_origin || (directive("// origin: ") && line.size() > argument);
    if (directive("// tolerance: ")) {
      ANEMONE_TRY(result.tolerance, read_tolerance(line.substr(argument)));
      has_tolerance = true;
    } else if (directive("// fp32: ")) {
      ANEMONE_TRY(result.unrounded, read_tolerance(line.substr(argument)));
    }
  }
  if (!has_tolerance) return fail(ErrorCode::corrupt, "no line '// tolerance: …'");
  if (!has_origin) return fail(ErrorCode::corrupt, "no line '// origin: …'");
  ANEMONE_TRY(result.program, mil::parse(text));
  return result;
}

std::string difference(const Tensor& got, const Tensor& expected, const Tolerance& tolerance,
                       bool widened) {
  const bool wide = widened && expected.dtype() == DType::fp16 && got.dtype() == DType::fp32;
  if (got.dtype() != expected.dtype() && !wide)
    return fmt::format("dtype {}, expected {}", to_string(got.dtype()),
                       to_string(expected.dtype()));
  if (got.shape() != expected.shape())
    return fmt::format("shape {}, expected {}", got.shape().to_string(),
                       expected.shape().to_string());
  constexpr int kShown = 5;
  std::string text;
  int wrong = 0;
  for (int64_t i = 0; i < expected.element_count(); ++i) {
    const auto at = static_cast<size_t>(i);
    if (expected.dtype() == DType::string) {
      if (got.strings()[at] == expected.strings()[at]) continue;
      if (++wrong <= kShown)
        text += fmt::format("\n  [{}] '{}', expected '{}'", i, got.strings()[at],
                            expected.strings()[at]);
    } else if (!near(got.at(i), expected.at(i), expected.dtype(), tolerance)) {
      if (++wrong <= kShown)
        text += fmt::format("\n  [{}] {:.9g} ({:a}), expected {:.9g} ({:a})", i, got.at(i),
                            got.at(i), expected.at(i), expected.at(i));
    }
  }
  return wrong == 0
             ? ""
             : fmt::format("{} of {} elements differ:{}", wrong, expected.element_count(), text);
}

}  // namespace anemone::test
