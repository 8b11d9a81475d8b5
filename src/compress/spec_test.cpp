#include "compress/spec.h"

#include <gtest/gtest.h>

namespace anemone::compress {
namespace {

std::string text_of(std::string_view text) {
  const auto spec = Spec::parse(text);
  EXPECT_TRUE(spec.ok()) << spec.error().to_string();
  return spec.ok() ? spec->text() : "";
}

TEST(Spec, OneSchemeLeavesTheEmbedding) {
  EXPECT_EQ(text_of("lut4:g8"), "ffn=lut4:g8,attn=lut4:g8,head=lut4:g8,embed=fp16");
  EXPECT_EQ(text_of("lut6:tensor"), "ffn=lut6:tensor,attn=lut6:tensor,head=lut6:tensor,embed=fp16");
  EXPECT_EQ(text_of("lut4"), text_of("lut4:g16"));
}

TEST(Spec, BlanksBetweenPartsSayNothing) {
  EXPECT_EQ(text_of(" lut4:g8 "), text_of("lut4:g8"));
  EXPECT_EQ(text_of("ffn = lut4:g8, attn=lut6:g4 "), text_of("ffn=lut4:g8,attn=lut6:g4"));
  EXPECT_FALSE(Spec::parse("lut4: g8").ok());
  EXPECT_FALSE(Spec::parse("  ").ok());
}

TEST(Spec, PartsThatAreNotNamedStayAsTheyAre) {
  EXPECT_EQ(text_of("head=lut6:g8,ffn=lut2:g4"), "ffn=lut2:g4,attn=fp16,head=lut6:g8,embed=fp16");
  EXPECT_EQ(text_of("ffn=fp16"), text_of("fp16"));
}

TEST(Spec, EverySpellingReadsItself) {
  for (const char* text :
       {"lut1:g8", "lut3:tensor", "lut8:g16", "lut4:g16:v2", "lut4:tensor:int8", "lut4:g8:scale",
        "int8:channel", "int8:tensor:affine", "int4:b32", "int4:channel:affine", "sparse50",
        "sparse2:4", "lut4:g16+sparse50", "int8:channel+sparse2:4"}) {
    const auto spec = Spec::parse(text);
    ASSERT_TRUE(spec.ok()) << spec.error().to_string();
    EXPECT_EQ(spec->scheme(Part::ffn)->text(), text);
  }
}

TEST(Spec, WhatIsNoneNamesTheNearest) {
  const std::pair<const char*, const char*> kWrong[] = {
      {"lut5", "lut6"},
      {"lut7", "lut8"},
      {"lut0", "lut1"},
      {"lut4:q16", "lut4:g16"},
      {"lot4", "lut4"},
      {"", "--quantize"},
      {"ffm=lut4", "ffn"},
      {"ffn=lut4,lut6", "as in ffn=lut6,attn=lut6,head=lut6"},
      {"lut4:g16,embed=int8",
       "one scheme alone is for all but the "
       "embedding"},
      {"ffn", "as in ffn=lut4:g16"},
      {"ffn,attn=lut4", "as in ffn=lut4:g16"},
      {"ffn=lut4,", "parted by commas"},
      {"ffn=lut4,lat6", "parts: ffn, attn"},
      {"lut4:g6:v4", "lut4:g8:v4"},
      {"lut4:g0", "lut4:g16"},
      {"lut4:tensor:g16", "is lut4:g16"},
      {"lut4:g8:int8:tensor", "lut4:int8:tensor"},
      {"lut8:v2:v4", "is lut8:v4"},
      {"int8:channel:b32", "is int8:b32"},
      {"int8:b32:affine:b64", "int8:affine:b64"},
      {"lut4:", "the nearest is lut4"},
      {"lut4:g16:", "the nearest is lut4:g16"},
      {"lut4:g16+", "the nearest is lut4:g16"},
      {"lut4::g8", "the nearest is lut4:g8"},
      {":", "int8"},
      {"foo:", "the nearest is fp16"},
      {"lut4:q16:", "the nearest is lut4:g16"},
      {"ffn=", "ffn=fp16 leaves it as it is"},
      {"attn=int8,ffn=", "as in ffn=lut4:g16"},
      {"lut44", "lut8"},
      {"head=lut99999999999999", "lut1"}};
  for (const auto& [text, nearest] : kWrong) {
    const auto spec = Spec::parse(text);
    ASSERT_FALSE(spec.ok()) << text;
    EXPECT_EQ(spec.error().code, ErrorCode::invalid_argument) << text;
    EXPECT_NE(spec.error().hint.find(nearest), std::string::npos)
        << text << ": " << spec.error().to_string();
  }
  EXPECT_EQ(Spec::parse("lut44:").error().hint, "the nearest is lut4");
  EXPECT_FALSE(Spec::parse("ffn=lut4,ffn=lut6").ok());
  for (const char* twice :
       {"lut4:g16:g16", "lut4:int8:int8", "lut4:scale:scale", "int8:affine:affine"}) {
    const auto spec = Spec::parse(twice);
    ASSERT_FALSE(spec.ok()) << twice;
    EXPECT_TRUE(spec.error().message.ends_with(" twice")) << spec.error().to_string();
  }
}

}  // namespace
}  // namespace anemone::compress
