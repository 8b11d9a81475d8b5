#include "compare/scores.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <fstream>

#include "base/error.h"
#include "base/sha256.h"
#include "compare/paired_difference.h"
#include "compare/readings.h"
#include "statistics/distributions.h"
#include "statistics/paired_tests.h"

namespace anemone::compare {
namespace {

const TaskPlace* find_task(const SubjectScores& subject, const std::string& name) {
  const auto found = std::ranges::find_if(
      subject.tasks, [&](const TaskPlace& place) { return place.task->name == name; });
  return found == subject.tasks.end() ? nullptr : &*found;
}

const eval::Score* find_score(const eval::RecordedTask& task, const ScoreRow& row) {
  const auto found = std::ranges::find_if(task.scores, [&](const eval::Score& score) {
    return score.metric == row.metric && score.filter == row.filter;
  });
  return found == task.scores.end() ? nullptr : &*found;
}

const TaskSamples* find_samples(const SubjectScores& subject, const std::string& task) {
  const auto found = subject.samples.find(task);
  return found == subject.samples.end() ? nullptr : &found->second;
}

Figure figure_of(const TaskPlace& place, const Document& document, const eval::Score& score) {
  Figure figure;
  if (!score.value) return figure;
  figure.value = score.value;
  figure.standard_error = score.standard_error;
  const bool is_bare = document.results->format == eval::ResultsFormat::mlx_lm;
  figure.origins = {{place.source, fmt::format("{}/{}/{}",
                                               is_bare          ? ""
                                               : place.is_group ? "/groups"
                                                                : "/results",
                                               pointer_part(place.task->name),
                                               pointer_part(score.metric + "," + score.filter))}};
  return figure;
}

/// Why two runs of a task measure different things; empty when they do not.
std::string refusal(const eval::RecordedTask& a, const eval::RecordedTask& b) {
  if (!a.version.empty() && !b.version.empty() && a.version != b.version) {
    // "1.0" of one tool is "1" of another.
    const auto number = [](const std::string& text) { return std::strtod(text.c_str(), nullptr); };
    if (number(a.version) != number(b.version) || number(a.version) == 0)
      return fmt::format("versions {} and {} of the task differ", a.version, b.version);
  }
  if (a.shots && b.shots && a.shots != b.shots)
    return fmt::format("{} and {} examples in the prompt", *a.shots, *b.shots);
  return {};
}

/// Sets a difference of two scores, with where both stand.
void subtract(const Figure& first, const Figure& second, Difference& difference) {
  const double value = *second.value - *first.value;
  if (!std::isfinite(value)) return;
  difference.value = value;
  difference.origins = first.origins;
  difference.origins.insert(difference.origins.end(), second.origins.begin(), second.origins.end());
}

void add_reason(const std::string& reason, Difference& difference) {
  difference.reason += (difference.reason.empty() ? "" : ", ") + reason;
}

void test_unpaired(const eval::RecordedTask& a, const eval::RecordedTask& b, const Figure& first,
                   const Figure& second, const Options& options, Difference& difference) {
  const bool same_documents = !a.hash.empty() && a.hash == b.hash;
  if (!same_documents && a.samples && b.samples && a.samples != b.samples)
    difference.reason = fmt::format("over {} and {} documents", *a.samples, *b.samples);
  subtract(first, second, difference);
  const double error =
      std::hypot(first.standard_error.value_or(0), second.standard_error.value_or(0));
  if (!first.standard_error || !second.standard_error || error == 0)
    return add_reason("no samples and no standard errors to test with", difference);
  const double half = statistics::normal_quantile(0.5 + options.bootstrap.confidence / 2) * error;
  if (!difference.value || !std::isfinite(*difference.value - half) ||
      !std::isfinite(*difference.value + half))
    return add_reason("the numbers are too large to test", difference);
  difference.method = Method::unpaired;
  difference.interval = {*difference.value - half, *difference.value + half};
  difference.p = statistics::normal_two_sided(*difference.value / error);
  add_reason("no samples of both runs: documents are not paired", difference);
}

/// The documents that a score is over.
int64_t scored(const TaskSamples& samples, const ScoreRow& row) {
  return std::ranges::count_if(samples.rows, [&](const eval::RecordedSample& sample) {
    return sample.filter == row.filter && item_of(sample, row.metric).has_value();
  });
}

/// The difference of one score between the reference and a subject.
Result<Difference> difference_of(const SubjectScores& reference, const SubjectScores& subject,
                                 const ScoreRow& row, size_t index, const Options& options) {
  Difference difference;
  const TaskPlace* a = find_task(reference, row.task);
  const TaskPlace* b = find_task(subject, row.task);
  const Figure& first = row.figures[0];
  const Figure& second = row.figures[index];
  if (a == nullptr || b == nullptr || !first.value || !second.value) {
    difference.reason = a == nullptr || b == nullptr ? kNoTask : "one has no score";
    return difference;
  }
  if (difference.reason = refusal(*a->task, *b->task); !difference.reason.empty())
    return difference;
  if (a->is_group || b->is_group) {
    subtract(first, second, difference);
    difference.reason = "a group: its tasks are tested";
    return difference;
  }
  const auto* ours = find_samples(reference, row.task);
  const auto* theirs = find_samples(subject, row.task);
  if (ours == nullptr || theirs == nullptr) {
    test_unpaired(*a->task, *b->task, first, second, options, difference);
    return difference;
  }
  ANEMONE_TRY(const Pairs pairs,
              pair_documents(ours->rows, theirs->rows, row.filter).in("'" + row.task + "'"));
  difference.pairing = pairs.counts;
  difference.origins = {{ours->source, kSamplesKey}, {theirs->source, kSamplesKey}};
  if (pairs.counts.matched == 0) {
    difference.reason = "the runs have no document in common";
    return difference;
  }
  const auto how = aggregation_of(reference, row, *first.value);
  const auto how_theirs = aggregation_of(subject, row, *second.value);
  if (!how || how != how_theirs) {
    subtract(first, second, difference);
    difference.origins.push_back({ours->source, kSamplesKey});
    difference.origins.push_back({theirs->source, kSamplesKey});
    difference.reason =
        fmt::format("the samples of {} do not make its score in a way that is known",
                    !how ? (how_theirs ? "the reference" : "both") : "this run");
    return difference;
  }
  test_pairs(pairs, row.metric, *how, options, difference);
  difference.scored_reference = scored(*ours, row);
  difference.scored_subject = scored(*theirs, row);
  if (difference.is_partial())
    add_reason(
        fmt::format("the scores are over {} and {} documents, the difference over the {} "
                    "that both have",
                    *difference.scored_reference, *difference.scored_subject, *difference.tested),
        difference);
  if (pairs.other_prompts > 0)
    add_reason(fmt::format("{} of {} documents were asked in other words", pairs.other_prompts,
                           pairs.counts.matched),
               difference);
  return difference;
}

void judge(ScoreRow& row, Difference& difference, double alpha) {
  if (!difference.adjusted_p) return;
  if (*difference.adjusted_p >= alpha || difference.value == 0) {
    difference.verdict = Verdict::same;
  } else if (!row.higher_is_better) {
    difference.verdict = Verdict::differs;
  } else {
    difference.verdict =
        (*difference.value > 0) == *row.higher_is_better ? Verdict::better : Verdict::worse;
  }
}

void correct(std::vector<ScoreRow>& rows, double alpha) {
  std::vector<Difference*> tested;
  std::vector<double> p;
  for (ScoreRow& row : rows)
    for (Difference& difference : row.differences)
      if (difference.p) {
        tested.push_back(&difference);
        p.push_back(*difference.p);
      }
  const auto adjusted = statistics::holm(p);
  for (size_t i = 0; i < tested.size(); ++i) tested[i]->adjusted_p = adjusted[i];
  for (ScoreRow& row : rows)
    for (Difference& difference : row.differences) judge(row, difference, alpha);
}

void add_rows(const TaskPlace& place, std::vector<ScoreRow>& rows) {
  for (const eval::Score& score : place.task->scores) {
    const auto found = std::ranges::find_if(rows, [&](const ScoreRow& row) {
      return row.task == place.task->name && row.metric == score.metric &&
             row.filter == score.filter;
    });
    if (found != rows.end()) {
      if (!found->higher_is_better) found->higher_is_better = score.higher_is_better;
      continue;
    }
    ScoreRow row;
    row.task = place.task->name;
    row.alias = place.task->alias;
    row.metric = score.metric;
    row.filter = score.filter;
    row.higher_is_better = score.higher_is_better;
    row.is_group = place.is_group;
    rows.push_back(std::move(row));
  }
}

Result<std::string> sha256_of_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  Sha256 digest;
  std::vector<char> piece(size_t{1} << 16U);
  while (file) {
    file.read(piece.data(), static_cast<std::streamsize>(piece.size()));
    digest.update({piece.data(), static_cast<size_t>(file.gcount())});
  }
  if (!file.eof()) return fail(ErrorCode::io, "cannot read '{}'", path.string());
  return digest.finish();
}

}  // namespace

