#include "compression_report.h"

#include <fmt/format.h>

#include <map>
#include <utility>

namespace anemone::tools {
namespace {

constexpr double kBits = 8;
constexpr double kMegabyte = 1e6;

double bits_of(uint64_t bytes, int64_t elements) {
  return kBits * static_cast<double>(bytes) / static_cast<double>(elements);
}

std::string error_text(std::optional<double> error) {
  return error ? fmt::format("{:.3g}", *error) : "n/a";
}

struct Sum {
  size_t count = 0;
  int64_t elements = 0;
  uint64_t dense_bytes = 0;
  uint64_t bytes = 0;
  std::optional<double> error = 0.0;  ///< the mean, weighted by elements.
  std::optional<double> output_error = 0.0;

  void add(const CompressedWeight& weight) {
    ++count;
    elements += weight.elements;
    dense_bytes += weight.dense_bytes;
    bytes += weight.bytes;
    add(error, weight.relative_error, weight.elements);
    add(output_error, weight.output_error, weight.elements);
  }

 private:
  static void add(std::optional<double>& sum, std::optional<double> more, int64_t elements) {
    if (sum && more)
      *sum += *more * static_cast<double>(elements);
    else
      sum = std::nullopt;
  }
};

}  // namespace

nlohmann::ordered_json weights_json(const std::vector<CompressedWeight>& weights) {
  auto json = nlohmann::ordered_json::array();
  for (const CompressedWeight& weight : weights) {
    nlohmann::ordered_json line = {
        {"package", weight.package},   {"name", weight.name},
        {"part", weight.part},         {"scheme", weight.scheme},
        {"elements", weight.elements}, {"dense_bytes", weight.dense_bytes},
        {"bytes", weight.bytes},       {"bits", bits_of(weight.bytes, weight.elements)},
        {"relative_error", nullptr},   {"output_error", nullptr}};
    if (weight.relative_error) line["relative_error"] = *weight.relative_error;
    if (weight.output_error) line["output_error"] = *weight.output_error;
    json.push_back(std::move(line));
  }
  return json;
}

std::string weights_text(const std::vector<CompressedWeight>& weights, bool each_weight) {
  if (weights.empty()) return "";
  constexpr const char* kHead = "  {:<32} {:>8} {:>10} {:>10} {:>10} {:>10} {:>12}\n";
  constexpr const char* kLine = "  {:<32} {:>8} {:>10.3f} {:>10.1f} {:>10.1f} {:>10} {:>12}\n";
  std::map<std::pair<std::string, std::string>, Sum> sums;
  std::string text;
  const auto add_line = [&](const std::string& name, const Sum& sum) {
    const auto mean = [&](std::optional<double> error) {
      return error_text(error ? std::optional(*error / static_cast<double>(sum.elements))
                              : std::nullopt);
    };
    text += fmt::format(fmt::runtime(kLine), name, sum.count, bits_of(sum.bytes, sum.elements),
                        static_cast<double>(sum.dense_bytes) / kMegabyte,
                        static_cast<double>(sum.bytes) / kMegabyte, mean(sum.error),
                        mean(sum.output_error));
  };
  text += fmt::format(fmt::runtime(kHead), "compressed", "weights", "bits", "MB before", "MB",
                      "rel. error", "output error");
  for (const CompressedWeight& weight : weights) {
    sums[{weight.part, weight.scheme}].add(weight);
    if (!each_weight) continue;
    Sum one;
    one.add(weight);
    add_line(weight.name, one);
  }
  for (const auto& [key, sum] : sums) add_line(fmt::format("{} {}", key.first, key.second), sum);
  return text;
}

}  // namespace anemone::tools
