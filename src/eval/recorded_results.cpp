#include "anemone/recorded_results.h"

#include <algorithm>

#include "base/error.h"
#include "base/json_document.h"
#include "eval/json_text.h"
#include "eval/recorded_value.h"

namespace anemone::eval {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kErrorMark = "_stderr";

std::optional<int64_t> count_at(const Value& object, const std::string& key) {
  const Value value = at(object, key);
  if (!value.is_number_integer() || value < 0) return std::nullopt;
  if (value.is_number_unsigned() && value.get<uint64_t>() > INT64_MAX) return std::nullopt;
  return value.get<int64_t>();
}

/// "acc_stderr,none" → "acc,none" and true.
std::pair<std::string, bool> base_of(const std::string& key, size_t comma) {
  const std::string metric = key.substr(0, comma);
  if (!metric.ends_with(kErrorMark)) return {key, false};
  return {metric.substr(0, metric.size() - kErrorMark.size()) + key.substr(comma), true};
}

/// Keys with a comma are scores; a number belongs there, or the harness' words for none.
Status add_score(const std::string& key, size_t comma, const Value& value,
                 std::vector<std::pair<std::string, Score>>& scores) {
  const bool none = value.is_null() || value.is_string();
  if (!value.is_number() && !none)
    return fail(ErrorCode::corrupt, "'{}' is {}, expected a number", key, value.type_name());
  const auto [base, is_error] = base_of(key, comma);
  auto found = std::find_if(scores.begin(), scores.end(),
                            [&base = base](const auto& item) { return item.first == base; });
  if (found == scores.end()) {
    const size_t cut = base.find(',');
    Score score;
    score.metric = base.substr(0, cut);
    score.filter = base.substr(cut + 1);
    scores.emplace_back(base, std::move(score));
    found = scores.end() - 1;
  }
  (is_error ? found->second.standard_error : found->second.value) = number(value);
  return {};
}

Result<RecordedTask> read_task(const std::string& name, const Value& entry, const Value& document) {
  if (!entry.is_object())
    return fail(ErrorCode::corrupt, "it is {}, expected an object", entry.type_name());
  RecordedTask task;
  task.name = name;
  task.alias = text_at(entry, "alias");
  if (task.alias.empty()) task.alias = name;
  task.shots = count_at(at(document, "n-shot"), name);
  task.samples = count_at(entry, "sample_len");
  if (!task.samples) task.samples = count_at(at(at(document, "n-samples"), name), "effective");
  task.failed = count_at(entry, "failed");
  task.seconds = number(at(at(at(at(document, "anemone"), "tasks"), name), "seconds"));
  const Value version = at(at(document, "versions"), name);
  if (!version.is_null())
    task.version = version.is_string() ? version.get<std::string>() : version.dump();
  task.hash = text_at(at(document, "task_hashes"), name);
  std::vector<std::pair<std::string, Score>> scores;
  for (const auto& [key, value] : entry.items())
    if (const size_t comma = key.find(','); comma != std::string::npos)
      ANEMONE_RETURN_IF_ERROR(add_score(key, comma, value, scores));
  const Value directions = at(at(document, "higher_is_better"), name);
  for (auto& [key, score] : scores) {
    const Value direction = at(directions, score.metric);
    if (direction.is_boolean()) score.higher_is_better = direction.get<bool>();
    task.scores.push_back(std::move(score));
  }
  return task;
}

Result<std::vector<RecordedTask>> read_tasks(const Value& entries, const Value& document) {
  std::vector<RecordedTask> tasks;
  for (const auto& [name, entry] : entries.items()) {
    auto task = read_task(name, entry, document);
    if (!task.ok()) return std::move(task).in("'" + name + "'").error();
    tasks.push_back(std::move(task).value());
  }
  return tasks;
}

/// eval_<model>_<version of the harness>[_<shots>]_<tasks>, as mlx_lm.evaluate names its file.
void read_mlx_name(const fs::path& path, RecordedResults& results) {
  const std::string name = path.filename().string();
  if (!name.starts_with("eval_")) return;
  std::vector<std::string> parts;
  for (size_t begin = 5; begin <= name.size();) {
    const size_t end = std::min(name.find('_', begin), name.size());
    parts.push_back(name.substr(begin, end - begin));
    begin = end + 1;
  }
  const auto is_number = [](const std::string& part) {
    return !part.empty() &&
           std::all_of(part.begin(), part.end(), [](char c) { return c >= '0' && c <= '9'; });
  };
  const auto is_version = [&](const std::string& part) {
    const size_t dot = part.find('.');
    return dot != std::string::npos && is_number(part.substr(0, dot)) &&
           part.find('.', dot + 1) != std::string::npos;
  };
  // From the right, since a model's name may look like a version.
  const auto last = std::find_if(parts.rbegin(), parts.rend(), is_version);
  if (last == parts.rend()) return;
  const auto at_version = static_cast<size_t>(parts.rend() - last) - 1;
  results.harness_version = *last;
  for (size_t i = 0; i < at_version; ++i) results.model += (i > 0 ? "_" : "") + parts[i];
  if (at_version + 1 < parts.size() && parts[at_version + 1].size() == 2 &&
      is_number(parts[at_version + 1]))
    for (RecordedTask& task : results.tasks) task.shots = std::stoi(parts[at_version + 1]);
}

void read_run(const Value& document, RecordedResults& results) {
  const Value config = at(document, "config");
  const Value own = at(document, "anemone");
  const Value model = at(own, "model");
  results.format = own.is_object() ? ResultsFormat::anemone : ResultsFormat::lm_eval;
  results.model = text_at(document, "model_name");
  results.model_hash = text_at(own, "model_hash");
  results.numerics = text_at(model, "numerics");
  if (results.numerics.empty()) results.numerics = text_at(config, "model_dtype");
  results.harness_version = text_at(document, "lm_eval_version");
  results.limit = number(at(config, "limit"));
  const Value simulated = at(model, "simulated");
  results.simulated = simulated.is_boolean() && simulated.get<bool>();
  results.weight_bytes = number(at(model, "weight_bytes"));
  results.tokens_per_second = number(at(at(own, "work"), "tokens_per_second"));
  results.peak_memory_bytes = number(at(at(own, "work"), "peak_memory_bytes"));
  results.machine = text_at(at(own, "machine"), "cpu");
  if (const std::string system = text_at(at(own, "machine"), "system"); !system.empty())
    results.machine += (results.machine.empty() ? "" : ", ") + system;
  const Value seconds = at(document, "total_evaluation_time_seconds");
  results.seconds = number(seconds);
  // The harness writes this number as text.
  if (const std::string text = text_at(document, "total_evaluation_time_seconds"); !text.empty()) {
    auto parsed = parse_json_text(text);
    if (parsed.ok()) results.seconds = number(*parsed);
  }
}

/// mlx_lm.evaluate writes the harness' `results` alone: objects that hold scores, and nothing else.
bool is_bare(const Value& document) {
  return !document.empty() && std::all_of(document.begin(), document.end(), [](const Value& entry) {
    return entry.is_object() &&
           std::any_of(entry.items().begin(), entry.items().end(),
                       [](const auto& item) { return item.key().find(',') != std::string::npos; });
  });
}

constexpr const char* kRenamed = "results.json";

/// Why a folder without results has none, with what of it can be given by its own name.
Error no_results(const fs::path& folder) {
  std::string mlx;      // a file of mlx_lm.evaluate
  std::string renamed;  // of lm-evaluation-harness, without its time
  std::error_code code;
  for (fs::recursive_directory_iterator file(folder, code), end; !code && file != end;
       file.increment(code)) {
    const std::string name = file->path().filename().string();
    if (name.starts_with("eval_")) mlx = file->path().string();
    if (name == kRenamed) renamed = file->path().string();
  }
  Error none = fail(ErrorCode::not_found, "{}: no results_*.json below it", folder.string());
  if (!renamed.empty()) return with_hint(std::move(none), "give it by its own name: " + renamed);
  if (mlx.empty()) return none;
  return with_hint(std::move(none), "what mlx_lm.evaluate writes is given by its own name: " + mlx);
}

}  // namespace

