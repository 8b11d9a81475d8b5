#pragma once

#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "anemone/recorded_results.h"

namespace anemone::compare {

/// How documents make a score.
enum class Aggregation : uint8_t {
  mean,       ///< of numbers.
  exp_mean,   ///< exp(-mean of numbers): perplexity of single continuations.
  ratio,      ///< of pairs: sum of the first over sum of the second, such as errors per word.
  exp_ratio,  ///< exp(-ratio): perplexity of texts.
  bits,       ///< -ratio / ln 2: bits of a byte.
};

/// What a document adds to a score: a number (with 1), or a pair.
using Item = std::pair<double, double>;

/// The item of a metric; nothing where the document has none.
std::optional<Item> item_of(const eval::RecordedSample& sample, const std::string& metric);
/// Whether a document's item is a pair.
bool is_pair(const eval::RecordedSample& sample, const std::string& metric);

double aggregate(Aggregation aggregation, double first, double second);
double aggregate(Aggregation aggregation, std::span<const Item> items);

/// The aggregation of all documents that gives the score that the results file has, to nine digits.
/// Nothing when none does: then the samples are not those of the score, or it is of another kind.
std::optional<Aggregation> find_aggregation(std::span<const Item> items, bool are_pairs,
                                            double score);

}  // namespace anemone::compare
