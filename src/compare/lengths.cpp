#include "compare/lengths.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "base/error.h"
#include "compare/paired_difference.h"
#include "compare/pairing.h"

namespace anemone::compare {
namespace {

using eval::RecordedSample;

/// The text of generated answers is as long as their target; else the prompt is what is long.
bool is_generated(const RecordedSample& sample) {
  return sample.log_likelihoods.empty() && sample.target_words.has_value();
}

std::optional<int64_t> length_of(const RecordedSample& sample, bool by_target) {
  return by_target ? sample.target_words : sample.prompt_words;
}

/// Documents that all subjects have with the metric: their length in the first, an item of each.
struct Shared {
  std::vector<int64_t> lengths;
  std::vector<std::vector<Item>> items;
};

Result<Shared> shared_documents(const std::vector<SubjectScores>& subjects, const ScoreRow& row,
                                bool by_target) {
  std::vector<ByNumber> all;
  for (const SubjectScores& subject : subjects) {
    ANEMONE_TRY(ByNumber documents, by_number(subject.samples.at(row.task).rows, row.filter));
    all.push_back(std::move(documents));
  }
  Shared shared;
  shared.items.resize(all.size());
  for (const auto& [number, first] : all[0]) {
    const auto length = length_of(*first, by_target);
    std::vector<Item> items;
    for (const auto& each : all) {
      const auto found = each.find(number);
      if (found == each.end()) break;
      const auto item = item_of(*found->second, row.metric);
      if (!is_same(*first, *found->second) || !item) break;
      items.push_back(*item);
    }
    if (!length || items.size() < all.size()) continue;
    shared.lengths.push_back(*length);
    for (size_t i = 0; i < items.size(); ++i) shared.items[i].push_back(items[i]);
  }
  return shared;
}

LengthBucket bucket_of(const Shared& shared, int64_t from, std::optional<int64_t> to,
                       Aggregation aggregation, const std::vector<Origin>& origins,
                       const Options& options) {
  LengthBucket bucket;
  bucket.from_words = from;
  bucket.to_words = to;
  std::vector<std::vector<Item>> inside(shared.items.size());
  for (size_t i = 0; i < shared.lengths.size(); ++i) {
    if (shared.lengths[i] < from || (to && shared.lengths[i] > *to)) continue;
    ++bucket.documents;
    for (size_t k = 0; k < inside.size(); ++k) inside[k].push_back(shared.items[k][i]);
  }
  if (bucket.documents == 0) return bucket;
  for (size_t k = 0; k < inside.size(); ++k) {
    Figure figure;
    if (const double value = aggregate(aggregation, inside[k]); std::isfinite(value)) {
      figure.value = value;
      figure.origins = {origins[k]};
    }
    bucket.figures.push_back(figure);
    Figure difference;
    if (k > 0) {
      difference = paired_figure(inside[0], inside[k], aggregation, options.bootstrap);
      if (difference.value) difference.origins = {origins[0], origins[k]};
    }
    bucket.differences.push_back(difference);
  }
  return bucket;
}

/// Whether every run was tested against the first, document by document.
bool is_paired(const ScoreRow& row) {
  return std::all_of(row.differences.begin() + 1, row.differences.end(), [](const Difference& d) {
    return d.tested.has_value() && d.method != Method::none;
  });
}

}  // namespace

Result<std::vector<LengthTable>> length_tables(const std::vector<SubjectScores>& subjects,
                                               const std::vector<ScoreRow>& rows,
                                               const Options& options) {
  std::vector<LengthTable> tables;
  for (const ScoreRow& row : rows) {
    if (!is_paired(row)) continue;
    const auto how = aggregation_of(subjects[0], row, *row.figures[0].value);
    ANEMONE_CHECK(how, "a score that was tested document by document is made of its samples");
    const bool by_target = is_generated(subjects[0].samples.at(row.task).rows.front());
    ANEMONE_TRY(const Shared shared, shared_documents(subjects, row, by_target));
    std::vector<Origin> origins;
    for (const SubjectScores& subject : subjects)
      origins.push_back({subject.samples.at(row.task).source, kSamplesKey});
    LengthTable table{row.task, row.metric, row.filter, by_target ? "target" : "prompt", {}};
    int64_t from = 0;
    for (size_t i = 0; i <= options.length_edges.size(); ++i) {
      const bool is_last = i == options.length_edges.size();
      const auto to = is_last ? std::nullopt : std::optional(options.length_edges[i]);
      LengthBucket bucket = bucket_of(shared, from, to, *how, origins, options);
      if (bucket.documents > 0) table.buckets.push_back(std::move(bucket));
      if (to) from = *to + 1;
    }
    if (!table.buckets.empty()) tables.push_back(std::move(table));
  }
  return tables;
}

}  // namespace anemone::compare