Result<std::vector<SubjectScores>> collect_scores(const std::vector<Document>& documents,
                                                  const std::vector<Subject>& subjects,
                                                  std::vector<Source>& sources) {
  std::vector<SubjectScores> out;
  for (const Subject& subject : subjects) {
    SubjectScores scores;
    for (const size_t source : subject.sources) {
      const Document& document = documents[source];
      if (!document.results) continue;
      const auto add = [&](const eval::RecordedTask& task, bool is_group) -> Status {
        if (const TaskPlace* earlier = find_task(scores, task.name))
          return with_hint(
              fail(ErrorCode::invalid_argument, "task '{}' of '{}' is in {} and in {}", task.name,
                   subject.label, documents[earlier->source].source.path.string(),
                   document.source.path.string()),
              "give each run its own label: label=path");
        scores.tasks.push_back({source, &task, is_group});
        return {};
      };
      for (const eval::RecordedTask& task : document.results->tasks) {
        ANEMONE_RETURN_IF_ERROR(add(task, false));
        const auto file = eval::samples_beside(document.source.path, task.name);
        if (!file) continue;
        TaskSamples& samples = scores.samples[task.name];
        ANEMONE_TRY(samples.rows, eval::read_samples(*file));
        ANEMONE_TRY(std::string digest, sha256_of_file(*file));
        samples.source = sources.size();
        Source read;
        read.path = *file;
        read.sha256 = std::move(digest);
        read.kind = Kind::samples;
        sources.push_back(std::move(read));
      }
      for (const eval::RecordedTask& group : document.results->groups)
        ANEMONE_RETURN_IF_ERROR(add(group, true));
    }
    out.push_back(std::move(scores));
  }
  return out;
}

