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
        {"relative_error", nullptr}};
    if (weight.relative_error) line["relative_error"] = *weight.relative_error;
    json.push_back(std::move(line));
  }
  return json;
}

std::string weights_text(const std::vector<CompressedWeight>& weights, bool each_weight) {
  if (weights.empty()) return "";
  constexpr const char* kHead = "  {:<32} {:>8} {:>10} {:>10} {:>10} {:>10}\n";
  constexpr const char* kLine = "  {:<32} {:>8} {:>10.3f} {:>10.1f} {:>10.1f} {:>10}\n";
  std::map<std::pair<std::string, std::string>, Sum> sums;
  std::string text;
  const auto add_line = [&](const std::string& name, const Sum& sum) {
    text += fmt::format(fmt::runtime(kLine), name, sum.count, bits_of(sum.bytes, sum.elements),
                        static_cast<double>(sum.dense_bytes) / kMegabyte,
                        static_cast<double>(sum.bytes) / kMegabyte, error_text(sum.error));
  };
  text += fmt::format(fmt::runtime(kHead), "compressed", "weights", "bits", "MB before", "MB",
                      "rel. error");
  for (const CompressedWeight& weight : weights) {
    Sum& sum = sums[{weight.part, weight.scheme}];
    ++sum.count;
    sum.elements += weight.elements;
    sum.dense_bytes += weight.dense_bytes;
    sum.bytes += weight.bytes;
    if (!weight.relative_error)
      sum.error = std::nullopt;
    else if (sum.error)
      *sum.error += *weight.relative_error * static_cast<double>(weight.elements);
    if (each_weight)
      add_line(weight.name,
               {1, weight.elements, weight.dense_bytes, weight.bytes, weight.relative_error});
  }
  for (auto& [key, sum] : sums) {
    if (sum.error) *sum.error /= static_cast<double>(sum.elements);
    add_line(fmt::format("{} {}", key.first, key.second), sum);
  }
  return text;
}

}  // namespace anemone::tools
