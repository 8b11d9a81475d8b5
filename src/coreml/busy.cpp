#include "coreml/busy.h"

#include <algorithm>
#include <array>
#include <string>

#include "base/error.h"

namespace anemone::coreml {
namespace {

/// In lower case. The driver's own words for a queue that is full and a device that is held; whole
/// phrases, as messages also hold paths and the names of models.
constexpr std::array kBusyWords = {"engine is busy",
                                   "device is busy",
                                   "device or resource busy",
                                   "device busy",
                                   "resource busy",
                                   "resource temporarily unavailable",
                                   "temporarily unavailable (",
                                   "resource in use",
                                   "too many requests"};

}  // namespace

bool is_busy(const Error& error) {
  std::string text = error.message;
  std::ranges::transform(text, text.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return std::ranges::any_of(kBusyWords,
                             [&](const char* word) { return text.find(word) != text.npos; });
}

Status call_patiently(const Patience& patience, const std::function<Status()>& call,
                      const std::function<void(std::chrono::milliseconds)>& sleep,
                      uint64_t& repeats) {
  std::chrono::milliseconds pause = patience.first_pause;
  for (int attempt = 1;; ++attempt) {
    Status status = call();
    if (status.ok() || !is_busy(status.error())) return status;
    if (attempt >= patience.attempts)
      return std::move(status).in(fmt::format("tried {} times", attempt));
    sleep(pause);
    pause *= patience.factor;
    ++repeats;
  }
}

}  // namespace anemone::coreml
