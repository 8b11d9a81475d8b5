#include "compress/tables.h"

#include <algorithm>

#include "base/float16.h"

namespace anemone::compress {
namespace {

constexpr uint32_t kSign = 0x8000;
constexpr uint32_t kInfinity = 0x7c00;

}  // namespace

void Histogram::add(std::span<const uint16_t> values) {
  for (const uint16_t value : values) ++counts_[value];
}

void Histogram::add(std::span<const uint16_t> values, std::span<const uint8_t> mask) {
  if (mask.empty()) return add(values);
  for (size_t i = 0; i < values.size(); ++i) counts_[values[i]] += mask[i];
}

void Histogram::add(const Histogram& other) {
  for (size_t i = 0; i < kNumbers; ++i) counts_[i] += other.counts_[i];
}

void Histogram::clear() { std::ranges::fill(counts_, 0u); }

WeightedLine Histogram::line() const {
  WeightedLine line;
  const auto add = [&](uint32_t bits, uint32_t count) {
    if (count == 0) return;
    line.values.push_back(static_cast<double>(fp16_to_float(static_cast<uint16_t>(bits))));
    line.weights.push_back(static_cast<double>(count));
  };
  for (uint32_t bits = kSign + kInfinity - 1; bits > kSign; --bits) add(bits, counts_[bits]);
  add(0, counts_[0] + counts_[kSign]);
  for (uint32_t bits = 1; bits < kInfinity; ++bits) add(bits, counts_[bits]);
  return line;
}

Table coded_table(const WeightedLine& line, std::vector<float> entries) {
  Table table;
  table.entries = std::move(entries);
  table.code_of.assign(size_t{1} << 16, 0);
  size_t nearest = 0;
  for (size_t i = 0; i < line.values.size(); ++i) {
    const double value = line.values[i];
    const auto distance = [&](size_t entry) {
      return std::abs(value - static_cast<double>(table.entries[entry]));
    };
    // The first of equal entries is the one that codes name.
    for (size_t next = nearest + 1; next < table.entries.size(); ++next) {
      if (distance(next) > distance(nearest)) break;
      if (distance(next) < distance(nearest)) nearest = next;
    }
    const uint16_t number = float_to_fp16(static_cast<float>(value));
    table.code_of[number] = static_cast<uint8_t>(nearest);
    if (number == 0) table.code_of[kSign] = static_cast<uint8_t>(nearest);
    table.squared_error += line.weights[i] * distance(nearest) * distance(nearest);
    table.squared_sum += line.weights[i] * value * value;
  }
  return table;
}

Table best_table(const WeightedLine& line, int bits) {
  std::vector<float> entries;
  for (const double mean : cluster_line(line, int64_t{1} << bits))
    entries.push_back(fp16_to_float(double_to_fp16(mean)));
  entries.erase(std::ranges::unique(entries).begin(), entries.end());
  return coded_table(line, std::move(entries));
}

}  // namespace anemone::compress
