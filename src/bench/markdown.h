#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "anemone/bench.h"

/// Tables and numbers of `to_markdown`.
namespace anemone::bench {

inline constexpr const char* kNone = "n/a";

/// The median, or kNone.
std::string number(const Series& series, double unit, int digits);
/// "5.0 (4.9-5.2)"; without an interval as `number`.
std::string with_interval(const Series& series, double unit, int digits);
std::string optional_number(const std::optional<double>& value, double unit, int digits);
std::string megabytes(std::optional<uint64_t> bytes);
/// "95 %", of all intervals.
std::string level(const Report& report);

/// The parts of a configuration that `kLabel` names.
std::string label(const Configuration& one);
inline constexpr const char* kLabel = "context / prefill / chunks / units / threads";

/// Lines of a Markdown table whose columns are as wide as their widest cell.
class MarkdownTable {
 public:
  explicit MarkdownTable(std::vector<std::string> head) { add(std::move(head)); }
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  std::string text() const;
  bool empty() const { return rows_.size() < 2; }
  size_t size() const { return rows_.size() - 1; }

 private:
  std::vector<std::vector<std::string>> rows_;
};

/// Why numbers of configurations are n/a, each reason once.
class Reasons {
 public:
  /// Nothing where the reason is empty.
  void add(const std::string& configuration, const char* what, const std::string& reason);
  /// A line each and an empty one: "floor n/a: unknown (128 / 64)". Names the configurations of a
  /// reason that not all of so many have.
  std::string text(size_t configurations) const;

 private:
  std::vector<std::pair<std::string, std::vector<std::string>>> lines_;
};

/// Scaling, best configuration, Phase 2, targets and baseline.
std::string verdicts(const Report& report);

}  // namespace anemone::bench
