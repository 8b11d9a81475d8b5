#include "eval/rows.h"

#include <gmock/gmock.h>
#include <zlib.h>

#include "eval/python_format.h"
#include "support/scratch_folder.h"
#include "support/shared.h"

namespace anemone::eval {
namespace {

std::string read(std::string_view bytes, RowFormat format) {
  const auto rows = parse_rows(bytes, format);
  if (!rows.ok())
    return "error: " + std::string(to_string(rows.error().code)) + ": " + rows.error().to_string();
  return python::dumps(Value(*rows));
}

TEST(Rows, JsonLinesShareTheirColumns) {
  EXPECT_EQ(read("{\"b\": 1, \"a\": \"x\"}\n\n{\"a\": null, \"c\": [1]}\r\n", RowFormat::json),
            R"([{"b": 1, "a": "x", "c": null}, {"b": null, "a": null, "c": [1]}])");
  EXPECT_EQ(read("{\"n\": 1}\n{\"n\": 2.5}", RowFormat::json), R"([{"n": 1.0}, {"n": 2.5}])");
  EXPECT_EQ(read(" [{\"a\": 1}, {\"a\": 2}]", RowFormat::json), R"([{"a": 1}, {"a": 2}])");
  EXPECT_EQ(read("", RowFormat::json), "[]");
}

TEST(Rows, JsonFaultsNameTheLine) {
  EXPECT_EQ(read("{\"a\": 1}\n{\"a\": }", RowFormat::json), "error: corrupt: line 2: not JSON");
  EXPECT_EQ(read("3\n", RowFormat::json), "error: corrupt: line 1: not a JSON object");
  EXPECT_EQ(read("[1]", RowFormat::json), "error: corrupt: item 0 of the list is no JSON object");
}

TEST(Rows, DeepJsonAndHugeLinesAreErrors) {
  const auto nested = [](size_t depth) {
    return "{\"a\": " + std::string(depth - 1, '[') + std::string(depth - 1, ']') + "}";
  };
  EXPECT_EQ(read("{\"a\": \"[[\\\"[[\"}\n" + nested(200), RowFormat::json).substr(0, 8),
            R"([{"a": ")");
  EXPECT_EQ(read("{\"a\": 1}\n" + nested(201), RowFormat::json),
            "error: limit: line 2: JSON nested deeper than 200");
  EXPECT_EQ(read(nested(1000000), RowFormat::json),
            "error: limit: line 1: JSON nested deeper than 200");
  EXPECT_EQ(read("[" + std::string(1000000, '{'), RowFormat::json),
            "error: limit: JSON nested deeper than 200");
  const std::string text(size_t{64} << 20, 'x');
  EXPECT_EQ(read("{\"a\": 1}\n{\"a\": \"" + text + "\"}\n", RowFormat::json),
            "error: limit: line 2: 67108873 bytes, a row has at most 67108864");
}

TEST(Rows, CsvIsTypedByColumn) {
  EXPECT_EQ(read("\xef\xbb\xbfq,n,x,f,b,s\n\"a, \"\"b\"\"\nc\",1,1,0.5,True,1\nd,2,,1,false,z\n",
                 RowFormat::csv),
            R"([{"q": "a, \"b\"\nc", "n": 1, "x": 1.0, "f": 0.5, "b": true, "s": "1"}, )"
            R"({"q": "d", "n": 2, "x": null, "f": 1.0, "b": false, "s": "z"}])");
  EXPECT_EQ(read("a\tb\nNA\t1\r\nx\t\n", RowFormat::tsv),
            R"([{"a": null, "b": 1.0}, {"a": "x", "b": null}])");
}

TEST(Rows, CsvFaultsNameTheLine) {
  EXPECT_EQ(read("a,b\n1,2\n1,2,3\n", RowFormat::csv),
            "error: corrupt: line 3: 3 fields, the header has 2");
  EXPECT_EQ(read("a\n\"x\n\n", RowFormat::csv), "error: corrupt: line 2: a quote stays open");
}

TEST(Rows, CsvThatIsCutOffIsAnError) {
  constexpr std::string_view kWhole = "q,x,y\nGrass,1\n\"The\nsky\",\"a, b\",\"c\nd\"\n";
  const size_t last = kWhole.find("\"The");
  EXPECT_TRUE(read(kWhole, RowFormat::csv).starts_with("[")) << "a whole line may be short";
  for (size_t cut = last + 1; cut + 2 < kWhole.size(); ++cut)
    EXPECT_THAT(read(kWhole.substr(0, cut), RowFormat::csv),
                ::testing::AnyOf("error: corrupt: line 3: a quote stays open",
                                 ::testing::StartsWith("error: corrupt: line 3: cut off: ")))
        << kWhole.substr(0, cut);
  EXPECT_EQ(
      read("q\tx\nGrass\taaa\nThe sk", RowFormat::tsv),
      "error: corrupt: line 3: cut off: 1 fields and no end of line, the header has 2 fields");
  EXPECT_EQ(read("q,x\nGrass,aaa", RowFormat::csv), R"([{"q": "Grass", "x": "aaa"}])")
      << "the last end of line may be left out";
}

TEST(Rows, TextIsOneRowALine) {
  EXPECT_EQ(read("a\r\n\nb", RowFormat::text), R"([{"text": "a"}, {"text": ""}, {"text": "b"}])");
}

/// As the loader `text` of Hugging Face datasets does with `sample_by`.
TEST(Rows, TextMayBeCutIntoParagraphsOrLeftWhole) {
  constexpr std::string_view kText = "a\r\nb\n\n\n\nc\rd\n";
  EXPECT_EQ(read(kText, RowFormat::text_paragraphs), R"([{"text": "a\nb"}, {"text": "c\nd\n"}])");
  EXPECT_EQ(read(kText, RowFormat::text_document), R"([{"text": "a\nb\n\n\n\nc\nd\n"}])");
}

