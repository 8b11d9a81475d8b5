// Rounding with compensation against direct computation.

#include "compress/compensation.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "compress/fitted_palette.h"
#include "compress/least_squares.h"
#include "compress/round_trip.h"

namespace anemone::compress {
namespace {

constexpr int64_t kSize = 24;

/// Inputs that are correlated, of which some channels are much larger than others.
std::vector<float> correlated_inputs(int64_t rows, int64_t size, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> inputs(static_cast<size_t>(rows * size));
  for (int64_t row = 0; row < rows; ++row) {
    const float common = normal(random);
    for (int64_t k = 0; k < size; ++k)
      inputs[static_cast<size_t>(row * size + k)] =
          (normal(random) + common) * (k % 7 == 3 ? 4.0f : 1.0f);
  }
  return inputs;
}

SecondMoment moment_of(const std::vector<float>& inputs, int64_t size, int threads = 2) {
  SecondMoment moment{.size = size};
  moment.add(inputs.data(), static_cast<int64_t>(inputs.size()) / size, threads);
  return moment;
}

std::vector<float> random_rows(int64_t rows, int64_t size, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, 0.05f);
  std::vector<float> values(static_cast<size_t>(rows * size));
  for (float& value : values) value = normal(random);
  return values;
}

/// The squared sum of rows times inputs, with no moment at all.
double direct_error(const std::vector<float>& rows, const std::vector<float>& inputs,
                    int64_t size) {
  double sum = 0;
  for (size_t row = 0; row < rows.size(); row += static_cast<size_t>(size))
    for (size_t x = 0; x < inputs.size(); x += static_cast<size_t>(size)) {
      double output = 0;
      for (size_t k = 0; k < static_cast<size_t>(size); ++k)
        output += static_cast<double>(rows[row + k]) * static_cast<double>(inputs[x + k]);
      sum += output * output;
    }
  return sum;
}

constexpr float kStep = 0.03f;
Compensation::Rounded to_steps(int64_t, int64_t, float target) {
  const float code = std::clamp(std::nearbyint(target / kStep), -8.0f, 7.0f);
  return {code * kStep, static_cast<uint8_t>(code + 8)};
}

/// What rounding to steps leaves of `weights`.
std::vector<float> errors_of(const std::vector<float>& weights, const std::vector<uint8_t>& codes) {
  std::vector<float> errors(weights.size());
  for (size_t i = 0; i < weights.size(); ++i)
    errors[i] = weights[i] - kStep * (static_cast<float>(codes[i]) - 8);
  return errors;
}

TEST(SecondMoment, IsTheSumOverTokens) {
  const auto inputs = correlated_inputs(150, kSize, 1);
  const SecondMoment moment = moment_of(inputs, kSize);
  EXPECT_EQ(moment.tokens, 150);
  for (size_t i = 0; i < kSize; ++i)
    for (size_t j = 0; j <= i; ++j) {
      double sum = 0;
      double magnitude = 0;
      for (size_t t = 0; t < 150; ++t) {
        const double product =
            static_cast<double>(inputs[t * kSize + i]) * static_cast<double>(inputs[t * kSize + j]);
        sum += product;
        magnitude += std::abs(product);
      }
      EXPECT_NEAR(static_cast<double>(moment.values[i * kSize + j]), sum, 1e-6 * magnitude);
    }
  EXPECT_EQ(moment.values, moment_of(inputs, kSize, 5).values);
}

TEST(Compensation, WeighsErrorsAsTheOutputsDo) {
  for (const int64_t size : {int64_t{5}, kSize, int64_t{200}}) {
    const auto inputs = correlated_inputs(400, size, 2);
    const auto rows = random_rows(3, size, 3);
    const double direct = direct_error(rows, inputs, size);
    const Compensation inside(moment_of(inputs, size), 2);
    EXPECT_NEAR(inside.weigh(rows), direct, 2e-4 * direct) << size;
  }
}

TEST(Compensation, SaysWhatItsRoundingCosts) {
  const auto inputs = correlated_inputs(400, kSize, 4);
  const auto weights = random_rows(20, kSize, 5);
  const Compensation inside(moment_of(inputs, kSize), 2);
  std::vector<uint8_t> codes(weights.size());
  const double told = inside.round(weights, to_steps, codes);
  const double direct = direct_error(errors_of(weights, codes), inputs, kSize);
  EXPECT_NEAR(told, direct, 1e-3 * direct);
}

/// Each channel's target, told anew from what all channels before it lost, by solving for what the
/// channels behind should be.
TEST(Compensation, TargetsAreThoseThatTheRestWouldChoose) {
  const auto inputs = correlated_inputs(300, 6, 6);
  const SecondMoment moment = moment_of(inputs, 6);
  const Compensation inside(moment, 1);
  const auto weights = random_rows(1, 6, 7);
  std::vector<int64_t> order;
  std::vector<float> errors(6, 0.0f);
  std::vector<uint8_t> codes(6);
  const auto check = [&](int64_t row, int64_t channel, float target) {
    // The free channels' best changes y solve H_ff y = H_fp e, for the errors e of those before.
    std::vector<size_t> free;
    for (size_t k = 0; k < 6; ++k)
      if (std::ranges::find(order, static_cast<int64_t>(k)) == order.end()) free.push_back(k);
    const auto h = [&](size_t i, size_t j) {
      return static_cast<double>(inside.moment()[i * 6 + j]);
    };
    std::vector<double> system;
    for (const size_t i : free) {
      double right = 0;
      for (const size_t j : free) system.push_back(h(i, j));
      for (const int64_t done : order)
        right += h(i, static_cast<size_t>(done)) *
                 static_cast<double>(errors[static_cast<size_t>(done)]);
      system.push_back(right);
    }
    const auto change = solve_near(system, std::vector<double>(free.size(), 0.0));
    const auto place = std::ranges::find(free, static_cast<size_t>(channel)) - free.begin();
    EXPECT_NEAR(static_cast<double>(target),
                static_cast<double>(weights[static_cast<size_t>(channel)]) +
                    change[static_cast<size_t>(place)],
                1e-4);
    const auto rounded = to_steps(row, channel, target);
    errors[static_cast<size_t>(channel)] = weights[static_cast<size_t>(channel)] - rounded.value;
    order.push_back(channel);
    return rounded;
  };
  inside.round(weights, check, codes);
  EXPECT_EQ(order.size(), 6u);
  for (size_t k = 1; k < order.size(); ++k)
    EXPECT_GE(moment.values[static_cast<size_t>(order[k - 1]) * 7],
              moment.values[static_cast<size_t>(order[k]) * 7]);
}

TEST(Compensation, LosesFarLessThanRoundingAloneAndThanWrongMoments) {
  const int64_t size = 128;
  const auto inputs = correlated_inputs(2000, size, 8);
  const auto weights = random_rows(16, size, 9);
  const auto loss_under = [&](const SecondMoment& moment) {
    std::vector<uint8_t> codes(weights.size());
    Compensation(moment, 2).round(weights, to_steps, codes);
    return direct_error(errors_of(weights, codes), inputs, size);
  };
  const double right = loss_under(moment_of(inputs, size));
  SecondMoment alone{.size = size};
  const double nearest = loss_under(alone);
  std::vector<float> turned(inputs.rbegin(), inputs.rend());
  const double wrong = loss_under(moment_of(turned, size));
  EXPECT_LT(right, 0.6 * nearest);
  EXPECT_LT(right, 0.8 * wrong);
  // And held-out inputs of the same kind say the same.
  const auto others = correlated_inputs(500, size, 80);
  std::vector<uint8_t> codes(weights.size());
  Compensation(moment_of(inputs, size), 2).round(weights, to_steps, codes);
  std::vector<uint8_t> nearest_codes(weights.size());
  Compensation(alone, 2).round(weights, to_steps, nearest_codes);
  EXPECT_LT(direct_error(errors_of(weights, codes), others, size),
            0.7 * direct_error(errors_of(weights, nearest_codes), others, size));
}

TEST(FittedPalette, LosesLessOutputThanTheBestPaletteOfTheWeights) {
  const int64_t size = 128;
  const auto inputs = correlated_inputs(2000, size, 10);
  const Tensor values = test::random_weight(DType::fp16, {32, size}, 11);
  const Weight weight{.type = {DType::fp16, {32, size}}};
  const Matrix matrix(weight, values);
  const Compensation inside(moment_of(inputs, size), 2);
  for (const int64_t group : {int64_t{16}, int64_t{32}})
    for (const int bits : {2, 4}) {
      const auto left = [&](const PaletteTables& tables) {
        std::vector<float> errors;
        for (size_t i = 0; i < tables.codes.size(); ++i) {
          const size_t table = i / static_cast<size_t>(group * size);
          errors.push_back(static_cast<float>(values.at(static_cast<int64_t>(i))) -
                           tables.entries[(table << bits) + tables.codes[i]]);
        }
        return direct_error(errors, inputs, size);
      };
      const FittedPalette fitted = fitted_palette(matrix, group, bits, inside, 2);
      const double mine = left(fitted.tables);
      EXPECT_NEAR(fitted.output_error, mine, 2e-3 * mine);
      EXPECT_LT(mine, 0.75 * left(palette_tables(matrix, group, bits, 2)));
      const FittedPalette alone = fitted_palette(matrix, group, bits, inside, 1);
      EXPECT_EQ(alone.tables.codes, fitted.tables.codes);
      EXPECT_EQ(alone.tables.entries, fitted.tables.entries);
    }
}

TEST(LeastSquares, SolvesAndLeavesWhatIsOpen) {
  // 2 x0 + x1 = 4, x0 + 3 x1 = 7, and nothing of x2.
  const auto solved = solve_near({2, 1, 0, 4, 1, 3, 0, 7, 0, 0, 0, 0}, {0, 0, 0.25});
  EXPECT_NEAR(solved[0], 1, 1e-5);
  EXPECT_NEAR(solved[1], 2, 1e-5);
  EXPECT_NEAR(solved[2], 0.25, 1e-9);
}

}  // namespace
}  // namespace anemone::compress
