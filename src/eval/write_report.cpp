#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <ctime>

#include "anemone/evaluate.h"
#include "base/atomic_file.h"
#include "base/error.h"
#include "eval/file_name.h"

namespace anemone::eval {
namespace {

namespace fs = std::filesystem;

/// datetime.now().isoformat() with "-" for ":".
std::string time_id() {
  using namespace std::chrono;
  const auto now = system_clock::now();
  const std::time_t seconds = system_clock::to_time_t(now);
  const auto micros = duration_cast<microseconds>(now.time_since_epoch()).count() % 1000000;
  std::tm local{};
  localtime_r(&seconds, &local);
  return fmt::format("{:04}-{:02}-{:02}T{:02}-{:02}-{:02}.{:06}", local.tm_year + 1900,
                     local.tm_mon + 1, local.tm_mday, local.tm_hour, local.tm_min, local.tm_sec,
                     micros);
}

Status write_file(const fs::path& path, std::span<const std::string> lines, bool end_lines) {
  ANEMONE_TRY(AtomicFile file, AtomicFile::create(path));
  for (const std::string& line : lines) {
    ANEMONE_RETURN_IF_ERROR(file.write(std::as_bytes(std::span(line))));
    if (end_lines)
      ANEMONE_RETURN_IF_ERROR(file.write(std::as_bytes(std::span<const char>("\n", 1))));
  }
  return file.commit();
}

}  // namespace

fs::path answers_path(const fs::path& output, const std::string& model_name,
                      const std::optional<Shard>& shard) {
  std::string name = "responses";
  if (shard) name += fmt::format("_{}_of_{}", shard->index, shard->count);
  name += ".sqlite";
  if (output.extension() == ".json")
    return output.parent_path() / (output.stem().string() + "_" + name);
  return output / file_name_of(model_name) / name;
}

Status check_output(const fs::path& output) {
  fs::path folder = output.extension() == ".json" ? output.parent_path() : output;
  if (folder.empty()) folder = ".";
  std::vector<fs::path> missing;  // the innermost first
  std::error_code code;
  for (fs::path part = folder; !part.empty() && !fs::exists(part, code); part = part.parent_path())
    missing.push_back(part);
  code.clear();
  std::vector<fs::path> made;
  for (auto part = missing.rbegin(); part != missing.rend() && !code; ++part)
    if (fs::create_directory(*part, code)) made.push_back(*part);
  Status status;
  if (code)
    status = fail(ErrorCode::io, "{}: {}", folder.string(), code.message());
  else if (auto file = AtomicFile::create(folder / "results.json"); !file.ok())
    status = std::move(file).error();
  for (auto part = made.rbegin(); part != made.rend(); ++part) fs::remove(*part, code);
  return status;
}

Result<std::vector<fs::path>> write_report(const Report& report, const fs::path& output) {
  const std::string time = time_id();
  const bool named = output.extension() == ".json";
  const fs::path folder = named ? output.parent_path() : output / file_name_of(report.model_name);
  std::error_code code;
  if (!folder.empty()) fs::create_directories(folder, code);
  if (code) return fail(ErrorCode::io, "{}: {}", folder.string(), code.message());

  std::vector<fs::path> paths;
  paths.push_back(folder / (named ? fmt::format("{}_{}.json", output.stem().string(), time)
                                  : fmt::format("results_{}.json", time)));
  const std::vector<std::string> results = {report.results};
  // Samples first: a results file says that all else of its run is there.
  for (const TaskReport& task : report.tasks) {
    if (task.samples.empty()) continue;
    // Names that differ may be the same in a path.
    std::string name = file_name_of(task.name);
    const auto path = [&] { return folder / fmt::format("samples_{}_{}.jsonl", name, time); };
    while (std::find(paths.begin(), paths.end(), path()) != paths.end()) name += "_";
    paths.push_back(path());
    ANEMONE_RETURN_IF_ERROR(write_file(paths.back(), task.samples, true));
  }
  if (!report.shard_lines.empty()) {
    const std::string name =
        fmt::format("shard_{}_of_{}.jsonl", report.shard->index, report.shard->count);
    paths.push_back(folder / (named ? output.stem().string() + "_" + name : name));
    ANEMONE_RETURN_IF_ERROR(write_file(paths.back(), report.shard_lines, true));
  }
  ANEMONE_RETURN_IF_ERROR(write_file(paths.front(), results, false));
  return paths;
}

}  // namespace anemone::eval