std::optional<Aggregation> aggregation_of(const SubjectScores& subject, const ScoreRow& row,
                                          double score) {
  const auto* samples = find_samples(subject, row.task);
  if (samples == nullptr) return std::nullopt;
  std::vector<Item> items;
  bool are_pairs = false;
  for (const eval::RecordedSample& sample : samples->rows) {
    if (sample.filter != row.filter) continue;
    if (const auto item = item_of(sample, row.metric)) items.push_back(*item);
    are_pairs |= is_pair(sample, row.metric);
  }
  return find_aggregation(items, are_pairs, score);
}

Result<std::vector<ScoreRow>> score_rows(const std::vector<Document>& documents,
                                         const std::vector<SubjectScores>& subjects,
                                         const Options& options, double alpha) {
  std::vector<ScoreRow> rows;
  for (const bool groups : {false, true})
    for (const SubjectScores& subject : subjects)
      for (const TaskPlace& place : subject.tasks)
        if (place.is_group == groups) add_rows(place, rows);
  for (ScoreRow& row : rows) {
    for (const SubjectScores& subject : subjects) {
      const TaskPlace* place = find_task(subject, row.task);
      const eval::Score* score = place == nullptr ? nullptr : find_score(*place->task, row);
      row.figures.push_back(score == nullptr ? Figure()
                                             : figure_of(*place, documents[place->source], *score));
      row.documents.push_back(place == nullptr ? 0 : place->task->samples.value_or(0));
    }
    row.differences.resize(subjects.size());
    for (size_t i = 1; i < subjects.size(); ++i) {
      ANEMONE_TRY(row.differences[i], difference_of(subjects[0], subjects[i], row, i, options));
    }
  }
  correct(rows, alpha);
  return rows;
}

}  // namespace anemone::compare
