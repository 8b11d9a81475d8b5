#pragma once

#include <cstdint>

namespace anemone::statistics {

/// The regularised incomplete beta function I_x(a, b) for a, b > 0 and x in [0, 1]. Its
/// relative error grows with the logarithms of the factorials that cancel: below 1e-11 for
/// a + b up to 1000, below 1e-9 up to 1e5. Source: DLMF 8.17.22, by Lentz' method.
double incomplete_beta(double a, double b, double x);

/// P(|T| >= |t|) of Student's t with `degrees` > 0; 0 for an infinite t.
double student_t_two_sided(double t, double degrees);

/// The t whose P(T <= t) is `share`, 0 < share < 1.
double student_t_quantile(double share, double degrees);

/// P(|Z| >= |z|) of the normal distribution.
double normal_two_sided(double z);

/// The z whose P(Z <= z) is `share`, 0 < share < 1.
double normal_quantile(double share);

/// The exact two-sided p-value of `successes` of `trials` fair tosses: the probability of all
/// outcomes that are as improbable or more. 1 for no trials.
double fair_toss_two_sided(int64_t successes, int64_t trials);

}  // namespace anemone::statistics
