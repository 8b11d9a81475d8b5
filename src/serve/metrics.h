#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

namespace anemone::serve {

/// Durations in buckets, as Prometheus adds them up. Thread-safe.
class Histogram {
 public:
  void add(std::chrono::nanoseconds duration);
  /// Its lines, all with this name and these labels: `a="b"`, or nothing.
  std::string text(std::string_view name, std::string_view labels) const;

 private:
  static constexpr std::array kBounds_seconds = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                                 0.1,   0.25,   0.5,   1.0,  2.5,   5.0,
                                                 10.0,  30.0,   60.0,  300.0};
  std::array<std::atomic<uint64_t>, kBounds_seconds.size() + 1> counts_ = {};
  std::atomic<uint64_t> sum_ns_ = 0;
};

/// What is counted for each path that the server answers.
struct EndpointMetrics {
  std::atomic<uint64_t> prompt_tokens = 0;
  std::atomic<uint64_t> reused_tokens = 0;
  std::atomic<uint64_t> generated_tokens = 0;
  std::atomic<uint64_t> disconnected = 0;
  std::atomic<uint64_t> slow_readers = 0;
  std::atomic<uint64_t> timed_out = 0;
  Histogram first_token;  ///< from the request on.
  Histogram request;
};

/// What the server counts. Thread-safe.
class Metrics {
 public:
  /// The label of requests that no endpoint was found for.
  static constexpr std::string_view kNoEndpoint = "none";

  Metrics();

  std::atomic<uint64_t> steps = 0;
  std::atomic<uint64_t> step_answers = 0;
  std::atomic<int64_t> running = 0;
  std::atomic<int64_t> waiting = 0;
  std::atomic<int64_t> connections = 0;
  std::atomic<uint64_t> prompt_cache_bytes = 0;
  Histogram step;

  /// Of a path of the list; of anything else those of `kNoEndpoint`: there are never more labels
  /// than endpoints.
  EndpointMetrics& at(std::string_view endpoint);
  void count_request(std::string_view endpoint, int status, std::chrono::nanoseconds took);
  /// Prometheus' text format, version 0.0.4.
  std::string text() const;

 private:
  std::map<std::string_view, EndpointMetrics> endpoints_;  ///< none joins later.
  mutable std::mutex mutex_;
  std::map<std::string_view, std::map<int, uint64_t>> requests_;  ///< by status.
};

}  // namespace anemone::serve
