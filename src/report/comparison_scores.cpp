#include <fmt/format.h>

#include <algorithm>

#include "report/comparison_page.h"
#include "report/number_text.h"

namespace anemone::report {
namespace {

using compare::Comparison;
using compare::Difference;
using compare::ScoreRow;
using compare::Unit;

const char* method_words(compare::Method method) {
  switch (method) {
    case compare::Method::none:
      return "n/a";
    case compare::Method::mcnemar:
      return "McNemar";
    case compare::Method::paired_t:
      return "paired t";
    case compare::Method::bootstrap:
      return "bootstrap";
    case compare::Method::unpaired:
      return "unpaired";
  }
  return "n/a";
}

Tone tone_of(compare::Verdict verdict) {
  switch (verdict) {
    case compare::Verdict::better:
      return Tone::good;
    case compare::Verdict::worse:
      return Tone::bad;
    case compare::Verdict::differs:
    case compare::Verdict::same:
      return Tone::plain;
    case compare::Verdict::unknown:
      return Tone::missing;
  }
  return Tone::plain;
}

template <typename Value, typename Format>
Cell optional_cell(const std::optional<Value>& value, Format format) {
  return value ? Cell(format(*value)) : missing_cell();
}

std::vector<Cell> difference_row(const ScoreRow& row, size_t subject, const Comparison& found) {
  const Difference& each = row.differences[subject];
  const auto traced = [&](Cell cell) {
    if (cell.tone != Tone::missing) cell.origin = origin_text(each.origins, found.sources);
    return cell;
  };
  const auto interval = [](const statistics::Interval& i) { return interval_text(i, true); };
  const auto count = [&](int64_t documents) {
    std::string text = std::to_string(documents);
    if (each.is_partial())
      text += fmt::format(" of {} and {}", *each.scored_reference, *each.scored_subject);
    return text;
  };
  return {{row.alias},
          {metric_title(row)},
          {found.subjects[subject].label},
          figure_cell(row.figures[0], Unit::none, found.sources),
          figure_cell(row.figures[subject], Unit::none, found.sources),
          traced(optional_cell(each.value, signed_text)),
          traced(optional_cell(each.interval, interval)),
          traced(optional_cell(each.tested, count)),
          each.method == compare::Method::none ? missing_cell() : Cell{method_words(each.method)},
          traced(optional_cell(each.p, p_text)),
          traced(optional_cell(each.adjusted_p, p_text)),
          {to_string(each.verdict), each.reason, tone_of(each.verdict)}};
}

bool has_standard_error(const ScoreRow& row) {
  return std::ranges::any_of(row.figures, [](const compare::Figure& figure) {
    return figure.value && figure.standard_error;
  });
}

/// Bars of the leading scores, with their standard errors where files state some.
Plot score_bars(const std::vector<const ScoreRow*>& rows, const Comparison& found) {
  Plot plot;
  plot.kind = Plot::Kind::bars;
  plot.title = "Scores";
  if (std::ranges::any_of(rows, [](const ScoreRow* row) { return has_standard_error(*row); }))
    plot.title += ", with one standard error";
  plot.x_title = "share of right answers";
  for (const compare::Subject& subject : found.subjects) plot.parts.push_back(subject.label);
  for (const ScoreRow* row : rows) {
    PlotBar bar{row->alias + " " + row->metric, {}, {}, {}};
    plot.description += (plot.description.empty() ? "" : "; ") + bar.name;
    for (const compare::Figure& figure : row->figures) {
      plot.description += " " + (figure.value ? number_text(*figure.value, Unit::none) : "n/a");
      if (figure.value && figure.standard_error)
        bar.add(figure.value, *figure.value - *figure.standard_error,
                *figure.value + *figure.standard_error);
      else
        bar.add(figure.value, {}, {});
    }
    plot.bars.push_back(std::move(bar));
  }
  return plot;
}

/// Differences of all scores that are shares, with their intervals.
bool is_share(const ScoreRow& row) {
  return row.higher_is_better == true && std::ranges::all_of(row.figures, [](const auto& figure) {
           return !figure.value || (*figure.value >= 0 && *figure.value <= 1);
         });
}

/// The first documents that differ, with the score of each alone.
Table flips_table(const ScoreRow& row, size_t subject, const Comparison& found) {
  const Difference& each = row.differences[subject];
  const std::string& first = found.subjects[0].label;
  const std::string& second = found.subjects[subject].label;
  Table table{fmt::format("{} {}, {}: {} of {} documents differ{}", row.alias, row.metric, second,
                          each.flips, *each.tested,
                          static_cast<int64_t>(each.shown_flips.size()) < each.flips
                              ? fmt::format("; the first {}", each.shown_flips.size())
                              : ""),
              {{"document", true}, {first, true}, {second, true}},
              {},
              true};
  // A text that was only scored has no answer.
  const bool are_answered = std::ranges::any_of(each.shown_flips, [](const compare::Flip& flip) {
    return !flip.reference_answer.empty() || !flip.answer.empty();
  });
  if (are_answered) {
    table.columns.push_back({"answer of " + first});
    table.columns.push_back({"answer of " + second});
  }
  const auto traced = [&](std::string text) {
    return traced_cell(std::move(text), each.origins, found.sources);
  };
  for (const compare::Flip& flip : each.shown_flips) {
    std::vector<Cell> cells = {traced(std::to_string(flip.document)),
                               traced(number_text(flip.reference, Unit::none)),
                               traced(number_text(flip.subject, Unit::none))};
    if (are_answered) {
      cells.push_back(traced(flip.reference_answer));
      cells.push_back(traced(flip.answer));
    }
    table.rows.push_back(std::move(cells));
  }
  return table;
}

}  // namespace

Section scores_section(const Comparison& found) {
  Section section{"Scores", {}, {}, {}, {}};
  Table table{"",
              {{"task"},
               {"metric"},
               {"run"},
               {found.subjects[0].label, true},
               {"value", true},
               {"difference", true},
               {fmt::format("{:g} % interval", found.bootstrap.confidence * 100), true},
               {"n", true},
               {"test"},
               {"p", true},
               {"p, Holm", true},
               {"verdict"}},
              {}};
  for (const ScoreRow& row : found.scores)
    for (size_t i = 1; i < found.subjects.size(); ++i)
      table.rows.push_back(difference_row(row, i, found));
  if (table.rows.empty()) return section;
  section.paragraphs.push_back(fmt::format(
      "Documents that have the metric in both runs (n) are paired. Right or wrong answers are "
      "tested by McNemar's exact test, other means by the paired t test, other scores by "
      "resampling documents ({} times, seed {}). Holm's correction holds for all tests of this "
      "table together; a verdict is given below {:.3g}. \"No difference shown\" does not prove "
      "that there is none.",
      found.bootstrap.resamples, found.bootstrap.seed, found.alpha));
  if (std::ranges::any_of(found.scores, [](const ScoreRow& row) {
        return std::ranges::any_of(row.differences, &Difference::is_partial);
      }))
    section.paragraphs.push_back(fmt::format(
        "n of a and b: the score of {} is over a documents, that of the run over b, difference and "
        "test over the n that both have.",
        found.subjects[0].label));
  section.tables.push_back(std::move(table));
  std::vector<const ScoreRow*> shares;
  for (const ScoreRow* row : leading_scores(found))
    if (is_share(*row) && shares.size() < 8) shares.push_back(row);
  if (!shares.empty()) section.plots.push_back(score_bars(shares, found));
  return section;
}

Section samples_section(const Comparison& found) {
  Section section{"Document by document", {}, {}, {}, {}};
  Table table{"",
              {{"task"},
               {"metric"},
               {"run"},
               {"paired", true},
               {"only " + found.subjects[0].label, true},
               {"only this run", true},
               {"other text", true},
               {"same metric", true},
               {"same answer", true},
               {"lost", true},
               {"won", true},
               {"log-likelihoods apart, mean", true},
               {"largest", true}},
              {}};
  for (const ScoreRow& row : found.scores)
    for (size_t i = 1; i < found.subjects.size(); ++i) {
      const Difference& each = row.differences[i];
      if (!each.pairing) continue;
      const bool counted = each.method == compare::Method::mcnemar;
      const auto traced = [&](std::string text) {
        return traced_cell(std::move(text), each.origins, found.sources);
      };
      const auto count = [&](int64_t n) { return traced(std::to_string(n)); };
      const auto share = [&](double value) { return traced(number_text(value, Unit::share)); };
      const auto nats = [&](double value) { return traced(number_text(value, Unit::nats)); };
      table.rows.push_back({{row.alias},
                            {metric_title(row)},
                            {found.subjects[i].label},
                            count(each.pairing->matched),
                            count(each.pairing->only_reference),
                            count(each.pairing->only_subject),
                            count(each.pairing->different),
                            optional_cell(each.same_metric, share),
                            optional_cell(each.same_answer, share),
                            counted ? count(each.only_reference_right) : missing_cell(),
                            counted ? count(each.only_subject_right) : missing_cell(),
                            optional_cell(each.mean_distance, nats),
                            optional_cell(each.largest_distance, nats)});
    }
  if (table.rows.empty()) return section;
  section.paragraphs.push_back(
      "Lost: right in the reference alone; won: right in this run alone. The answer is the choice "
      "or the text that the model gave.");
  section.tables.push_back(std::move(table));
  for (const ScoreRow* row : leading_scores(found))
    for (size_t i = 1; i < found.subjects.size(); ++i) {
      const Difference& each = row->differences[i];
      if (each.shown_flips.empty()) continue;
      section.tables.push_back(flips_table(*row, i, found));
    }
  return section;
}

}  // namespace anemone::report