std::string gzip(std::string_view text) {
  z_stream stream{};
  deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string out(text.size() + 100, '\0');
  stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

TEST(Rows, TextThatIsNotUtf8IsAnErrorOfTheFile) {
  for (const RowFormat format : {RowFormat::csv, RowFormat::tsv, RowFormat::text,
                                 RowFormat::text_paragraphs, RowFormat::text_document})
    EXPECT_EQ(read("b\na\xff\n", format), "error: corrupt: line 2: not UTF-8");
  EXPECT_EQ(read("{}\n{\"a\": \"\xff\"}\n", RowFormat::json).substr(0, 29),
            "error: corrupt: line 2: not J");
}

TEST(Rows, AnEmptyTextIsNoDocument) {
  EXPECT_EQ(read("", RowFormat::text_document), "error: mismatch: the text is empty");
}

TEST(Rows, UnpacksGzipOfSeveralMembers) {
  const test::ScratchFolder folder;
  folder.write("test.jsonl.gz", gzip("{\"a\": 1}\n") + gzip("{\"a\": 2}\n"));
  const auto rows = read_rows(folder.path() / "test.jsonl.gz");
  ASSERT_TRUE(rows.ok()) << rows.error().to_string();
  EXPECT_EQ(python::dumps(Value(*rows)), R"([{"a": 1}, {"a": 2}])");
}

TEST(Rows, ParquetAndArrowGiveTheSameRows) {
  const auto golden = test::source_folder() / "tests/golden/rows";
  const auto expected = read_rows(golden / "sample.jsonl");
  ASSERT_TRUE(expected.ok());
  for (const char* name : {"sample.parquet", "sample.arrow"}) {
    const auto rows = read_rows(golden / name);
    ASSERT_TRUE(rows.ok()) << rows.error().to_string();
    EXPECT_EQ(python::dumps(Value(*rows)), python::dumps(Value(*expected))) << name;
  }
}

TEST(Rows, RefusesParquetThatIsNone) {
  const auto whole =
      test::ScratchFolder().read(test::source_folder() / "tests/golden/rows/questions.parquet");
  const test::ScratchFolder folder;
  std::string other_footer = whole;
  other_footer.replace(other_footer.size() - 4, 4, "PARX");
  std::string long_footer = whole;
  long_footer.replace(long_footer.size() - 8, 4, "\xff\xff\xff\x7f");
  for (const auto& [name, bytes] :
       {std::pair{"empty", std::string()}, std::pair{"cut", whole.substr(0, whole.size() / 2)},
        std::pair{"tail", whole.substr(whole.size() / 2)}, std::pair{"magic", other_footer},
        std::pair{"footer", long_footer}, std::pair{"lines", std::string("{\"a\": 1}\n")}}) {
    const std::string file = std::string(name) + ".parquet";
    folder.write(file, bytes);
    const auto rows = read_rows(folder.path() / file);
    ASSERT_FALSE(rows.ok()) << name;
    EXPECT_EQ(rows.error().code, ErrorCode::corrupt) << rows.error().to_string();
    EXPECT_THAT(rows.error().to_string(), ::testing::HasSubstr(file));
  }
  // Damage anywhere ends in an error or in rows.
  size_t refused = 0;
  for (size_t at = 4; at < whole.size(); at += 37) {
    std::string bytes = whole;
    bytes[at] = static_cast<char>(bytes[at] ^ 0x55);
    if (!parse_rows(bytes, RowFormat::parquet).ok()) ++refused;
  }
  EXPECT_GT(refused, 0u);
}

TEST(Rows, TakesPythonsNumbersThatAreNotJson) {
  EXPECT_EQ(read("{\"a\": NaN, \"b\": [-Infinity, \"NaN\", Infinity]}", RowFormat::json),
            R"([{"a": NaN, "b": [-Infinity, "NaN", Infinity]}])");
  EXPECT_EQ(read("{\"a\": NAN}", RowFormat::json), "error: corrupt: line 1: not JSON");
}

TEST(Rows, RefusesBrokenGzip) {
  const test::ScratchFolder folder;
  const std::string whole = gzip(std::string(1000, 'x'));
  folder.write("cut.jsonl.gz", whole.substr(0, whole.size() / 2));
  folder.write("bad.csv.gz", "not gzip");
  EXPECT_EQ(read_rows(folder.path() / "cut.jsonl.gz").error().code, ErrorCode::corrupt);
  EXPECT_EQ(read_rows(folder.path() / "bad.csv.gz").error().code, ErrorCode::corrupt);
  EXPECT_EQ(read_rows(folder.path() / "absent.csv").error().code, ErrorCode::not_found);
  EXPECT_EQ(read_rows(folder.path() / "x.bin").error().code, ErrorCode::unsupported);
}

TEST(Rows, FewBytesDoNotBecomeManyCells) {
  std::string rows;
  for (int i = 0; i < 5000; ++i) rows += "{\"k" + std::to_string(i) + "\": 1}\n";
  EXPECT_EQ(parse_rows(rows, RowFormat::json).error().code, ErrorCode::limit);
  std::string row = "{\"k\": 1";
  for (int i = 0; i < 5000; ++i) row += ", \"k" + std::to_string(i) + "\": 1";
  EXPECT_EQ(parse_rows(row + "}", RowFormat::json).error().code, ErrorCode::limit);
}

}  // namespace
}  // namespace anemone::eval
