#pragma once

#include <fmt/format.h>

#include <chrono>
#include <string>
#include <string_view>
#include <utility>

#include "anemone/log.h"
#include "command.h"

namespace anemone::tools {

/// To stderr. What cannot be written there is lost: a closed pipe or a full disk behind it ends no
/// work.
void write_stderr(std::string_view text);

template <typename... T>
void print_stderr(fmt::format_string<T...> form, T&&... values) {
  write_stderr(fmt::format(form, std::forward<T>(values)...));
}

/// Makes Ctrl-C, SIGTERM and SIGHUP set a flag instead of ending the process, so that what is half
/// done is removed; a second one ends it at once. SIGHUP stays ignored under nohup.
void watch_interrupt();
bool interrupted();
/// By Ctrl-C: other signals end the program also where that only ends what is typed.
bool interrupted_by_key();
/// Forgets an interrupt that ended what it was meant for.
void clear_interrupt();

/// Words for the user, on stderr: level and message; respects -q and -v.
LogSink log_sink(const CommonFlags& common);

/// "error: …" and "hint: …" on stderr, coloured when stderr is a terminal.
void print_error(const Error& error, const CommonFlags& common);

/// "1 token", "2 tokens".
std::string counted(uint64_t count, std::string_view what);

/// The exit code that CLI.md gives to an error.
int exit_code(const Error& error);

/// Progress of long work on stderr: nothing for the first two seconds; then one line with share,
/// rate and time left, redrawn in place on a terminal and printed every ten seconds elsewhere. The
/// sink it gives returns false once the user pressed Ctrl-C. Erases its line when destroyed.
class ProgressLine {
 public:
  explicit ProgressLine(const CommonFlags& common);
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;
  ProgressSink sink();

 private:
  using Clock = std::chrono::steady_clock;
  void show(const Progress& progress);
  void erase();

  bool enabled_;
  bool terminal_;
  std::string stage_;
  Clock::time_point stage_start_;
  Clock::time_point last_shown_;
  bool drawn_ = false;
};

/// Writes to stdout and reports a failure (disk full, closed pipe) as an error.
Status write_stdout(std::string_view text);

/// Ends the process without a word, as SIGPIPE does, when a write to stdout found nobody to read
/// it (`anemone ... | head`). Called after all is put away.
void end_if_reader_gone();

}  // namespace anemone::tools
