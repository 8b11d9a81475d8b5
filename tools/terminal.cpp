#include "terminal.h"

#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <mutex>

namespace anemone::tools {
namespace {

std::atomic<int> g_signal = 0;  ///< that asked to stop; 0: none did.
std::atomic<bool> g_reader_gone = false;

extern "C" void on_interrupt(int signal) {
  if (g_signal.exchange(signal) != 0) _exit(130);
}

bool colors(const CommonFlags& common) {
  if (common.color == "always") return true;
  return common.color == "auto" && isatty(STDERR_FILENO) != 0 && std::getenv("NO_COLOR") == nullptr;
}

std::string duration(double seconds) {
  const auto whole = static_cast<int64_t>(seconds + 0.5);
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{}:{:02} min", whole / 60, whole % 60);
  return fmt::format("{}:{:02} h", whole / 3600, whole / 60 % 60);
}

}  // namespace

void watch_interrupt() {
  struct sigaction action {};
  action.sa_handler = on_interrupt;
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction before {};
    const bool is_ignored =
        sigaction(signal, nullptr, &before) == 0 && before.sa_handler == SIG_IGN;
    if (signal == SIGHUP && is_ignored) continue;  // nohup
    sigaction(signal, &action, nullptr);
  }
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);  // a limit on files is then an error of writing
}

bool interrupted() { return g_signal != 0; }

bool interrupted_by_key() { return g_signal == SIGINT; }

void clear_interrupt() { g_signal = 0; }

void write_stderr(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stderr) != text.size()) std::clearerr(stderr);
}

LogSink log_sink(const CommonFlags& common) {
  const LogLevel least = common.quiet         ? LogLevel::error
                         : common.verbose > 0 ? LogLevel::debug
                                              : LogLevel::info;
  return [least, mutex = std::make_shared<std::mutex>()](LogLevel level, std::string_view message) {
    if (level < least) return;
    const std::lock_guard lock(*mutex);
    const char* prefix = level == LogLevel::warning ? "warning: "
                         : level == LogLevel::error ? "error: "
                                                    : "";
    print_stderr("{}{}\n", prefix, message);
  };
}

void print_error(const Error& error, const CommonFlags& common) {
  const bool color = colors(common);
  Error plain = error;
  plain.hint.clear();
  print_stderr("{}error:{} {}\n", color ? "\x1b[1;31m" : "", color ? "\x1b[0m" : "",
               plain.to_string());
  if (!error.hint.empty())
    print_stderr("{}hint:{} {}\n", color ? "\x1b[1;36m" : "", color ? "\x1b[0m" : "", error.hint);
}

std::string counted(uint64_t count, std::string_view what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

int exit_code(const Error& error) {
  switch (error.code) {
    case ErrorCode::invalid_argument:
      return 2;
    case ErrorCode::unsupported:
      return 3;
    case ErrorCode::interrupted:
      return 130;
    default:
      return 1;
  }
}

ProgressLine::ProgressLine(const CommonFlags& common)
    : enabled_(!common.no_progress && !common.quiet), terminal_(isatty(STDERR_FILENO) != 0) {}

ProgressLine::~ProgressLine() { erase(); }

ProgressSink ProgressLine::sink() {
  return [this](const Progress& progress) {
    if (enabled_) show(progress);
    return !interrupted();
  };
}

void ProgressLine::show(const Progress& progress) {
  constexpr double kQuietSeconds = 2;  // shorter work shows nothing
  const auto now = Clock::now();
  if (progress.stage != stage_) {
    erase();
    stage_ = progress.stage;
    stage_start_ = last_shown_ = now;
    return;
  }
  const double elapsed = std::chrono::duration<double>(now - stage_start_).count();
  const double since_shown = std::chrono::duration<double>(now - last_shown_).count();
  if (elapsed < kQuietSeconds || since_shown < (terminal_ ? 0.1 : 10.0)) return;
  last_shown_ = now;
  std::string line = fmt::format("{}: {}", progress.stage, progress.done);
  if (progress.total > 0) {
    line += fmt::format(
        "/{} {} ({:.0f} %)", progress.total, progress.unit,
        100.0 * static_cast<double>(progress.done) / static_cast<double>(progress.total));
    if (progress.done > 0) {
      const double left = elapsed * static_cast<double>(progress.total - progress.done) /
                          static_cast<double>(progress.done);
      line += fmt::format(", {} left", duration(left));
    }
  } else {
    line += fmt::format(" {}, {}", progress.unit, duration(elapsed));
  }
  if (!progress.item.empty()) line += fmt::format(", {}", progress.item);
  if (terminal_) {
    print_stderr("\r\x1b[K{}", line);
    std::fflush(stderr);
    drawn_ = true;
  } else {
    print_stderr("{}\n", line);
  }
}

void ProgressLine::erase() {
  if (!drawn_) return;
  print_stderr("\r\x1b[K");
  std::fflush(stderr);
  drawn_ = false;
}

Status write_stdout(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0)
    return {};
  if (errno == EPIPE) g_reader_gone = true;
  return Error{ErrorCode::io, "cannot write to standard output", {}, "is the disk full?"};
}

void end_if_reader_gone() {
  if (!g_reader_gone) return;
  std::signal(SIGPIPE, SIG_DFL);
  std::raise(SIGPIPE);
}

}  // namespace anemone::tools
