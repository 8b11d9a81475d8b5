#include <algorithm>

#include "anemone/recorded_results.h"
#include "base/error.h"
#include "eval/file_name.h"
#include "eval/json_text.h"
#include "eval/recorded_value.h"
#include "eval/rows.h"

namespace anemone::eval {
namespace {

namespace fs = std::filesystem;

int64_t words_of(std::string_view text) {
  int64_t words = 0;
  bool inside = false;
  for (const char c : text) {
    const bool blank = c == ' ' || (c >= '\t' && c <= '\r');
    words += !blank && !inside ? 1 : 0;
    inside = !blank;
  }
  return words;
}

/// Log-likelihoods are written as text, which keeps all their digits.
std::optional<double> likelihood(const Value& value) {
  if (value.is_array() && value.size() == 1) return likelihood(value[0]);
  if (value.is_number()) return number(value);
  if (!value.is_string()) return std::nullopt;
  const auto parsed = parse_json_text(value.get<std::string>());
  return parsed.ok() ? number(*parsed) : std::nullopt;
}

/// `filtered_resps` is a list of texts; of [log-likelihood, greedy]; or one log-likelihood as text.
void read_answers(const Value& responses, RecordedSample& sample) {
  std::vector<Value> greedy;
  for (const Value& answer : responses) {
    const bool is_pair = answer.is_array() && answer.size() == 2;
    const Value& first = answer.is_array() && !answer.empty() ? answer[0] : answer;
    sample.answers.push_back(first.is_string() ? first.get<std::string>() : first.dump());
    if (!is_pair) continue;
    if (const auto value = likelihood(first)) sample.log_likelihoods.push_back(*value);
    greedy.push_back(answer[1]);
  }
  const auto& values = sample.log_likelihoods;
  if (greedy.size() != sample.answers.size()) {
    sample.log_likelihoods.clear();
    if (sample.answers.size() == 1 && greedy.empty()) sample.chosen = sample.answers[0];
  } else if (values.size() > 1 && values.size() == greedy.size()) {
    sample.chosen = std::to_string(std::max_element(values.begin(), values.end()) - values.begin());
  } else if (greedy.size() == 1) {
    const bool is_greedy = greedy[0] == "True" || greedy[0] == true;
    sample.chosen = is_greedy ? "greedy" : "not greedy";
  }
}

Status read_metrics(const Value& row, RecordedSample& sample) {
  for (const Value& name : at(row, "metrics")) {
    if (!name.is_string())
      return fail(ErrorCode::corrupt, "'metrics' holds {}, expected names", name.type_name());
    const auto key = name.get<std::string>();
    const Value item = at(row, key);
    if (const auto value = number(item)) {
      sample.metrics[key] = *value;
    } else if (item.is_boolean()) {
      sample.metrics[key] = item.get<bool>() ? 1 : 0;
    } else if (item.is_array() && item.size() == 2 && number(item[0]) && number(item[1])) {
      sample.pairs[key] = {*number(item[0]), *number(item[1])};
    }
  }
  return {};
}

Result<RecordedSample> read_sample(const Value& row) {
  const auto document = at(row, "doc_id");
  if (!document.is_number_integer())
    return fail(ErrorCode::corrupt, "'doc_id' is {}, expected a number", document.type_name());
  RecordedSample sample;
  sample.document = document.get<int64_t>();
  sample.filter = text_at(row, "filter");
  sample.document_hash = text_at(row, "doc_hash");
  sample.prompt_hash = text_at(row, "prompt_hash");
  const Value target = at(row, "target");
  sample.target = target.is_string() ? target.get<std::string>() : std::string();
  if (target.is_string()) sample.target_words = words_of(sample.target);
  const Value prompt = at(at(at(row, "arguments"), "gen_args_0"), "arg_0");
  if (prompt.is_string()) sample.prompt_words = words_of(prompt.get_ref<const std::string&>());
  read_answers(at(row, "filtered_resps"), sample);
  ANEMONE_RETURN_IF_ERROR(read_metrics(row, sample));
  // A whole text has one log-likelihood, which looks like a generated text.
  if (sample.pairs.contains("byte_perplexity") || sample.pairs.contains("word_perplexity") ||
      sample.pairs.contains("bits_per_byte")) {
    sample.chosen.reset();
    if (const auto value = likelihood(at(row, "filtered_resps"))) sample.log_likelihoods = {*value};
  }
  return sample;
}

}  // namespace

std::optional<fs::path> samples_beside(const fs::path& results, std::string_view task) {
  const std::string stem = results.stem().string();
  const std::string begin = "samples_" + file_name_of(task);
  std::vector<std::string> names = {begin};
  if (const size_t cut = stem.rfind('_'); cut != std::string::npos)
    names.insert(names.begin(), begin + stem.substr(cut));
  for (const std::string& name : names)
    for (const char* ending : {".jsonl", ".jsonl.gz"}) {
      const fs::path path = results.parent_path() / (name + ending);
      std::error_code code;
      if (fs::is_regular_file(path, code)) return path;
    }
  return std::nullopt;
}

Result<std::vector<RecordedSample>> read_samples(const fs::path& path) {
  ANEMONE_TRY(const std::vector<Value> rows, read_rows(path));
  std::vector<RecordedSample> samples;
  samples.reserve(rows.size());
  for (const Value& row : rows) {
    auto sample = read_sample(row);
    if (!sample.ok())
      return std::move(sample)
          .in(fmt::format("row {}", samples.size() + 1))
          .in(path.string())
          .error();
    samples.push_back(std::move(sample).value());
  }
  return samples;
}

}  // namespace anemone::eval
