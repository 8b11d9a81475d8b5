#include "eval/file_name.h"

#include <gtest/gtest.h>

namespace anemone::eval {
namespace {

TEST(FileName, IsOnePartOfAPath) {
  EXPECT_EQ(file_name_of("arc_easy"), "arc_easy");
  EXPECT_EQ(file_name_of("org/model: v1"), "org__model__ v1");
  EXPECT_EQ(file_name_of("a<>?b"), "a__b");
  EXPECT_EQ(file_name_of("../../etc/passwd"), "..__..__etc__passwd");
  EXPECT_EQ(file_name_of(std::string_view("a\0b\nc", 5)), "a__b__c");
  for (const char* name : {"", ".", ".."}) EXPECT_EQ(file_name_of(name), "__");
}

}  // namespace
}  // namespace anemone::eval
