#include "text/table_rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/golden.h"

namespace anemone::text {
namespace {

using test::read_source_file;

using Format = TableRows::Format;
using testing::HasSubstr;

Result<std::string> all_lines(TableRows& rows) {
  std::string text;
  for (;;) {
    ANEMONE_TRY(const auto lines, rows.next());
    if (lines.rows == 0) return text;
    text += lines.text;
  }
}

TEST(TableRows, ReadsWhatPyarrowWrote) {
  const std::string expected = read_source_file("tests/golden/rows/sample.jsonl");
  for (const auto& [format, name] : {std::pair{Format::parquet, "sample.parquet"},
                                     std::pair{Format::arrow_stream, "sample.arrow"}}) {
    SCOPED_TRACE(name);
    const std::string path = std::string("tests/golden/rows/") + name;
    auto rows = TableRows::open(format, test::source_folder() / path);
    ASSERT_TRUE(rows.ok()) << rows.error().to_string();
    EXPECT_EQ(rows->count(), format == Format::parquet ? std::optional<int64_t>(40) : std::nullopt);
    EXPECT_EQ(*all_lines(*rows), expected);
    EXPECT_EQ(rows->next()->rows, 0U);
    const auto schema = nlohmann::json::parse(*rows->schema_json());
    EXPECT_EQ(schema["columns"][0]["name"], "question");
    EXPECT_THAT(schema["metadata"]["huggingface"].get<std::string>(), HasSubstr("features"));
    auto copied = TableRows::parse(format, read_source_file(path));
    ASSERT_TRUE(copied.ok());
    EXPECT_EQ(*all_lines(*copied), expected);
  }
}

TEST(TableRows, NamesTheFileThatCannotBeRead) {
  const auto folder = test::source_folder() / "tests/golden/rows";
  const auto missing = TableRows::open(Format::parquet, folder / "none.parquet");
  EXPECT_EQ(missing.error().code, ErrorCode::io);
  EXPECT_THAT(missing.error().message, HasSubstr("none.parquet"));
  const auto wrong = TableRows::open(Format::parquet, folder / "sample.jsonl");
  EXPECT_EQ(wrong.error().code, ErrorCode::corrupt);
  EXPECT_THAT(wrong.error().message, HasSubstr("sample.jsonl"));
}

TEST(TableRows, ReportsFilesThatAreCutOff) {
  for (const auto& [format, name] : {std::pair{Format::parquet, "sample.parquet"},
                                     std::pair{Format::arrow_stream, "sample.arrow"}}) {
    const std::string whole = read_source_file(std::string("tests/golden/rows/") + name);
    const auto is_error = [&](size_t cut) {
      auto rows = TableRows::parse(format, std::string_view(whole).substr(0, cut));
      return !rows.ok() || !all_lines(*rows).ok();
    };
    for (size_t cut = 0; cut < whole.size(); cut += 101)
      EXPECT_TRUE(is_error(cut)) << name << " of " << cut << " bytes";
    if (format == Format::parquet) continue;
    // Where a message ends: a batch fewer, or the end mark.
    size_t messages = 0;
    for (size_t cut = 8; cut < whole.size(); cut += 8) {
      if (!std::string_view(whole).substr(cut).starts_with("\xff\xff\xff\xff")) continue;
      ++messages;
      EXPECT_TRUE(is_error(cut)) << name << " of " << cut << " bytes";
    }
    EXPECT_GE(messages, 4U);
  }
}

}  // namespace
}  // namespace anemone::text
