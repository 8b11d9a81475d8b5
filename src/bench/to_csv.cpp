#include <fmt/format.h>

#include "anemone/bench.h"

namespace anemone::bench {
namespace {

std::string quoted(const std::string& text) {
  if (text.find_first_of(",\"\n\r") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + '"';
}

template <typename T>
std::string number(const std::optional<T>& value) {
  return value ? fmt::format("{}", *value) : "";
}

/// Median, mean, deviation, 5th, 95th and 99th percentile.
std::string series(const Series& of) {
  if (!of.summary) return ",,,,,";
  const statistics::Summary& own = *of.summary;
  return fmt::format("{},{},{},{},{},{}", own.median, own.mean, number(own.stddev), own.p5, own.p95,
                     own.p99);
}

constexpr const char* kParts[] = {"median", "mean", "stddev", "p5", "p95", "p99"};
constexpr const char* kSeries[] = {"decode_tokens_per_second",
                                   "prefill_tokens_per_second",
                                   "first_token_cold_ns",
                                   "first_token_warm_ns",
                                   "first_token_cached_ns",
                                   "step_ns",
                                   "request_ns",
                                   "load_warm_ns"};

}  // namespace

std::string to_csv(const Report& report) {
  std::string out =
      "model,numerics,context_tokens,prefill_block_tokens,chunks,compute_units,threads,status,"
      "reason,n";
  for (const char* name : kSeries)
    for (const char* part : kParts) out += fmt::format(",{}_{}", name, part);
  out += ",load_cold_ns,weights_bytes,peak_rss_bytes,joules,joules_per_token,token_hash,quantize\n";
  for (const Configuration& one : report.configurations) {
    out += fmt::format("{},{},{},{},{},{},{},{},{}", quoted(report.model.name),
                       to_string(report.model.numerics), one.context_tokens,
                       number(one.prefill_block_tokens), number(one.chunks), one.compute_units,
                       one.threads, to_string(one.outcome), quoted(one.reason));
    const Measurement none;
    const Measurement& own = one.measurement ? *one.measurement : none;
    out += fmt::format(",{}", own.request_ns.samples.size());
    for (const Series* of :
         {&own.decode_tokens_per_second, &own.prefill_tokens_per_second, &own.first_token.cold_ns,
          &own.first_token.warm_ns, &own.first_token.cached_ns, &own.step_ns, &own.request_ns,
          &own.load.warm_ns})
      out += "," + series(*of);
    out += fmt::format(",{},{},{},{},{},{},{}\n", number(own.load.cold_ns),
                       one.measurement ? std::to_string(own.memory.weights_bytes) : "",
                       number(own.memory.peak_rss_bytes), number(own.energy.joules),
                       number(own.energy.joules_per_token), own.outputs.token_hash,
                       quoted(one.quantize));
  }
  return out;
}

}  // namespace anemone::bench
