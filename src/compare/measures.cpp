#include "compare/measures.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "base/error.h"
#include "compare/readings.h"

namespace anemone::compare {
namespace {

/// A row while it is filled.
struct Row {
  Measure measure;
  std::vector<std::vector<double>> samples;  ///< one each subject.
};

Row& row_of(const Reading& reading, size_t subjects, std::vector<Row>& rows) {
  const auto found = std::find_if(rows.begin(), rows.end(), [&](const Row& row) {
    return row.measure.name == reading.name && row.measure.group == reading.group;
  });
  if (found != rows.end()) {
    // A figure that was written down may come without words and direction.
    Measure& measure = found->measure;
    if (measure.title == measure.name) {
      measure.title = reading.title;
      if (!measure.higher_is_better) measure.higher_is_better = reading.higher_is_better;
    }
    return *found;
  }
  Row row;
  row.measure.name = reading.name;
  row.measure.title = reading.title;
  row.measure.group = reading.group;
  row.measure.unit = reading.unit;
  row.measure.higher_is_better = reading.higher_is_better;
  row.measure.figures.resize(subjects);
  row.measure.ratios.resize(subjects);
  row.samples.resize(subjects);
  rows.push_back(std::move(row));
  return rows.back();
}

Status put(Reading reading, size_t subject, const Subject& of, size_t subjects,
           std::vector<Row>& rows, std::vector<std::string>& notes) {
  Row& row = row_of(reading, subjects, rows);
  if (row.measure.unit != reading.unit)
    return fail(ErrorCode::mismatch, "'{}' has the unit '{}' in one file and '{}' in another",
                reading.name, to_string(row.measure.unit), to_string(reading.unit));
  Figure& figure = row.measure.figures[subject];
  if (!figure.value) {
    figure = std::move(reading.figure);
    row.samples[subject] = std::move(reading.samples);
  } else if (figure.value == reading.figure.value) {
    figure.origins.insert(figure.origins.end(), reading.figure.origins.begin(),
                          reading.figure.origins.end());
  } else {
    notes.push_back(
        fmt::format("{}: '{}' is {} in one of its files and {} in another; the first "
                    "is shown",
                    of.label, reading.title, *figure.value, *reading.figure.value));
  }
  return {};
}

/// Tasks with their documents, as far as a file says.
std::map<std::string, std::optional<int64_t>> work_of(const Document& document) {
  std::map<std::string, std::optional<int64_t>> work;
  for (const eval::RecordedTask& task : document.results->tasks) work[task.name] = task.samples;
  return work;
}

bool depends_on_machine(const Measure& measure) {
  return measure.unit == Unit::seconds || measure.unit == Unit::tokens_per_second ||
         measure.unit == Unit::joules;
}

/// The one that does not say on which machine it was measured; null where that does not count.
const Document* without_machine(const Measure& measure, const Document& a, const Document& b) {
  if (!depends_on_machine(measure)) return nullptr;
  for (const Document* each : {&a, &b})
    if (each->source.machine.empty()) return each;
  return nullptr;
}

/// Why a ratio of these two figures would say nothing about the models; empty when it does.
std::string obstacle(const Measure& measure, const Figure& reference, const Figure& subject,
                     const std::vector<Document>& documents) {
  const Document& a = documents[reference.origins.front().source];
  const Document& b = documents[subject.origins.front().source];
  if (reference.predicted != subject.predicted) return "one is predicted, one measured";
  if (measure.name == "process_peak_rss_bytes")
    return "the peak of a process holds what ran before in it";
  if (!depends_on_machine(measure) || reference.predicted) return {};
  const std::string& here = a.source.machine;
  const std::string& there = b.source.machine;
  if (!here.empty() && !there.empty() && here != there)
    return fmt::format("measured on different machines: {}; {}", here, there);
  const Document* const unnamed = without_machine(measure, a, b);
  if (unnamed != nullptr && unnamed->source.kind == Kind::figures)
    return fmt::format("{} names no machine", unnamed->source.path.string());
  if (measure.name == "evaluation_seconds" && a.results && b.results && work_of(a) != work_of(b))
    return "the evaluations are of other tasks or documents";
  return {};
}

bool all_positive(const std::vector<double>& samples) {
  return !samples.empty() && std::ranges::all_of(samples, [](double value) { return value > 0; });
}

void add_ratios(Row& row, const std::vector<Document>& documents, const Options& options) {
  /// Beyond this the interval takes long and tells no more.
  constexpr size_t kMostSamples = 5000;
  Measure& measure = row.measure;
  const Figure& reference = measure.figures[0];
  if (!reference.value || *reference.value == 0) return;
  for (size_t i = 1; i < measure.figures.size(); ++i) {
    const Figure& subject = measure.figures[i];
    if (!subject.value) continue;
    if (std::string why = obstacle(measure, reference, subject, documents); !why.empty()) {
      measure.note = "no ratio: " + why;
      continue;
    }
    Figure& ratio = measure.ratios[i];
    const double value = *subject.value / *reference.value;
    if (!std::isfinite(value)) {
      measure.note = "no ratio: the numbers are too far apart";
      continue;
    }
    const Document& first = documents[reference.origins.front().source];
    const Document& second = documents[subject.origins.front().source];
    if (const Document* unnamed = without_machine(measure, first, second);
        unnamed != nullptr && !reference.predicted)
      measure.note = fmt::format("{} names no machine: the ratio holds if both are of one",
                                 unnamed->source.path.string());
    ratio.value = value;
    ratio.predicted = subject.predicted;
    ratio.origins = {reference.origins.front(), subject.origins.front()};
    const auto& a = row.samples[0];
    const auto& b = row.samples[i];
    if (all_positive(a) && all_positive(b) && std::max(a.size(), b.size()) <= kMostSamples &&
        std::min(a.size(), b.size()) > 1)
      ratio.interval = statistics::ratio_of_medians(b, a, options.bootstrap).interval;
  }
}

}  // namespace

Result<std::vector<Measure>> measures(const std::vector<Document>& documents,
                                      const std::vector<Subject>& subjects, const Options& options,
                                      std::vector<std::string>& notes) {
  std::vector<Row> rows;
  for (size_t i = 0; i < subjects.size(); ++i)
    for (const size_t source : subjects[i].sources) {
      auto found = readings(documents[source], source);
      if (!found.ok()) return std::move(found).in(documents[source].source.path.string()).error();
      for (Reading& reading : *found)
        ANEMONE_RETURN_IF_ERROR(
            put(std::move(reading), i, subjects[i], subjects.size(), rows, notes));
    }
  std::stable_sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) {
    return a.measure.group.empty() && !b.measure.group.empty();
  });
  std::vector<Measure> list;
  for (Row& row : rows) {
    add_ratios(row, documents, options);
    list.push_back(std::move(row.measure));
  }
  return list;
}

}  // namespace anemone::compare
