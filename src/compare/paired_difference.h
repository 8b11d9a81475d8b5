#pragma once

#include "anemone/compare.h"
#include "compare/pairing.h"
#include "compare/sample_score.h"

namespace anemone::compare {

/// Values of one metric over matched documents, and their difference with interval and p. Fills
/// value, interval, p, method, reason, tested, counts of McNemar's test, flips and agreement. A p
/// is never below 2 / 2^n, which n documents that all go one way have by their signs.
void test_pairs(const Pairs& pairs, const std::string& metric, Aggregation aggregation,
                const Options& options, Difference& difference);

/// The difference of a score over matched documents with its interval, without a test.
Figure paired_figure(std::span<const Item> reference, std::span<const Item> subject,
                     Aggregation aggregation, const statistics::BootstrapOptions& options);

}  // namespace anemone::compare
