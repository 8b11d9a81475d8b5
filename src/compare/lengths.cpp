#include "compare/lengths.h"

#include <algorithm>
#include <map>

#include "compare/paired_difference.h"

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

std::map<int64_t, const RecordedSample*> by_number(const std::vector<RecordedSample>& samples,
                                                   const std::string& filter) {
  std::map<int64_t, const RecordedSample*> out;
  for (const RecordedSample& sample : samples)
    if (sample.filter == filter) out.emplace(sample.document, &sample);
  return out;
}

/// Nothing where a subject has no samples.
std::optional<Shared> shared_documents(const std::vector<SubjectScores>& subjects,
                                       const ScoreRow& row, bool by_target) {
  std::vector<std::map<int64_t, const RecordedSample*>> all;
  for (const SubjectScores& subject : subjects) {
    const auto found = subject.samples.find(row.task);
    if (found == subject.samples.end()) return std::nullopt;
    all.push_back(by_number(found->second, row.filter));
  }
  Shared shared;
  shared.items.resize(all.size());
  for (const auto& [number, first] : all[0]) {
    const auto length = length_of(*first, by_target);
    std::vector<Item> items;
    for (const auto& each : all) {
      const auto found = each.find(number);
      if (found == each.end()) break;
      const bool is_same = found->second->document_hash == first->document_hash ||
                           found->second->prompt_hash == first->prompt_hash;
      const auto item = item_of(*found->second, row.metric);
      if (!is_same || !item) break;
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
    figure.value = aggregate(aggregation, inside[k]);
    figure.origins = {origins[k]};
    bucket.figures.push_back(figure);
    Figure difference;
    if (k > 0) {
      difference = paired_figure(inside[0], inside[k], aggregation, options.bootstrap);
      difference.origins = {origins[0], origins[k]};
    }
    bucket.differences.push_back(difference);
  }
  return bucket;
}

}  // namespace

std::vector<LengthTable> length_tables(const std::vector<SubjectScores>& subjects,
                                       const std::vector<ScoreRow>& rows, const Options& options) {
  std::vector<LengthTable> tables;
  for (const ScoreRow& row : rows) {
    const bool complete = std::ranges::all_of(
        row.figures, [](const Figure& figure) { return figure.value.has_value(); });
    const auto found = subjects[0].samples.find(row.task);
    if (!complete || row.is_group || found == subjects[0].samples.end() || found->second.empty())
      continue;
    const auto how = aggregation_of(subjects[0], row, *row.figures[0].value);
    const bool by_target = is_generated(found->second.front());
    const auto shared = shared_documents(subjects, row, by_target);
    if (!how || !shared) continue;
    std::vector<Origin> origins;
    for (const Figure& figure : row.figures)
      origins.push_back({figure.origins.front().source, "samples of " + row.task});
    LengthTable table{row.task, row.metric, row.filter, by_target ? "target" : "prompt", {}};
    int64_t from = 0;
    for (size_t i = 0; i <= options.length_edges.size(); ++i) {
      const bool is_last = i == options.length_edges.size();
      const auto to = is_last ? std::nullopt : std::optional(options.length_edges[i]);
      LengthBucket bucket = bucket_of(*shared, from, to, *how, origins, options);
      if (bucket.documents > 0) table.buckets.push_back(std::move(bucket));
      if (to) from = *to + 1;
    }
    if (!table.buckets.empty()) tables.push_back(std::move(table));
  }
  return tables;
}

}  // namespace anemone::compare
