#include "bench/visits.h"

#include <gtest/gtest.h>

#include "bench/energy_meter.h"
#include "bench/measure.h"

namespace anemone::bench {
namespace {

/// Requests that decoded at these speeds, ending a second apart from `from` on.
Visited visited_at(std::vector<double> speeds, double from) {
  Visited visited;
  for (size_t i = 0; i < speeds.size(); ++i)
    visited.at_seconds.push_back(from + static_cast<double>(i));
  Measurement& own = visited.measurement;
  own.prompt_tokens = 6;
  own.answer_tokens = 4;
  own.request_ns = make_series(std::vector<double>(speeds.size(), 1e9), {});
  own.decode_tokens_per_second = make_series(std::move(speeds), {});
  own.outputs.tokens = {1, 2};
  own.outputs.repeatable = true;
  return visited;
}

TEST(Visits, ShareTheRepetitions) {
  Options options{.repetitions = 5};
  EXPECT_EQ(visits_of(options, 2), 2);
  EXPECT_EQ(of_visit(options, 0, 2).repetitions, 3);
  EXPECT_EQ(of_visit(options, 1, 2).repetitions, 2);
  EXPECT_EQ(visits_of(options, 1), 1);
  EXPECT_EQ(of_visit(options, 0, 1).repetitions, 5);
  options.repetitions = 1;
  EXPECT_EQ(visits_of(options, 2), 1);
}

TEST(Visits, AnEvenChangeOfTheMachineFallsOnAllAlike) {
  // A machine that slows down by 1 token a second each second runs a, b, b, a: both have the mean
  // that they would have alone. In the order a, a, b, b the second would seem slower.
  const auto run = [](double from) {
    return std::vector<double>{100 - from, 99 - from, 98 - from};
  };
  Visited a = visited_at(run(0), 0);
  Visited b = visited_at(run(3), 3);
  add_visit(b, visited_at(run(6), 6), {});
  add_visit(a, visited_at(run(9), 9), {});
  EXPECT_DOUBLE_EQ(a.measurement.decode_tokens_per_second.summary->mean, 94.5);
  EXPECT_DOUBLE_EQ(b.measurement.decode_tokens_per_second.summary->mean, 94.5);
  // It is seen all the same: 11 of 94.5 over the time of a.
  ASSERT_TRUE(a.measurement.drift);
  EXPECT_NEAR(a.measurement.drift->change, -11 / 94.5, 1e-12);
  EXPECT_TRUE(a.measurement.drift->significant);
}

TEST(Visits, TheirSamplesAreOneSeries) {
  Visited whole = visited_at({10, 20, 30}, 0);
  add_visit(whole, visited_at({40, 50}, 100), {});
  const Series& speed = whole.measurement.decode_tokens_per_second;
  EXPECT_EQ(speed.samples, (std::vector<double>{10, 20, 30, 40, 50}));
  EXPECT_EQ(speed.summary->median, 30);
  EXPECT_EQ(whole.at_seconds.size(), 5U);
}

TEST(Visits, EnergyAndTheProcessorAddUp) {
  Visited whole = visited_at({10, 10}, 0);
  whole.measurement.energy = {.joules = 40, .joules_per_token = 2, .watts = 20, .rails = {}};
  whole.measurement.energy.rails = {{"cpu", 30}, {"gpu", 10}};
  whole.measurement.processor = {.cpu_seconds = 2, .utilisation = 0.5};  // 4 s of all threads
  Visited later = visited_at({10}, 10);
  later.measurement.energy = {.joules = 20, .joules_per_token = 2, .watts = 5, .rails = {}};
  later.measurement.energy.rails = {{"cpu", 20}};
  later.measurement.processor = {.cpu_seconds = 4, .utilisation = 1};  // 4 s
  add_visit(whole, later, {});
  const Energy& energy = whole.measurement.energy;
  EXPECT_EQ(energy.joules, 60);
  EXPECT_EQ(energy.joules_per_token, 2);
  EXPECT_EQ(energy.watts, 10) << "60 J in 2 s and 4 s";
  EXPECT_EQ(energy.rails, (std::map<std::string, double>{{"cpu", 50}}));
  EXPECT_EQ(whole.measurement.processor.cpu_seconds, 6);
  EXPECT_EQ(whole.measurement.processor.utilisation, 0.75);
  Visited dark = visited_at({10}, 20);
  dark.measurement.energy.reason = "no counters";
  add_visit(whole, dark, {});
  EXPECT_FALSE(energy.joules || energy.watts || energy.joules_per_token);
  EXPECT_EQ(energy.reason, "no counters");
}

TEST(Visits, OtherTokensInALaterOneAreNoRepeat) {
  Visited whole = visited_at({10}, 0);
  Visited other = visited_at({10}, 1);
  other.measurement.outputs.tokens = {1, 3};
  add_visit(whole, visited_at({10}, 1), {});
  EXPECT_TRUE(whole.measurement.outputs.repeatable);
  add_visit(whole, other, {});
  EXPECT_FALSE(whole.measurement.outputs.repeatable);
  EXPECT_EQ(whole.measurement.outputs.tokens, (std::vector<int32_t>{1, 2}));
}

TEST(Visits, TheWorseThermalPressureStays) {
  EXPECT_EQ(worse_pressure("moderate", "nominal"), "moderate");
  EXPECT_EQ(worse_pressure("moderate", "heavy"), "heavy");
  EXPECT_EQ(worse_pressure("", "nominal"), "nominal");
  EXPECT_EQ(worse_pressure("nominal", "no such word"), "nominal");
}

}  // namespace
}  // namespace anemone::bench
