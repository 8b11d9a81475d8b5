#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "support/op_case.h"

namespace anemone {
namespace {

/// A line `// error: <constraint>: <part of the message>` at the end of the line that must fail.
struct ExpectedFault {
  std::string constraint;
  std::string part;
  std::string line;
  int number = 0;
  bool found = false;
};

std::vector<ExpectedFault> expected_faults(const std::string& text) {
  constexpr std::string_view kMark = "// error: ";
  std::vector<ExpectedFault> expected;
  std::istringstream lines(text);
  int number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    for (size_t at = line.find(kMark); at != std::string::npos; at = line.find(kMark, at + 1)) {
      const size_t constraint = at + kMark.size();
      const size_t colon = line.find(": ", constraint);
      const size_t end = line.find(kMark, constraint);
      std::string part = colon == std::string::npos
                             ? ""
                             : line.substr(colon + 2, end == std::string::npos ? std::string::npos
                                                                               : end - colon - 3);
      expected.push_back({.constraint = line.substr(constraint, colon - constraint),
                          .part = std::move(part),
                          .line = line,
                          .number = number});
    }
  }
  return expected;
}

/// Whether the fault is the one that the line asks for. The line names the operation (by attribute
/// or as an output), or the function where the fault belongs to no operation.
bool is_expected(const mil::Diagnostic& fault, const ExpectedFault& expected) {
  const std::string& subject = fault.operation.empty() ? fault.function : fault.operation;
  return !expected.found && fault.constraint == expected.constraint &&
         fault.message.find(expected.part) != std::string::npos &&
         expected.line.find(subject) != std::string::npos;
}

class VerifyCases : public testing::TestWithParam<std::filesystem::path> {};

TEST_P(VerifyCases, ReportsEveryFaultAndNoOther) {
  const std::string text = test::read_text(GetParam());
  const auto program = mil::parse(text);
  ASSERT_TRUE(program.ok()) << program.error().to_string();
  std::vector<ExpectedFault> expected = expected_faults(text);
  for (const mil::Diagnostic& fault : mil::verify(*program)) {
    const auto match = std::ranges::find_if(
        expected, [&](const ExpectedFault& candidate) { return is_expected(fault, candidate); });
    if (match == expected.end())
      ADD_FAILURE() << "not expected: " << fault.to_string();
    else
      match->found = true;
  }
  for (const ExpectedFault& fault : expected)
    EXPECT_TRUE(fault.found) << "line " << fault.number << ": no fault " << fault.constraint << ": "
                             << fault.part;
}

INSTANTIATE_TEST_SUITE_P(Files, VerifyCases, testing::ValuesIn(test::mil_files("verify")),
                         [](const auto& file) { return file.param.stem().string(); });

}  // namespace
}  // namespace anemone
