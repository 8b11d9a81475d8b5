#include "eval_report.h"

#include <fmt/format.h>

#include <algorithm>

#include "terminal.h"

namespace anemone::tools {
namespace {

/// Documents without a score, which the table cannot show.
std::string failures(const eval::Report& report) {
  constexpr size_t kMostShown = 20;
  std::string text;
  for (const eval::TaskReport& task : report.tasks) {
    if (task.failed.empty()) continue;
    const auto failed = static_cast<int64_t>(task.failed.size());
    text += fmt::format("{}: {} of {} failed; the scores are over the other {}\n", task.name,
                        failed, counted(static_cast<uint64_t>(failed + task.evaluated), "document"),
                        task.evaluated);
    for (size_t i = 0; i < std::min(task.failed.size(), kMostShown); ++i)
      text += fmt::format("  document {}: {}\n", task.failed[i].document, task.failed[i].message);
    if (task.failed.size() > kMostShown)
      text += fmt::format("  and {} more\n", task.failed.size() - kMostShown);
  }
  return text;
}

/// Requests that did not fit, which the scores do not show.
std::string truncations(const eval::Report& report) {
  std::string text;
  for (const eval::TaskReport& task : report.tasks)
    if (const uint64_t cut = task.work.truncated_requests; cut > 0)
      text += fmt::format("{}: {} did not fit and lost the beginning\n", task.name,
                          counted(cut, "request"));
  return text;
}

std::string share_of(uint64_t run, uint64_t other, std::string_view what) {
  const std::string share =
      other > 0 ? fmt::format("{:.3f}", static_cast<double>(run) / static_cast<double>(other))
                : "n/a";
  return fmt::format("  {} of the {} of {}\n", share, counted(other, "token"), what);
}

void log_work(const eval::Work& work, const LogSink& log) {
  std::string memory;
  if (work.peak_memory_bytes > 0)
    memory = fmt::format(", {:.0f} MB of memory at most",
                         static_cast<double>(work.peak_memory_bytes) / 1e6);
  log(LogLevel::info, fmt::format("done in {:.1f} s: {}, {:.0f} a second{}", work.seconds,
                                  counted(work.tokens_run, "token"),
                                  static_cast<double>(work.tokens_run) / work.seconds, memory));
}

/// The error that the exit code stands for when the report is out.
Status outcome(const eval::Report& report) {
  if (!report.interrupted.empty()) {
    std::string left;
    for (const std::string& task : report.not_run) left += ", " + task;
    return Error{
        ErrorCode::interrupted,
        fmt::format("interrupted in {}{}{}; the tasks before are reported", report.interrupted,
                    left.empty() ? "" : "; not run: ", left.empty() ? left : left.substr(2)),
        {},
        {}};
  }
  // A shard of a small task may have nothing but a document that failed: the merge decides.
  if (report.shard) return {};
  for (const eval::TaskReport& task : report.tasks)
    if (task.evaluated == 0 && !task.failed.empty())
      return Error{
          ErrorCode::mismatch,
          fmt::format("{}: no document could be scored: {}", task.name, task.failed[0].message),
          {},
          {}};
  return {};
}

}  // namespace

std::string work_text(const eval::Work& work) {
  if (work.stored_answers > 0)  // the tokens of these were not counted
    return fmt::format("{} run, {} of a run before\n", counted(work.tokens_run, "token"),
                       counted(work.stored_answers, "answer"));
  return fmt::format("{} run:\n", counted(work.tokens_run, "token")) +
         share_of(work.tokens_run, work.tokens_logits_cache,
                  "lm-evaluation-harness' hf model with its logits cache") +
         share_of(work.tokens_run, work.tokens_alone, "every request on its own");
}

Status publish(const eval::Report& report, const std::string& output, const CommonFlags& common) {
  const LogSink log = log_sink(common);
  Status written;
  if (!output.empty()) {
    auto files = eval::write_report(report, output);
    if (!files.ok())
      written = std::move(files).error();
    else
      for (const auto& file : *files) log(LogLevel::info, fmt::format("wrote {}", file.string()));
  }
  log_work(report.work, log);
  const std::string remarks = truncations(report) + failures(report);
  if (common.json && !remarks.empty()) log(LogLevel::warning, remarks);
  ANEMONE_RETURN_IF_ERROR(write_stdout(
      common.json ? report.results + "\n" : report.table + work_text(report.work) + remarks));
  ANEMONE_RETURN_IF_ERROR(std::move(written));
  return outcome(report);
}

}  // namespace anemone::tools
