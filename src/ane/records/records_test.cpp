#include <gtest/gtest.h>

#include "ane/records/xml_reader.h"
#include "anemone/device_records.h"
#include "support/scratch_folder.h"

namespace anemone::ane {
namespace {

constexpr const char* kContents = R"xml(<?xml version="1.0"?>
<trace-toc><run number="1"><info><target>
  <device platform="macOS" model="Mac16,9" name="desk" os-version="15.5 (24F74)" uuid="0"/>
  <process type="launched" name="anemone" pid="7"/>
</target></info><data><table schema="ane-hw-intervals"/></data></run></trace-toc>)xml";

/// Ids and references as xctrace writes them: a value is written once, then referred to.
constexpr const char* kPredictions = R"xml(<?xml version="1.0"?>
<trace-query-result><node xpath='//trace-toc[1]/run[1]/data[1]/table[3]'>
<schema name="coreml-os-signpost"><col><mnemonic>start</mnemonic><name>Start</name><engineering-type>start-time</engineering-type></col></schema>
<row><start-time id="1" fmt="00:00.010">10000000</start-time><duration id="2" fmt="10.00 ms">10000000</duration><coreml-model-name id="3" fmt="qwen">qwen</coreml-model-name><coreml-model-event id="4" fmt="Prediction">Prediction</coreml-model-event></row>
<row><start-time id="5">40000000</start-time><duration ref="2"/><coreml-model-name ref="3"/><coreml-model-event ref="4"/></row>
<row><start-time ref="5"/><duration id="6">2000000</duration><coreml-model-name ref="3"/><coreml-model-event id="7" fmt="CPU">CPU</coreml-model-event></row>
<row><start-time id="8">43000000</start-time><duration id="9">1000000</duration><sentinel/><coreml-model-event id="10">GPU Request</coreml-model-event></row>
<row><start-time id="11">0</start-time><duration id="12">5000000</duration><coreml-model-name ref="3"/><coreml-model-event id="13" fmt="Load">Load</coreml-model-event></row>
</node></trace-query-result>)xml";

/// Overlapping intervals, one that reaches beyond a prediction, one of loading, one that is idle.
constexpr const char* kEngine = R"xml(<?xml version="1.0"?>
<trace-query-result><node><schema name="ane-hw-intervals"/>
<row><start-time id="1">11000000</start-time><duration id="2">6000000</duration><process id="20" fmt="x (7)"><pid id="3">7</pid></process><formatted-label id="4" fmt="Neural Engine Prediction"/><gpu-state id="5" fmt="Active"/></row>
<row><start-time id="6">15000000</start-time><duration id="7">4000000</duration><process ref="20"/><formatted-label ref="4"/><gpu-state ref="5"/></row>
<row><start-time id="8">44000000</start-time><duration id="9">20000000</duration><pid ref="3"/><formatted-label ref="4"/><gpu-state ref="5"/></row>
<row><start-time id="10">0</start-time><duration id="11">90000000</duration><formatted-label id="12" fmt="Neural Engine Load: prepare &amp; cache"/><gpu-state ref="5"/></row>
<row><start-time ref="10"/><duration ref="11"/><formatted-label ref="4"/><gpu-state id="13" fmt="Idle"/></row>
</node></trace-query-result>)xml";

class Trace {
 public:
  Trace& with(const char* name, std::string_view text) {
    folder_.write(name, text);
    files_.push_back(folder_.path() / name);
    return *this;
  }
  Result<TraceRecord> read() const { return read_trace(files_); }

 private:
  test::ScratchFolder folder_;
  std::vector<std::filesystem::path> files_;
};

TEST(TraceRecord, S3_27_UnitsAreReadFromExportedTables) {
  Trace trace;
  const auto record = trace.with("toc.xml", kContents)
                          .with("coreml.xml", kPredictions)
                          .with("ane.xml", kEngine)
                          .read();
  ASSERT_TRUE(record.ok()) << record.error().to_string();
  EXPECT_EQ(record->device, "Mac16,9");
  EXPECT_EQ(record->operating_system, "macOS 15.5 (24F74)");
  EXPECT_EQ(record->predictions, 2U);
  EXPECT_DOUBLE_EQ(record->prediction_ms, 20);
  EXPECT_EQ(record->neural_engine_intervals, 3U);
  EXPECT_DOUBLE_EQ(record->neural_engine_ms, 8 + 20);
  ASSERT_TRUE(record->shares);
  EXPECT_DOUBLE_EQ(record->shares->neural_engine, (8.0 + 6.0) / 20);
  EXPECT_DOUBLE_EQ(record->shares->gpu, 1.0 / 20);
  EXPECT_DOUBLE_EQ(record->shares->cpu, 2.0 / 20);
  EXPECT_NEAR(record->shares->unattributed, 3.0 / 20, 1e-12);
}

