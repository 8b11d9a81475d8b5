#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "anemone/check.h"

namespace anemone::test {

/// What a line asks for: `// finding[ words]: part of the message`, at the end of the line that
/// must trip. Words are the severity, where it is not the rule's own, and the chips, where the
/// finding does not hold for all: names, "phones", "macs", "h13", "from h13", "to h15", both of
/// them as a range; together all that it holds for, and no other.
struct ExpectedFinding {
  std::vector<std::string_view> chips;  ///< in the order of chips; empty: all.
  std::string severity;
  std::string part;
  std::string line;
  int number = 0;
  bool found = false;
};

/// A file of tests/ane. Constants from a weight file, whatever its name, are zeros. Lines before
/// the program may say
///   // input x: range 1 1..128 32            the shapes that an input takes
///   // input x: shapes 1 1; 1 32             the same, enumerated
///   // output y: shapes 1 64 32              a result as described
/// A file with lines `// package: <name>` holds one program after each: a model directory. What
/// follows `// file: <name>` in comments is the contents of a file of it.
struct RuleCase {
  std::vector<ane::Finding> findings;  ///< of the rule of the file's name.
  std::vector<ane::Finding> errors;    ///< of all other rules.
  std::vector<ExpectedFinding> expected;
};

/// Reads, writes where it is a directory, and checks a case.
Result<RuleCase> run_rule_case(const std::filesystem::path& path, const std::string& rule);

}  // namespace anemone::test
