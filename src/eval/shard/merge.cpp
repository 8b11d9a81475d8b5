#include <algorithm>
#include <limits>
#include <map>
#include <regex>
#include <utility>

#include "base/error.h"
#include "base/mapped_file.h"
#include "eval/python_format.h"
#include "eval/report.h"
#include "eval/shard/shard_file.h"

namespace anemone::eval {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kMostBootstraps = 1000000000;

struct NamedShard {
  std::string path;
  ShardFile file;
};

bool is_shard_name(const std::string& name) {
  static const std::regex form(R"((.*_)?shard_[0-9]+_of_[0-9]+\.jsonl)");
  return std::regex_match(name, form);
}

/// A shard's file, or those in a folder and in the folders in it.
Result<std::vector<fs::path>> files_of(const fs::path& path) {
  std::error_code code;
  if (!fs::is_directory(path, code)) return std::vector<fs::path>{path};
  std::vector<fs::path> files;
  fs::recursive_directory_iterator entry(path, code);
  for (; !code && entry != fs::recursive_directory_iterator(); entry.increment(code)) {
    if (entry.depth() >= 1) entry.disable_recursion_pending();
    if (is_shard_name(entry->path().filename().string())) files.push_back(entry->path());
  }
  if (code) return fail(ErrorCode::io, "{}: {}", path.string(), code.message());
  if (files.empty())
    return with_hint(
        fail(ErrorCode::not_found, "{}: no shard_<i>_of_<n>.jsonl in it", path.string()),
        "a shard leaves its file when it is complete: anemone eval … --shard i/n "
        "--output-path DIR");
  std::ranges::sort(files);
  return files;
}

Result<NamedShard> read_shard(const fs::path& path) {
  ANEMONE_TRY(const auto file, MappedFile::open(path));
  const auto bytes = file->bytes();
  auto parsed = parse_shard({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  if (!parsed.ok()) return std::move(parsed).in(path.string()).error();
  return NamedShard{path.string(), std::move(parsed).value()};
}

/// What results files of shards have alike: not the scores, the work, the time, the machine, nor
/// the places of files.
Value settings_of(const ShardFile& file) {
  Value settings = file.results;
  settings["--log-samples"] = !settings.at("task_hashes").empty();
  for (const char* key :
       {"results", "groups", "n-samples", "task_hashes", "failed", "date", "pretty_env_info",
        "total_evaluation_time_seconds", "model_name", "model_name_sanitized"})
    settings.erase(key);
  for (const char* key : {"machine", "shard", "work", "tasks"}) settings.at("anemone").erase(key);
  settings.at("anemone").at("model").erase("path");
  settings.at("config").at("model_args").erase("path");
  for (auto& [name, config] : settings.at("configs").items())
    for (const char* key : {"config_source", "path"}) config.at("metadata").erase(key);
  settings["groups"] = file.groups.size();
  Value& tasks = settings["tasks"];
  for (const ShardTask& task : file.tasks)
    tasks[task.facts.name] = {{"original", task.facts.original},
                              {"documents", task.selected.count},
                              {"questions", task.selected.sha256}};
  return settings;
}

struct Difference {
  std::string place;
  std::string here;
  std::string there;
};

std::optional<Difference> difference(const Value& here, const Value& there,
                                     const std::string& place) {
  if (here.is_object() && there.is_object()) {
    for (const Value* side : {&here, &there})
      for (const auto& [key, value] : side->items()) {
        const auto found = difference(here.value(key, Value()), there.value(key, Value()),
                                      place.empty() ? key : place + "." + key);
        if (found) return found;
      }
    return std::nullopt;
  }
  const auto brief = [](const Value& value) {
    std::string text = python::dumps(value);
    if (text.size() > 60) text = text.substr(0, 60) + "…";
    return text;
  };
  if (python::dumps(here) == python::dumps(there)) return std::nullopt;
  return Difference{place, brief(here), brief(there)};
}

/// Whether the shards are all parts of one run, each once.
Status check_together(std::span<const NamedShard> shards) {
  const NamedShard& first = shards[0];
  const Value settings = settings_of(first.file);
  for (const NamedShard& shard : shards.subspan(1)) {
    if (shard.file.shard.count != first.file.shard.count)
      return fail(ErrorCode::mismatch, "{} is one of {} shards, {} one of {}", shard.path,
                  shard.file.shard.count, first.path, first.file.shard.count);
    if (const auto found = difference(settings_of(shard.file), settings, ""))
      return fail(ErrorCode::mismatch, "{} is of another run: {} is {}, in {} it is {}", shard.path,
                  found->place, found->here, first.path, found->there);
  }
  std::map<int64_t, const NamedShard*> by_index;
  for (const NamedShard& shard : shards) {
    const auto [other, fresh] = by_index.emplace(shard.file.shard.index, &shard);
    if (!fresh)
      return fail(ErrorCode::mismatch, "{} and {} are both shard {} of {}", other->second->path,
                  shard.path, shard.file.shard.index, shard.file.shard.count);
  }
  std::string missing;
  for (int64_t index = 1; index <= first.file.shard.count; ++index)
    if (!by_index.contains(index))
      missing += fmt::format("{}{}", missing.empty() ? "" : ", ", index);
  if (missing.empty()) return {};
  return fail(ErrorCode::not_found, "of {} shards these are missing: {}", first.file.shard.count,
              missing);
}

Work work_in(const Value& counts) {
  Work work;
  work.tokens_run = counts.at("tokens_run").get<uint64_t>();
  work.tokens_alone = counts.at("tokens_each_request_alone").get<uint64_t>();
  work.tokens_logits_cache = counts.at("tokens_hf_with_logits_cache").get<uint64_t>();
  work.truncated_requests = counts.at("truncated_requests").get<uint64_t>();
  work.stored_answers = counts.value("stored_answers", uint64_t{0});
  work.peak_memory_bytes = counts.value("peak_memory_bytes", uint64_t{0});
  work.seconds = counts.at("seconds").get<double>();
  return work;
}

void add(const Work& part, Work& sum) {
  sum.tokens_run += part.tokens_run;
  sum.tokens_alone += part.tokens_alone;
  sum.tokens_logits_cache += part.tokens_logits_cache;
  sum.truncated_requests += part.truncated_requests;
  sum.stored_answers += part.stored_answers;
  sum.peak_memory_bytes = std::max(sum.peak_memory_bytes, part.peak_memory_bytes);
  sum.seconds += part.seconds;
}

/// One task of all shards, scored. Takes the documents of the shards.
Result<TaskRecord> merged_task(std::span<NamedShard> shards, size_t index) {
  const Value& base = shards[0].file.results;
  const ShardTask& first = shards[0].file.tasks[index];
  const std::string name = first.facts.name;
  TaskRecord record;
  record.facts = first.facts;
  record.config = base.at("configs").at(name);
  record.version = base.at("versions").at(name);
  record.shots = base.at("n-shot").at(name).get<int64_t>();
  const Value& provenance = base.at("anemone").at("tasks").at(name);
  record.file = provenance.at("file").get<std::string>();
  record.data = provenance.at("data").get<std::string>();
  std::vector<DocumentOutcome> documents;
  for (NamedShard& shard : shards) {
    add(work_in(shard.file.results.at("anemone").at("tasks").at(name)), record.work);
    std::ranges::move(shard.file.tasks[index].documents, std::back_inserter(documents));
  }
  std::ranges::sort(documents, {}, &DocumentOutcome::doc_id);
  if (static_cast<int64_t>(documents.size()) != first.selected.count)
    return fail(ErrorCode::corrupt, "{}: the shards hold {} documents, the run has {}", name,
                documents.size(), first.selected.count);
  const auto iterations = base.at("config").at("bootstrap_iters").get<int64_t>();
  if (iterations < 0 || iterations > kMostBootstraps)
    return fail(ErrorCode::limit, "bootstrap_iters {}, at most {}", iterations, kMostBootstraps);
  record.outcome = summarize(record.facts, std::move(documents), iterations);
  return record;
}

Result<Report> merge(std::vector<NamedShard> shards) {
  std::ranges::sort(shards, {}, [](const NamedShard& shard) { return shard.file.shard.index; });
  ANEMONE_RETURN_IF_ERROR(check_together(shards));
  const ShardFile& first = shards[0].file;
  RunTotals totals{first.groups, !first.results.at("task_hashes").empty(), {}};
  double start = std::numeric_limits<double>::infinity();
  for (const NamedShard& shard : shards) {
    add(work_in(shard.file.results.at("anemone").at("work")), totals.work);
    start = std::min(start, shard.file.results.at("date").get<double>());
  }
  std::vector<TaskRecord> tasks;
  for (size_t i = 0; i < first.tasks.size(); ++i) {
    ANEMONE_TRY(auto record, merged_task(shards, i));
    tasks.push_back(std::move(record));
  }
  Value settings = first.results;
  settings["date"] = start;
  settings.at("anemone").erase("shard");
  return make_report(with_scores(std::move(settings), tasks, totals), tasks, totals,
                     first.num_fewshot);
}

}  // namespace

Result<Report> merge_shards(std::span<const fs::path> paths, const LogSink& log) {
  std::vector<NamedShard> shards;
  for (const fs::path& path : paths) {
    ANEMONE_TRY(const auto files, files_of(path));
    for (const fs::path& file : files) {
      ANEMONE_TRY(auto shard, read_shard(file));
      log(LogLevel::debug, fmt::format("{}: shard {} of {}", shard.path, shard.file.shard.index,
                                       shard.file.shard.count));
      shards.push_back(std::move(shard));
    }
  }
  if (shards.empty()) return fail(ErrorCode::invalid_argument, "no shards to merge");
  try {
    return merge(std::move(shards));
  } catch (const Value::exception& error) {
    return fail(ErrorCode::corrupt, "a shard's results have not the form of a results file: {}",
                error.what());
  }
}

}  // namespace anemone::eval