const char* to_string(ResultsFormat format) {
  switch (format) {
    case ResultsFormat::anemone:
      return "anemone";
    case ResultsFormat::lm_eval:
      return "lm_eval";
    case ResultsFormat::mlx_lm:
      return "mlx_lm";
  }
  return "unknown";
}

Result<RecordedResults> parse_results(std::string_view content, const fs::path& name) {
  ANEMONE_TRY(const Value document, parse_json_text(content));
  RecordedResults results;
  results.path = name;
  const Value scores = at(document, "results");
  const bool whole = scores.is_object() && !is_bare(document);
  if (!whole && !(document.is_object() && is_bare(document)))
    return fail(ErrorCode::corrupt,
                "no results of lm-evaluation-harness or mlx_lm.evaluate: the key 'results' is {}",
                scores.is_null() ? "absent" : scores.type_name());
  const Value groups = at(document, "groups");
  ANEMONE_TRY(results.tasks, read_tasks(whole ? scores : document, whole ? document : Value()));
  if (!whole) {
    results.format = ResultsFormat::mlx_lm;
    read_mlx_name(name, results);
    return results;
  }
  read_run(document, results);
  // The harness lists groups among the results too.
  std::erase_if(results.tasks, [&](const RecordedTask& task) {
    return groups.is_object() && groups.contains(task.name);
  });
  if (!groups.is_null() && !groups.is_object())
    return fail(ErrorCode::corrupt, "'groups' is {}, expected an object", groups.type_name());
  ANEMONE_TRY(results.groups, read_tasks(groups.is_null() ? Value::object() : groups, document));
  return results;
}

Result<std::vector<fs::path>> results_below(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code code;
  for (fs::recursive_directory_iterator file(folder, code), end; !code && file != end;
       file.increment(code)) {
    const std::string name = file->path().filename().string();
    if (name.starts_with("results_") && name.ends_with(".json")) files.push_back(file->path());
  }
  if (code) return fail(ErrorCode::io, "{}: {}", folder.string(), code.message());
  std::ranges::sort(files, {},
                    [](const fs::path& path) { return std::pair(path.filename(), path); });
  if (fs::is_regular_file(folder / kRenamed, code)) files.insert(files.begin(), folder / kRenamed);
  if (files.empty()) return no_results(folder);
  return files;
}

Result<RecordedResults> read_results(const fs::path& path) {
  std::error_code code;
  fs::path file = path;
  if (fs::is_directory(path, code)) {
    ANEMONE_TRY(const auto files, results_below(path));
    file = files.back();
  }
  ANEMONE_TRY(const std::string content, read_text(file));
  return parse_results(content, file).in(file.string());
}

}  // namespace anemone::eval
