#include <gtest/gtest.h>

#include <chrono>

#include "anemone/check.h"

namespace anemone {
namespace {

/// Seconds that the rules take over a function; a walk over every path of it would take hours.
double seconds_of_check(const std::string& function) {
  auto program = mil::parse("program(1.3)\n{\n" + function + "\n}");
  EXPECT_TRUE(program.ok()) << program.error().to_string();
  package::Package package;
  if (program.ok()) package.program = std::move(program).value();
  const auto start = std::chrono::steady_clock::now();
  EXPECT_TRUE(ane::check(package).ok());
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

constexpr double kMostSeconds = 5;

/// `levels` concats, each of `fan` times the one before.
std::string joins(int levels, int fan, const std::string& first, const std::string& dtype,
                  int64_t length) {
  std::string text;
  std::string last = first;
  for (int level = 0; level < levels; ++level) {
    length *= fan;
    std::string operands = last;
    for (int i = 1; i < fan; ++i) operands += ", " + last;
    last = "c" + std::to_string(level);
    text += "tensor<" + dtype + ", [" + std::to_string(length) + (dtype == "fp16" ? ", 32" : "") +
            "]> " + last + " = concat(axis = int32(0), interleave = bool(false), values = (" +
            operands + "));\n";
  }
  return text;
}

TEST(HostileRules, KeysThatAreJoinedOverAndOverAreWalkedOnce) {
  constexpr int kLevels = 11;
  constexpr int kFan = 6;
  int64_t keys = 1;
  for (int i = 0; i < kLevels; ++i) keys *= kFan;
  const std::string length = std::to_string(keys);
  EXPECT_LT(
      seconds_of_check("func main<ios18>(tensor<fp16, [4, 32]> q, tensor<fp16, [1, 32]> k) {" +
                       joins(kLevels, kFan, "k", "fp16", 1) + "tensor<fp16, [4, " + length +
                       "]> s = matmul(transpose_x = bool(false), transpose_y = bool(true), "
                       "x = q, y = c10);\ntensor<fp16, [4, " +
                       length + "]> y = softmax(axis = int32(-1), x = s);} -> (y);"),
      kMostSeconds);
}

TEST(HostileRules, JoinsOfNothingAreNotFollowed) {
  EXPECT_LT(seconds_of_check(
                "func main<ios18>(tensor<fp16, [1, 32]> x, tensor<int32, [2]> n) {"
                "tensor<int32, [0]> e = slice_by_index(begin = tensor<int32, [1]>([0]), end = "
                "tensor<int32, [1]>([0]), x = n);" +
                joins(14, 8, "e", "int32", 0) +
                "tensor<int32, [2]> at = concat(axis = int32(0), interleave = bool(false), values "
                "= (n, c13));"
                "tensor<fp16, [1, 32]> y = slice_by_index(begin = at, end = tensor<int32, "
                "[2]>([1, 32]), x = x);} -> (y);"),
            kMostSeconds);
}

}  // namespace
}  // namespace anemone
