#include "serve/metrics.h"

#include <fmt/format.h>

#include <algorithm>

namespace anemone::serve {
namespace {

template <typename Value>
void add(std::string& text, std::string_view type, std::string_view name, std::string_view help,
         Value value) {
  text += fmt::format("# HELP anemone_{} {}\n# TYPE anemone_{} {}\nanemone_{} {}\n", name, help,
                      name, type, name, value);
}

void add(std::string& text, std::string_view name, std::string_view help,
         const Histogram& histogram) {
  text += fmt::format("# HELP anemone_{} {}\n# TYPE anemone_{} histogram\n{}", name, help, name,
                      histogram.text(fmt::format("anemone_{}", name)));
}

}  // namespace

void Histogram::add(std::chrono::nanoseconds duration) {
  const double seconds = std::chrono::duration<double>(duration).count();
  const auto bucket = std::ranges::lower_bound(kBounds_seconds, seconds);
  ++counts_[static_cast<size_t>(bucket - kBounds_seconds.begin())];
  sum_ns_ += static_cast<uint64_t>(std::max<int64_t>(duration.count(), 0));
}

std::string Histogram::text(std::string_view name) const {
  std::string lines;
  uint64_t count = 0;
  for (size_t i = 0; i < counts_.size(); ++i) {
    count += counts_[i];
    const std::string bound =
        i < kBounds_seconds.size() ? fmt::format("{}", kBounds_seconds[i]) : "+Inf";
    lines += fmt::format("{}_bucket{{le=\"{}\"}} {}\n", name, bound, count);
  }
  return lines + fmt::format("{}_sum {}\n{}_count {}\n", name,
                             static_cast<double>(sum_ns_.load()) / 1e9, name, count);
}

void Metrics::count_request(std::string_view endpoint, int status) {
  const std::lock_guard lock(mutex_);
  ++requests_[{std::string(endpoint), status}];
}

std::string Metrics::text() const {
  std::string text =
      "# HELP anemone_requests_total Requests that were answered, by endpoint and HTTP status.\n"
      "# TYPE anemone_requests_total counter\n";
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [key, count] : requests_)
      text += fmt::format("anemone_requests_total{{endpoint=\"{}\",status=\"{}\"}} {}\n", key.first,
                          key.second, count);
  }
  const auto counter = [&](const char* name, const char* help, const auto& value) {
    add(text, "counter", name, help, value.load());
  };
  const auto gauge = [&](const char* name, const char* help, const auto& value) {
    add(text, "gauge", name, help, value.load());
  };
  counter("prompt_tokens_total",
          "Tokens of the prompts of finished answers, for each of n choices.", prompt_tokens);
  counter("reused_tokens_total", "Tokens of prompts that the prompt cache knew.", reused_tokens);
  counter("generated_tokens_total",
          "Tokens that were generated, of answers that were given up without forced ones.",
          generated_tokens);
  counter("steps_total", "Calls of the model.", steps);
  counter("step_answers_total", "Answers that these calls advanced, added up.", step_answers);
  counter("disconnected_total", "Answers given up because the client left.", disconnected);
  counter("slow_readers_total", "Answers given up because the client read too slowly.",
          slow_readers);
  counter("timed_out_total", "Answers given up because they took too long.", timed_out);
  gauge("running_answers", "Answers that the model works on.", running);
  gauge("waiting_answers", "Answers that wait for the model.", waiting);
  gauge("connections", "Open connections.", connections);
  gauge("prompt_cache_bytes", "What the prompt cache holds.", prompt_cache_bytes);
  add(text, "first_token_seconds", "From the request to its first token.", first_token);
  add(text, "request_seconds",
      "From a request to the end of its response, of all endpoints, refusals too.", request);
  add(text, "step_seconds", "Calls of the model, with choosing from what they gave.", step);
  return text;
}

}  // namespace anemone::serve