TEST(TraceRecord, S4_12_ResidencyIsNothingWithoutRecordsOfIt) {
  Trace no_engine;
  const auto one = no_engine.with("toc.xml", kContents).with("coreml.xml", kPredictions).read();
  ASSERT_TRUE(one.ok()) << one.error().to_string();
  EXPECT_FALSE(one->shares) << "nobody looked at the Neural Engine";
  Trace no_predictions;
  const auto two = no_predictions.with("toc.xml", kContents).with("ane.xml", kEngine).read();
  ASSERT_TRUE(two.ok()) << two.error().to_string();
  EXPECT_FALSE(two->shares) << "the Neural Engine may have worked for another process";
  EXPECT_EQ(two->neural_engine_intervals, 3U);
  Trace idle;
  const auto three =
      idle.with("toc.xml", kContents)
          .with("coreml.xml", kPredictions)
          .with("ane.xml",
                "<trace-query-result><node><schema name=\"ane-hw-intervals\"/></node>"
                "</trace-query-result>")
          .read();
  ASSERT_TRUE(three.ok()) << three.error().to_string();
  ASSERT_TRUE(three->shares);
  EXPECT_EQ(three->shares->neural_engine, 0) << "it was looked at, and did nothing";
}

TEST(TraceRecord, S3_75_TimesWithoutTheHardwaresIdentityAreRefused) {
  Trace nameless;
  const auto none = nameless.with("coreml.xml", kPredictions).with("ane.xml", kEngine).read();
  ASSERT_FALSE(none.ok());
  EXPECT_EQ(none.error().code, ErrorCode::mismatch);
  EXPECT_NE(none.error().message.find("which hardware"), std::string::npos);
  EXPECT_NE(none.error().hint.find("--toc"), std::string::npos);
  Trace simulated;
  const auto simulator =
      simulated
          .with("toc.xml",
                "<trace-toc><device platform=\"iOS Simulator\" model=\"iPhone17,1\"/></trace-toc>")
          .with("ane.xml", kEngine)
          .read();
  ASSERT_FALSE(simulator.ok());
  EXPECT_EQ(simulator.error().code, ErrorCode::unsupported);
  Trace two;
  const auto both = two.with("a.xml", kContents)
                        .with("b.xml", "<trace-toc><device model=\"Mac14,2\"/></trace-toc>")
                        .read();
  ASSERT_FALSE(both.ok());
  EXPECT_EQ(both.error().code, ErrorCode::mismatch);
}

std::string table_with(const std::string& row) {
  return "<trace-query-result><node><schema name=\"ane-hw-intervals\"/><row>" + row +
         "</row></node></trace-query-result>";
}

TEST(TraceRecord, RefusesWhatIsNoExport) {
  const std::string deep = [] {
    std::string text = "<trace-query-result>";
    for (int i = 0; i < 100000; ++i) text += "<a>";
    return text;
  }();
  const std::pair<std::string, ErrorCode> cases[] = {
      {"", ErrorCode::corrupt},
      {"<plist/>", ErrorCode::corrupt},
      {"<trace-toc>", ErrorCode::corrupt},
      {"<trace-toc></trace-query-result>", ErrorCode::corrupt},
      {"<trace-toc/><trace-toc/>", ErrorCode::corrupt},
      {"<trace-toc/>x", ErrorCode::corrupt},
      {"<trace-toc a=1/>", ErrorCode::corrupt},
      {"<trace-toc a='&unknown;'/>", ErrorCode::corrupt},
      {"<trace-toc a='&#xd800;'/>", ErrorCode::corrupt},
      {"<trace-toc a='&#99999999999;'/>", ErrorCode::corrupt},
      {"<!DOCTYPE a [<!ENTITY b \"c\">]><trace-toc/>", ErrorCode::unsupported},
      {deep, ErrorCode::limit},
      {table_with("<start-time>-1</start-time>"), ErrorCode::corrupt},
      {table_with("<start-time>nan</start-time>"), ErrorCode::corrupt},
      {table_with("<start-time>1e300</start-time>"), ErrorCode::corrupt},
      {table_with("<start-time>1 ms</start-time>"), ErrorCode::corrupt},
      {table_with("<start-time ref=\"9\"/>"), ErrorCode::corrupt},
      {table_with("<start-time id=\"1\" ref=\"1\"/>"), ErrorCode::corrupt}};
  for (const auto& [text, code] : cases) {
    Trace trace;
    const auto record = trace.with("toc.xml", kContents).with("t.xml", text).read();
    ASSERT_FALSE(record.ok()) << text.substr(0, 80);
    EXPECT_EQ(record.error().code, code) << text.substr(0, 80);
    EXPECT_NE(record.error().to_string().find("t.xml"), std::string::npos);
  }
}

