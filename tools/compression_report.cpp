#include "compression_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>
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
    nlohmann::ordered_json line = {{"package", weight.package},
                                   {"name", weight.name},
                                   {"part", weight.part},
                                   {"also_part", nullptr},
                                   {"scheme", weight.scheme},
                                   {"elements", weight.elements},
                                   {"dense_bytes", weight.dense_bytes},
                                   {"bytes", weight.bytes},
                                   {"bits", bits_of(weight.bytes, weight.elements)},
                                   {"relative_error", nullptr},
                                   {"output_error", nullptr}};
    if (!weight.also_part.empty()) line["also_part"] = weight.also_part;
    if (weight.relative_error) line["relative_error"] = *weight.relative_error;
    if (weight.output_error) line["output_error"] = *weight.output_error;
    json.push_back(std::move(line));
  }
  return json;
}

nlohmann::ordered_json left_json(const std::vector<LeftWeight>& left) {
  auto json = nlohmann::ordered_json::array();
  for (const LeftWeight& weight : left) {
    json.push_back({{"package", weight.package},
                    {"name", weight.name},
                    {"part", nullptr},
                    {"elements", weight.elements},
                    {"why", weight.why}});
    if (!weight.part.empty()) json.back()["part"] = weight.part;
  }
  return json;
}

std::string left_text(const std::vector<LeftWeight>& left, bool each_weight) {
  const auto is_shown = [&](const LeftWeight& weight) {
    return each_weight || !weight.part.empty();
  };
  if (std::ranges::none_of(left, is_shown)) return "";
  constexpr const char* kHead = "  {:<32} {:>8} {:>10}  {}\n";
  struct Count {
    size_t weights = 0;
    int64_t elements = 0;
  };
  std::map<std::tuple<bool, std::string, std::string>, Count> counts;  // of no part last
  std::string text =
      fmt::format(fmt::runtime(kHead), "left as they are", "weights", "elements", "why");
  for (const LeftWeight& weight : left) {
    if (!is_shown(weight)) continue;
    Count& count = counts[{weight.part.empty(), weight.part, weight.why}];
    ++count.weights;
    count.elements += weight.elements;
    if (each_weight)
      text += fmt::format(fmt::runtime(kHead), weight.name, 1, weight.elements, weight.why);
  }
  for (const auto& [key, count] : counts) {
    const auto& [is_of_none, part, why] = key;
    text += fmt::format(fmt::runtime(kHead), is_of_none ? "of no part" : part, count.weights,
                        count.elements, why);
  }
  return text;
}

std::string nothing_of_text(const std::string& asked, const std::string& quantize,
                            const std::vector<CompressedWeight>& weights) {
  std::string text;
  if (asked.find('=') == std::string::npos) return text;
  for (const char* part : {"ffn", "attn", "head", "embed"}) {
    const size_t at = quantize.find(fmt::format("{}=", part));
    if (at == std::string::npos || quantize.compare(quantize.find('=', at), 5, "=fp16") == 0)
      continue;
    const bool has = std::ranges::any_of(weights, [&](const CompressedWeight& weight) {
      return weight.part == part || weight.also_part == part;
    });
    if (!has) text += fmt::format("{}{}", text.empty() ? ", nothing of " : ", ", part);
  }
  return text;
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
    const std::string both =
        weight.also_part.empty() ? weight.part : weight.part + ", " + weight.also_part;
    sums[{both, weight.scheme}].add(weight);
    if (!each_weight) continue;
    Sum one;
    one.add(weight);
    add_line(weight.name, one);
  }
  for (const auto& [key, sum] : sums) add_line(fmt::format("{} {}", key.first, key.second), sum);
  return text;
}

}  // namespace anemone::tools
