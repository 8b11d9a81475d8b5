#pragma once

#include <gtest/gtest.h>

#include <string>

#include "bench/baseline.h"
#include "bench/report_of.h"
#include "support/scratch_folder.h"

/// Reports as documents of a run before, for tests.
namespace anemone::bench {

inline constexpr double kThreshold = 0.05;

class Baseline : public testing::Test {
 protected:
  std::filesystem::path write(const Report& report) const {
    folder_.write("baseline.json", to_json(report));
    return folder_.path() / "baseline.json";
  }
  static Report with(Report report, const BaselineVerdict& verdict) {
    report.baseline = verdict;
    return report;
  }
  static const BaselineVerdict::Compared& decode(const BaselineVerdict& verdict) {
    for (const auto& one : verdict.compared)
      if (one.metric == "decode_tokens_per_second") return one;
    ADD_FAILURE() << "no decoding speed was compared";
    return verdict.compared.front();
  }
  /// Its words; empty of what is no refusal.
  template <typename T>
  static std::string refusal(const Result<T>& result) {
    if (result.ok()) return {};
    EXPECT_EQ(result.error().code, ErrorCode::invalid_argument) << "the exit code is no verdict's";
    return result.error().to_string();
  }
  test::ScratchFolder folder_;
};

}  // namespace anemone::bench
