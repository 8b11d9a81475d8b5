#include "serve/metrics.h"

#include <fmt/format.h>

#include <algorithm>

#include "serve/endpoint.h"

namespace anemone::serve {
namespace {

std::string heading(std::string_view type, std::string_view name, std::string_view help) {
  return fmt::format("# HELP anemone_{} {}\n# TYPE anemone_{} {}\n", name, help, name, type);
}

std::string label(std::string_view endpoint) { return fmt::format("endpoint=\"{}\"", endpoint); }

/// Those that ask the model: the others have no tokens to count.
bool generates(std::string_view endpoint) {
  const auto found = endpoints_at(endpoint);
  return std::ranges::any_of(found, [](const Endpoint* each) { return each->method == "POST"; });
}

}  // namespace

void Histogram::add(std::chrono::nanoseconds duration) {
  const double seconds = std::chrono::duration<double>(duration).count();
  const auto bucket = std::ranges::lower_bound(kBounds_seconds, seconds);
  ++counts_[static_cast<size_t>(bucket - kBounds_seconds.begin())];
  sum_ns_ += static_cast<uint64_t>(std::max<int64_t>(duration.count(), 0));
}

std::string Histogram::text(std::string_view name, std::string_view labels) const {
  std::string lines;
  uint64_t count = 0;
  for (size_t i = 0; i < counts_.size(); ++i) {
    count += counts_[i];
    const std::string bound =
        i < kBounds_seconds.size() ? fmt::format("{}", kBounds_seconds[i]) : "+Inf";
    lines += fmt::format("{}_bucket{{{}{}le=\"{}\"}} {}\n", name, labels, labels.empty() ? "" : ",",
                         bound, count);
  }
  const std::string of = labels.empty() ? "" : fmt::format("{{{}}}", labels);
  return lines + fmt::format("{}_sum{} {}\n{}_count{} {}\n", name, of,
                             static_cast<double>(sum_ns_.load()) / 1e9, name, of, count);
}

Metrics::Metrics() {
  for (const Endpoint& endpoint : serve::endpoints()) endpoints_.try_emplace(endpoint.path);
  endpoints_.try_emplace(kNoEndpoint);
}

EndpointMetrics& Metrics::at(std::string_view endpoint) {
  const auto found = endpoints_.find(endpoint);
  return found == endpoints_.end() ? endpoints_.at(kNoEndpoint) : found->second;
}

void Metrics::count_request(std::string_view endpoint, int status, std::chrono::nanoseconds took) {
  const auto found = endpoints_.find(endpoint);
  const std::string_view name = found == endpoints_.end() ? kNoEndpoint : found->first;
  at(name).request.add(took);
  const std::lock_guard lock(mutex_);
  ++requests_[name][status];
}

std::string Metrics::text() const {
  std::string text = heading("counter", "requests_total",
                             "Requests that were answered, by endpoint and HTTP status.");
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [endpoint, statuses] : requests_)
      for (const auto& [status, count] : statuses)
        text += fmt::format("anemone_requests_total{{{},status=\"{}\"}} {}\n", label(endpoint),
                            status, count);
  }
  const auto by_endpoint = [&](const char* name, const char* help, auto member) {
    text += heading("counter", name, help);
    for (const auto& [endpoint, counted] : endpoints_)
      if (generates(endpoint))
        text +=
            fmt::format("anemone_{}{{{}}} {}\n", name, label(endpoint), (counted.*member).load());
  };
  by_endpoint("prompt_tokens_total",
              "Tokens of prompts that the model has read or the cache knew, for each of n choices.",
              &EndpointMetrics::prompt_tokens);
  by_endpoint("reused_tokens_total",
              "Tokens of prompts that the prompt cache knew, of finished answers.",
              &EndpointMetrics::reused_tokens);
  by_endpoint("generated_tokens_total",
              "Tokens that were generated, of answers that were given up without forced ones.",
              &EndpointMetrics::generated_tokens);
  by_endpoint("disconnected_total", "Answers given up because the client left.",
              &EndpointMetrics::disconnected);
  by_endpoint("slow_readers_total", "Answers given up because the client read too slowly.",
              &EndpointMetrics::slow_readers);
  by_endpoint("timed_out_total", "Answers given up because they took too long.",
              &EndpointMetrics::timed_out);
  const auto one = [&](const char* type, const char* name, const char* help, const auto& value) {
    text += heading(type, name, help) + fmt::format("anemone_{} {}\n", name, value.load());
  };
  one("counter", "steps_total", "Calls of the model.", steps);
  one("counter", "step_answers_total", "Answers that these calls advanced, added up.",
      step_answers);
  one("gauge", "running_answers", "Answers that the model works on.", running);
  one("gauge", "waiting_answers", "Answers that wait for the model.", waiting);
  one("gauge", "connections", "Open connections.", connections);
  one("gauge", "prompt_cache_bytes", "What the prompt cache holds.", prompt_cache_bytes);
  text += heading("histogram", "first_token_seconds", "From the request to its first token.");
  for (const auto& [endpoint, counted] : endpoints_)
    if (generates(endpoint))
      text += counted.first_token.text("anemone_first_token_seconds", label(endpoint));
  text += heading(
      "histogram", "request_seconds",
      "From the head of a request to its response, refusals too: to where a document is made "
      "or a stream ends.");
  for (const auto& [endpoint, counted] : endpoints_)
    text += counted.request.text("anemone_request_seconds", label(endpoint));
  text += heading("histogram", "step_seconds",
                  "Calls of the model, with choosing from what they gave.");
  return text + step.text("anemone_step_seconds", "");
}

}  // namespace anemone::serve
