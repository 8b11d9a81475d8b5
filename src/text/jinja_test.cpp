#include "text/jinja.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/golden.h"

namespace anemone::text {
namespace {

using test::golden_file;

using nlohmann::json;
using testing::HasSubstr;

Result<std::string> render(const std::string& source, const std::string& context) {
  ANEMONE_TRY(const auto compiled, JinjaTemplate::compile(source));
  return compiled.render(context);
}

/// Text equal to the reference's, or a failure where it fails.
void expect_rendered(const json& entry, const std::string& context) {
  SCOPED_TRACE(entry["name"]);
  const auto result = render(entry["template"], context);
  ASSERT_EQ(result.ok(), entry.contains("rendered"))
      << (result.ok() ? *result : result.error().to_string());
  if (result.ok()) {
    EXPECT_EQ(*result, entry["rendered"]);
  } else {
    EXPECT_THAT(result.error().code, testing::AnyOf(ErrorCode::corrupt, ErrorCode::mismatch));
    EXPECT_THAT(result.error().message, HasSubstr("line "));
  }
}

TEST(JinjaTemplate, RendersTaskTemplatesAsTheHarnessDoes) {
  const json golden = golden_file("task_template/templates");
  ASSERT_GT(golden["cases"].size(), 20U);
  for (const json& entry : golden["cases"]) expect_rendered(entry, entry["context"]);
}

TEST(JinjaTemplate, RendersExpressionsAsJinjaDoes) {
  const json golden = golden_file("task_template/expressions");
  for (const json& entry : golden["cases"]) expect_rendered(entry, golden["context"]);
}

TEST(JinjaTemplate, SaysWhatIsWrongWithTheContext) {
  const JinjaTemplate compiled = *JinjaTemplate::compile("{{ a }}");
  EXPECT_EQ(*compiled.render(R"({"a": "b"})"), "b");
  for (const char* context : {"", "[]", "{", R"({"a": })", "{\"a\": \"\xff\"}"}) {
    const auto result = compiled.render(context);
    ASSERT_FALSE(result.ok()) << context;
    EXPECT_THAT(result.error().code,
                testing::AnyOf(ErrorCode::corrupt, ErrorCode::invalid_argument));
  }
  EXPECT_EQ(JinjaTemplate::compile("\xff").error().code, ErrorCode::invalid_argument);
}

}  // namespace
}  // namespace anemone::text
