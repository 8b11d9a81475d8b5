#include "eval/python_format.h"

#include <gtest/gtest.h>

#include <limits>

namespace anemone::eval::python {
namespace {

TEST(PythonFormat, FloatsAreShortestAndSwitchToExponents) {
  EXPECT_EQ(float_repr(0.1), "0.1");
  EXPECT_EQ(float_repr(1e-5), "1e-05");
  EXPECT_EQ(float_repr(1.5e-7), "1.5e-07");
  EXPECT_EQ(float_repr(0.0001), "0.0001");
  EXPECT_EQ(float_repr(1e15), "1000000000000000.0");
  EXPECT_EQ(float_repr(1e16), "1e+16");
  EXPECT_EQ(float_repr(123456789012345680.0), "1.2345678901234568e+17");
  EXPECT_EQ(float_repr(-0.0), "-0.0");
  EXPECT_EQ(float_repr(5e-324), "5e-324");
  EXPECT_EQ(float_repr(1.7976931348623157e308), "1.7976931348623157e+308");
  EXPECT_EQ(float_repr(-50.27521896362305), "-50.27521896362305");
  EXPECT_EQ(float_repr(100), "100.0");
  EXPECT_EQ(float_repr(-std::numeric_limits<double>::infinity()), "-inf");
}

TEST(PythonFormat, StringsChooseQuotesAndEscapeWhatIsNotPrintable) {
  EXPECT_EQ(string_repr("it's"), "\"it's\"");
  EXPECT_EQ(string_repr("a\"b"), "'a\"b'");
  EXPECT_EQ(string_repr("a'b\"c"), "'a\\'b\"c'");
  EXPECT_EQ(string_repr(std::string_view("\0\x7f\u00ad\u2028é😀\ue000\t\\", 18)),
            "'\\x00\\x7f\\xad\\u2028é😀\\ue000\\t\\\\'");
}

TEST(PythonFormat, StrOfValues) {
  EXPECT_EQ(to_str(Value("a")), "a");
  EXPECT_EQ(to_str(Value(true)), "True");
  EXPECT_EQ(to_str(Value()), "None");
  EXPECT_EQ(to_str(Value(3)), "3");
  EXPECT_EQ(to_str(Value::parse(R"({"a": [1, 2.0, "x"], "b": null})")),
            "{'a': [1, 2.0, 'x'], 'b': None}");
}

TEST(PythonFormat, DumpsAsJsonModuleDoes) {
  const Value value = Value::parse(R"({"z": 1.0, "a": [1, [], {}], "t": "é\u0001\n\"/"})");
  EXPECT_EQ(dumps(value), "{\"z\": 1.0, \"a\": [1, [], {}], \"t\": \"é\\u0001\\n\\\"/\"}");
  EXPECT_EQ(dumps(value, 2),
            "{\n  \"z\": 1.0,\n  \"a\": [\n    1,\n    [],\n    {}\n  ],\n  \"t\": "
            "\"é\\u0001\\n\\\"/\"\n}");
  EXPECT_EQ(dumps(Value(std::numeric_limits<double>::quiet_NaN())), "NaN");
  EXPECT_EQ(dumps(Value(-std::numeric_limits<double>::infinity())), "-Infinity");
}

}  // namespace
}  // namespace anemone::eval::python
