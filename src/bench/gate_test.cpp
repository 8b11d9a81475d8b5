#include <gtest/gtest.h>

#include <cmath>

#include "bench/campaign.h"
#include "bench/report_of.h"
#include "bench/scripted.h"
#include "bench/visits.h"
#include "statistics/generator.h"
#include "support/scratch_folder.h"

/// The regression gate on a machine whose slow phases last whole visits.
namespace anemone::bench {
namespace {

constexpr double kThreshold = 0.05;
constexpr int64_t kMs = 1'000'000;

bool fails_by_their_scatter(const BaselineVerdict& verdict) {
  return std::ranges::any_of(verdict.compared, [](const BaselineVerdict::Compared& one) {
    return one.scatter->low > 1 + kThreshold;
  });
}

/// A scripted clock by which the machine has quiet and slow phases of 0.5 to 8 s, up to 1.5 times
/// as slow, and 2 % of noise in every call. A visit takes about half a second.
class Machine {
 public:
  Machine(uint64_t seed, double program_slowdown)
      : generator_(seed), program_slowdown_(program_slowdown) {
    options_.repetitions = 12;
    options_.stage_requests = 0;
    subject_.answer_tokens = 9;
    subject_.prompt.ids.assign(10, 7);
    subject_.open = [this](auto) -> Result<std::unique_ptr<lm::LanguageModel>> {
      clock_.pass(50 * kMs);
      return std::unique_ptr<lm::LanguageModel>(std::make_unique<ScriptedModel>(
          clock_, [this](int64_t, int64_t tokens) { return call_ns(tokens); }));
    };
  }

  /// Visits until the verdict is settled, as a run with this baseline does.
  Report run(const std::filesystem::path* baseline) {
    const int planned = visits_of(options_, 1);
    std::optional<Visited> whole;
    Report report;
    for (int visit = 0; visit < planned + kMoreRounds * kVisitsOfRound; ++visit) {
      if (visit >= planned && (visit - planned) % kVisitsOfRound == 0) {
        if (baseline == nullptr) break;
        report.baseline = *judge(report, *baseline, kThreshold);
        if (visit == planned) fails_by_requests = fails_by_their_scatter(*report.baseline);
        if (!report.baseline->is_unsettled(report.configurations[0].id())) break;
      }
      add(whole, visit, planned);
      Configuration one = decoded_at(128, {1});
      one.measurement = whole->measurement;
      report = report_of({one});
    }
    if (baseline != nullptr) report.baseline = *judge(report, *baseline, kThreshold);
    return report;
  }

  /// The planned visits, judged by the scatter of their requests alone.
  bool fails_by_requests = false;

 private:
  double uniform() { return static_cast<double>(generator_.next() >> 11) * 0x1p-53; }

  double slow() {
    while (clock_.now_ns() >= phase_end_) {
      phase_end_ += static_cast<int64_t>((0.5 + 7.5 * uniform()) * 1000) * kMs;
      slow_ = uniform() < 0.5 ? 1 : 1 + 0.5 * uniform();
    }
    return slow_;
  }

  int64_t call_ns(int64_t tokens) {
    const double noise = 1 + 0.02 * (uniform() + uniform() - 1);
    const double ms = tokens > 1 ? 2 + static_cast<double>(tokens) : 3;
    return static_cast<int64_t>(ms * kMs * noise * slow() * program_slowdown_);
  }

  /// It feels a slow phase somewhat less or more than the program does.
  double reference_ns() {
    clock_.pass(50 * kMs);
    return 50000 * std::pow(slow(), 0.8 + 0.4 * uniform());
  }

  void add(std::optional<Visited>& whole, int visit, int planned) {
    const Meters meters{clock_, memory_, energy_, {}, {}, {}, [this] { return reference_ns(); }};
    subject_.again = visit > 0;
    auto measured =
        measure(subject_, of_visit(options_, visit, planned), meters, [] { return true; });
    ASSERT_TRUE(measured.ok()) << measured.error().to_string();
    Visited now{std::move(measured->measurement), std::move(measured->at_seconds)};
    if (whole)
      add_visit(*whole, std::move(now), options_);
    else
      whole = std::move(now);
  }

  statistics::Generator generator_;
  double program_slowdown_;
  double slow_ = 1;
  int64_t phase_end_ = 0;
  ScriptedClock clock_;
  ScriptedMemory memory_;
  ScriptedEnergy energy_{clock_, 4};
  Options options_;
  Subject subject_;
};

struct Counts {
  int passed = 0, regressed = 0, unclear = 0, failed_by_requests = 0;
};

Counts count(double program_slowdown) {
  const test::ScratchFolder folder;
  const std::filesystem::path file = folder.path() / "baseline.json";
  Counts counts;
  for (uint64_t round = 0; round < 20; ++round) {
    folder.write("baseline.json", to_json(Machine(2 * round, 1).run(nullptr)));
    Machine machine(2 * round + 1, program_slowdown);
    const BaselineVerdict verdict = *machine.run(&file).baseline;
    (verdict.regressed() ? counts.regressed : verdict.unclear() ? counts.unclear : counts.passed)++;
    counts.failed_by_requests += machine.fails_by_requests;
  }
  return counts;
}

TEST(Gate, S2_2_SlowPhasesOfTheMachineAreNoRegression) {
  const Counts same = count(1);
  EXPECT_EQ(same.regressed, 0);
  EXPECT_GE(same.passed, 16) << same.unclear << " unclear";
  EXPECT_GE(same.failed_by_requests, 3) << "the machine is not as bad as it is meant to be";
}

TEST(Gate, S2_2_APlantedSlowdownIsCaughtInSlowPhasesToo) {
  const Counts slow = count(1.2);
  EXPECT_EQ(slow.passed, 0);
  EXPECT_GE(slow.regressed, 14) << slow.unclear << " unclear";
}

}  // namespace
}  // namespace anemone::bench
