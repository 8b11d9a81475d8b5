#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <utility>

#include "bench/measure.h"
#include "bench/quick_run.h"

namespace anemone::bench {
namespace {

std::string format_text() {
  std::ifstream file(std::filesystem::path(ANEMONE_SOURCE_DIR) / "docs/bench-format.md");
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Words that the format names as code: `like_this`, "like_this" within code.
std::set<std::string> documented_words() {
  std::set<std::string> words;
  std::string word;
  for (const char c : format_text() + " ") {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_') {
      word += c;
      continue;
    }
    words.insert(std::exchange(word, {}));
  }
  return words;
}

/// Quoted words of an object in the format's notation that are its keys: those after a brace or a
/// comma.
void collect_quoted(std::string_view object, std::set<std::string>& keys) {
  for (size_t at = object.find('"'); at != std::string_view::npos;) {
    const size_t end = object.find('"', at + 1);
    const char before = object[object.find_last_not_of(' ', at - 1)];
    if (before == '{' || before == ',') keys.emplace(object.substr(at + 1, end - at - 1));
    at = object.find('"', end + 1);
  }
}

/// Pieces between backticks.
std::vector<std::string> code_of(const std::string& text) {
  std::vector<std::string> pieces;
  for (size_t at = text.find('`'); at != std::string::npos;) {
    const size_t end = text.find('`', at + 1);
    if (end == std::string::npos) break;
    pieces.push_back(text.substr(at + 1, end - at - 1));
    at = text.find('`', end + 1);
  }
  return pieces;
}

/// Keys that the format names: first columns of its tables, objects, and the three paragraphs that
/// list them.
std::set<std::string> documented_keys() {
  std::set<std::string> keys;
  std::istringstream lines(format_text());
  bool in_table = false;
  bool in_list = false;
  for (std::string line; std::getline(lines, line);) {
    in_table = line.starts_with("| key") || (in_table && line.starts_with("|"));
    in_list = line.starts_with("`machine`:") || line.starts_with("`model`:") ||
              line.starts_with("`settings`:") || (in_list && !line.empty());
    for (const std::string& code : code_of(line)) {
      if (code.starts_with("{\"")) collect_quoted(code, keys);
      if (in_list && code != "null") keys.insert(code);
    }
    if (!in_table || line.starts_with("| key")) continue;
    const std::string first = line.substr(1, line.find('|', 1) - 1);
    for (const std::string& code : code_of(first)) keys.insert(code);
  }
  return keys;
}

/// What no run on this machine has.
void fill_up(Report& report) {
  Configuration& one = report.configurations[0];
  one.measurement->outputs.beside_cpu = BesideCpu{.logit_rows = 1};
  one.measurement->drift = statistics::Drift();
  one.measurement->quality->typos = Typos();
  one.functions = {{.package = "p",
                    .function = "f",
                    .load_ns = make_series({1}, {}),
                    .predict_ns = make_series({1, 2}, {}),
                    .operations = {{.name = "o", .type = "t", .unit = "cpu", .share = 1}}}};
  report.scaling = {{.metric = "step_ns", .group = one.group()}};
  report.targets = {{.id = one.id()}};
  report.phase2->speedups = {{.context_tokens = one.context_tokens}};
  report.baseline =
      BaselineVerdict{.compared = {{.id = one.id()}}, .other_sizes = {{.id = one.id()}}};
}

void collect_keys(const nlohmann::json& value, std::set<std::string>& keys) {
  if (value.is_object())
    for (const auto& [key, member] : value.items()) {
      keys.insert(key);
      // What stands in these are names of other documents.
      if (key != "tasks" && key != "rails" && key != "distilbert") collect_keys(member, keys);
    }
  else if (value.is_array())
    for (const auto& member : value) collect_keys(member, keys);
}

TEST(RunDocument, S2_44_TheDocumentHasEveryKeyOfItsFormat) {
  Options options = quick();
  options.compute_units = {"cpu", "cpu-ane"};
  options.chips = {"m4"};
  options.reference = kModels / "anemone-tiny";
  options.quality = {"perplexity"};
  options.preset = "phase2";
  options.batches = {1, 2};
  auto report = run(kModels / "anemone-tiny-anemll", {}, options, kGoOn, kQuiet);
  ASSERT_TRUE(report.ok()) << report.error().to_string();
  const auto document = nlohmann::json::parse(to_json(*report));
  EXPECT_EQ(document["anemone_bench"], 1);
  fill_up(*report);
  std::set<std::string> keys;
  collect_keys(nlohmann::json::parse(to_json(*report)), keys);
  EXPECT_GT(documented_keys().size(), 100U);
  for (const std::string& key : documented_keys()) EXPECT_TRUE(keys.contains(key)) << key;
  for (const std::string& key : keys)
    EXPECT_TRUE(documented_words().contains(key)) << key << " is in no line of bench-format.md";
  const auto& one = document["configurations"][0];
  EXPECT_EQ(one["status"], "measured");
  EXPECT_EQ(one["decode_tokens_per_second"]["samples"].size(), 3U);
  EXPECT_EQ(one["step_ns"]["summary"]["n"], 9);
  EXPECT_EQ(one["step_ns"]["summary"]["ci95"].size(), 2U);
  const auto& stages = one["stages"];
  double sum = 0;
  for (const char* part : {"tokenize", "embed", "prefill", "step", "head", "sample", "other"})
    sum += stages[part].get<double>();
  // Each is rounded to whole nanoseconds.
  EXPECT_NEAR(sum, stages["total_ns"].get<double>(), 8);
  EXPECT_GT(one["memory"]["peak_rss_bytes"], one["memory"]["weights_bytes"]);
  EXPECT_TRUE(one["energy"]["joules"].is_number() || one["energy"]["reason"].is_string());
  EXPECT_GT(one["outputs"]["reference"]["match_rate"], 0.5);
  EXPECT_GT(one["quality"]["perplexity"]["token"], 1);
  EXPECT_TRUE(one["quality"]["typos"].is_null());
  EXPECT_EQ(one["predicted"][0]["chip"], "M4");
  const auto& absent = document["configurations"][1];
  EXPECT_EQ(absent["status"], "not available");
  EXPECT_TRUE(absent["decode_tokens_per_second"].is_null());
  EXPECT_EQ(absent["predicted"].size(), 1U);
  EXPECT_EQ(document["phase2"]["verdict"], "n/a");
  EXPECT_EQ(document["phase2"]["distilbert"]["ane_ms"], 3.52);
}

TEST(RunDocument, S2_44_TablesNameWhatIsNotThere) {
  Options options = quick();
  options.compute_units = {"cpu", "all"};
  const auto report = run(kModels / "anemone-tiny-anemll", {}, options, kGoOn, kQuiet);
  ASSERT_TRUE(report.ok());
  const std::string table = to_markdown(*report);
  for (const char* part : {"## Speed", "## Where a request's time goes", "## Not measured",
                           "units=all", "needs the Core ML backend", "## Best configuration"})
    EXPECT_NE(table.find(part), std::string::npos) << part;
  const std::string csv = to_csv(*report);
  EXPECT_EQ(std::ranges::count(csv, '\n'), 3);
  const auto columns = [](const std::string& line) { return std::ranges::count(line, ','); };
  const std::string head = csv.substr(0, csv.find('\n'));
  const std::string row =
      csv.substr(head.size() + 1, csv.find('\n', head.size() + 1) - head.size());
  EXPECT_EQ(columns(head), columns(row));
}

}  // namespace
}  // namespace anemone::bench
