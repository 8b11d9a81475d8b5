#include "eval/python_literal.h"

#include <gtest/gtest.h>

#include "eval/python_format.h"

namespace anemone::eval::python {
namespace {

std::string read(std::string_view text) {
  auto value = literal_eval(text);
  return value.ok() ? dumps(*value) : "error: " + value.error().message;
}

TEST(PythonLiteral, ReadsWhatReprWrites) {
  EXPECT_EQ(read(R"(['a', "b's", 'c\'"d', 1, -2.5, 1e3, None, True, False])"),
            R"(["a", "b's", "c'\"d", 1, -2.5, 1000.0, null, true, false])");
  EXPECT_EQ(read(R"({'x': [], 'y': ('a', 'b'), 'z': ()})"),
            R"({"x": [], "y": ["a", "b"], "z": []})");
  EXPECT_EQ(read(R"('\x41\u00e9\U0001F600\101\n\q')"), R"("Aé😀A\n\\q")");
  EXPECT_EQ(read("('a')"), "\"a\"");
  EXPECT_EQ(read("('a',)"), "[\"a\"]");
  EXPECT_EQ(read("'a' \"b\""), "\"ab\"");
  EXPECT_EQ(read(R"(r'\n' '''x
y''')"),
            R"("\\nx\ny")");
  EXPECT_EQ(read(" 1, 2 "), "[1, 2]");
  EXPECT_EQ(read("00"), "0");
}

TEST(PythonLiteral, RefusesEverythingElse) {
  EXPECT_EQ(read("05"), "error: not a Python literal: unexpected '0' at offset 0");
  EXPECT_EQ(read("[1 2]"), "error: not a Python literal: unexpected '2' at offset 3");
  EXPECT_EQ(read("[1"), "error: a Python literal ends too early, at offset 2");
  EXPECT_EQ(read("open('x')"), "error: not a Python literal: unexpected 'o' at offset 0");
  EXPECT_EQ(read("'a\nb'"), "error: not a Python literal: unexpected '\n' at offset 2");
  EXPECT_EQ(read("²"), "error: not a Python literal: unexpected '²' at offset 0");
  EXPECT_EQ(read(R"('\ud800')"), "error: a string escape at offset 3 names no character");
  EXPECT_EQ(read("{1: 2}"), "error: a Python dict with a key that is no string");
  EXPECT_EQ(read(""), "error: a Python literal ends too early, at offset 0");
  EXPECT_EQ(literal_eval(std::string(200, '[')).error().code, ErrorCode::limit);
}

}  // namespace
}  // namespace anemone::eval::python
