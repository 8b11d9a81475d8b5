#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "anemone/program.h"

namespace anemone::test {

/// How near a result has to come to what is expected.
struct Tolerance {
  enum class Kind { exact, ulp, absolute_relative };
  Kind kind = Kind::exact;
  double ulps = 0;
  double absolute = 0;
  double relative = 0;
};

/// A file of tests/ops: a program whose function `main` (states start as zeros) must yield what
/// `expected` yields. Its comment lines say
///   // tolerance: exact | ulp N | abs A rel R     first line; at the precision of the program
///   // fp32: abs A rel R                          optional: without rounding to fp16
///   // origin: where the expected values come from
struct OpCase {
  mil::Program program;
  Tolerance tolerance;
  std::optional<Tolerance> unrounded;
};

/// Files tests/<folder>/*.mil by name.
std::vector<std::filesystem::path> mil_files(const std::string& folder);
std::string read_text(const std::filesystem::path& path);

Result<OpCase> read_op_case(const std::filesystem::path& path);

/// What is wrong with `got`, or an empty string. dtypes must agree, but for fp32 where fp16 is
/// expected when `widened`. exact compares bits (any NaN equals any NaN), ulp counts representable
/// values of the expected dtype, absolute_relative allows A + R · |expected|.
std::string difference(const Tensor& got, const Tensor& expected, const Tolerance& tolerance,
                       bool widened);

}  // namespace anemone::test