TEST(TraceRecord, EveryCutOfATableIsAnErrorAndNoCrash) {
  const std::string whole = kEngine;
  for (size_t length = 0; length + 1 < whole.size(); length += 7) {
    Trace trace;
    EXPECT_FALSE(
        trace.with("toc.xml", kContents).with("t.xml", whole.substr(0, length)).read().ok())
        << length;
  }
}

TEST(XmlReader, TellsTextAttributesAndReferences) {
  XmlReader xml(
      "\xef\xbb\xbf<?xml version='1.0'?><!-- a --><a b='&lt;&#65;&#x20ac;'> x&amp;y "
      "<![CDATA[<z>]]><c/></a>");
  ASSERT_EQ(*xml.next(), XmlReader::Part::start);
  EXPECT_EQ(*xml.attribute("b"), "<A\xe2\x82\xac");
  EXPECT_EQ(xml.attribute("c"), nullptr);
  ASSERT_EQ(*xml.next(), XmlReader::Part::text);
  EXPECT_EQ(xml.text(), "x&y");
  ASSERT_EQ(*xml.next(), XmlReader::Part::text);
  EXPECT_EQ(xml.text(), "<z>");
  ASSERT_EQ(*xml.next(), XmlReader::Part::start);
  ASSERT_EQ(*xml.next(), XmlReader::Part::end);
  EXPECT_EQ(xml.name(), "c");
  ASSERT_EQ(*xml.next(), XmlReader::Part::end);
  EXPECT_EQ(*xml.next(), XmlReader::Part::done);
}

LogRecord log_of(std::string_view text) {
  const test::ScratchFolder folder;
  folder.write("log.txt", text);
  const auto record = read_log(folder.path() / "log.txt");
  EXPECT_TRUE(record.ok()) << record.error().to_string();
  return *record;
}

TEST(LogRecord, S3_28_SignsOfTheNeuralEngineAreFoundInTheLog) {
  const LogRecord record = log_of(
      "Filtering the log data using \"subsystem == \"com.apple.coreml\"\"\n"
      "2026-10-01 12:00:00.1 anemone[7:1] [com.apple.coreml:framework] loading\n"
      "2026-10-01 12:00:00.2 anemone[7:1] [com.apple.coreml:framework] Using Neural Engine for "
      "inference\n"
      "2026-10-01 12:00:00.3 anemone[7:1] [com.apple.espresso:x] _ANECompiler : ANECCompile() "
      "FAILED\n"
      "2026-10-01 12:00:00.4 anemone[7:1] [com.apple.coreml:framework] using neural engine for "
      "inference");
  EXPECT_EQ(record.verdict, LogVerdict::matched);
  EXPECT_EQ(record.lines, 5U);
  EXPECT_EQ(record.core_ml_lines, 4U);
  ASSERT_EQ(record.matches.size(), 2U);
  EXPECT_EQ(record.matches[0].sign, LogSign::ran);
  EXPECT_EQ(record.matches[0].lines, 2U);
  EXPECT_EQ(record.matches[0].first_line, 3U);
  EXPECT_EQ(record.matches[1].sign, LogSign::left);
}

TEST(LogRecord, S3_79_SilenceIsNeverTheNeuralEngine) {
  EXPECT_EQ(log_of("").verdict, LogVerdict::none);
  EXPECT_EQ(log_of("Filtering the log data using \"subsystem == \"com.apple.coreml\"\"\n").verdict,
            LogVerdict::none);
  EXPECT_EQ(log_of("12:00 kernel: (AppleUSB) ready\n").verdict, LogVerdict::none);
  const LogRecord other = log_of("12:00 x[7] [com.apple.coreml:framework] prediction done\n");
  EXPECT_EQ(other.verdict, LogVerdict::other);
  EXPECT_TRUE(other.matches.empty());
  const LogRecord contrary =
      log_of("12:00 x[7] [com.apple.coreml:framework] Not using Neural Engine for inference\n");
  EXPECT_EQ(contrary.verdict, LogVerdict::other);
  const test::ScratchFolder folder;
  EXPECT_EQ(read_log(folder.path() / "absent").error().code, ErrorCode::not_found);
}

}  // namespace
}  // namespace anemone::ane
