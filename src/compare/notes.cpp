#include "compare/notes.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/error.h"
#include "compare/scores.h"
#include "eval/recorded_value.h"

namespace anemone::compare {
namespace {

using eval::text_at;
using eval::Value;

using Words = std::vector<std::string>;

void add(const std::string& word, Words& words) {
  if (std::ranges::find(words, word) == words.end()) words.push_back(word);
}

/// What several rows have in common: a sentence, and the rows that it is about.
struct Remark {
  std::string about, sentence;
  Words rows;
};

Remark& remark_of(const std::string& about, const std::string& sentence,
                  std::vector<Remark>& remarks) {
  const auto found = std::ranges::find_if(remarks, [&](const Remark& each) {
    return each.about == about && each.sentence == sentence;
  });
  if (found != remarks.end()) return *found;
  return remarks.emplace_back(Remark{about, sentence, {}});
}

/// "context=64: interrupted (3 of 100 timed requests are done)", of all that were not measured.
Words unmeasured(const Document& document) {
  Words words;
  for (const Value& each : document.content["configurations"]) {
    const std::string status = text_at(each, "status");
    if (status == "measured") continue;
    const std::string reason = text_at(each, "reason");
    words.push_back(text_at(each, "id") + ": " + status +
                    (reason.empty() ? "" : " (" + reason + ")"));
  }
  return words;
}

/// "2 of its 3 configurations were not measured: …"; empty where all were.
std::string unmeasured_in_words(const Document& document) {
  if (document.source.kind != Kind::bench) return {};
  const Words words = unmeasured(document);
  const size_t all = document.content["configurations"].size();
  if (words.empty()) return {};
  return fmt::format("{}: {} of its {} configurations {} not measured: {}",
                     document.source.path.string(), words.size(), all,
                     words.size() == 1 ? "was" : "were", listed(words));
}

void add_files_left_out(Comparison& found) {
  for (const Source& source : found.sources) {
    if (source.not_read.empty()) continue;
    Words names;
    for (auto file = source.not_read.rbegin(); file != source.not_read.rend(); ++file)
      names.push_back(file->filename().string());
    found.notes.push_back(fmt::format("of the folder's results {} alone was read, not {}",
                                      source.path.string(), listed(names)));
  }
}

void add_notes_of_measures(Comparison& found) {
  std::vector<Remark> remarks;
  for (const Measure& measure : found.measures)
    if (!measure.note.empty())
      add(measure.title + (measure.group.empty() ? "" : " (" + measure.group + ")"),
          remark_of({}, measure.note, remarks).rows);
  for (const Remark& each : remarks)
    found.notes.push_back(listed(each.rows) + ": " + each.sentence);
}

void add_notes_of_scores(Comparison& found) {
  std::vector<Remark> remarks;
  for (const ScoreRow& row : found.scores)
    for (size_t i = 1; i < row.differences.size(); ++i) {
      const Difference& each = row.differences[i];
      if (each.reason.empty()) continue;
      if (each.reason == kNoTask) {
        const size_t without = row.figures[0].value ? i : 0;
        add(row.task,
            remark_of({}, "not in the results of " + found.subjects[without].label, remarks).rows);
      } else {
        add(row.task + " " + row.metric,
            remark_of(" of " + found.subjects[i].label, each.reason, remarks).rows);
      }
    }
  for (const Remark& each : remarks)
    found.notes.push_back(listed(each.rows) + each.about + ": " + each.sentence);
}

/// "a has context=32, context=64": the configurations, tasks or figures of one subject.
std::string contents_of(const Comparison& found, size_t subject) {
  Words configurations;
  Words tasks;
  Words figures;
  for (const Measure& measure : found.measures) {
    const Figure& figure = measure.figures[subject];
    if (!figure.value) continue;
    if (!measure.group.empty())
      add(measure.group, configurations);
    else if (found.sources[figure.origins.front().source].kind == Kind::figures)
      add(measure.name, figures);
  }
  for (const ScoreRow& row : found.scores)
    if (row.figures[subject].value) add(row.task, tasks);
  Words parts;
  if (!configurations.empty()) parts.push_back(listed(configurations));
  if (!tasks.empty())
    parts.push_back((tasks.size() == 1 ? "the task " : "the tasks ") + listed(tasks));
  if (!figures.empty())
    parts.push_back((figures.size() == 1 ? "the figure " : "the figures ") + listed(figures));
  if (parts.empty()) return {};
  return fmt::format("{} has {}", found.subjects[subject].label, fmt::join(parts, ", "));
}

/// What would have something in common with these.
std::string hint_of(const std::vector<Document>& documents) {
  for (const Document& document : documents) {
    if (document.source.kind != Kind::figures) continue;
    for (const Value& each : document.content["figures"])
      if (text_at(each, "name").starts_with("speedup_over_cpu."))
        return "speedup_over_cpu is of bench --preset phase2 on a Mac";
    return "a figure joins the row of its name: docs/comparing.md";
  }
  return "compare evaluations of one task, or benchmarks of one configuration";
}

}  // namespace

std::string listed(const Words& words) {
  constexpr size_t kMost = 4;
  const size_t shown = std::min(words.size(), kMost);
  std::string text = fmt::format("{}", fmt::join(words.data(), words.data() + shown, ", "));
  if (words.size() > shown) text += fmt::format(" and {} more", words.size() - shown);
  return text;
}

void add_notes(Comparison& found, const std::vector<Document>& documents) {
  add_files_left_out(found);
  for (const Document& document : documents)
    if (const std::string words = unmeasured_in_words(document); !words.empty())
      found.notes.push_back(words);
  for (const Source& source : found.sources)
    if (source.simulated)
      found.notes.push_back(fmt::format("{}: simulated arithmetic, no result of a Neural Engine",
                                        source.path.string()));
  add_notes_of_measures(found);
  add_notes_of_scores(found);
  Words kept;
  for (const std::string& note : found.notes) add(note, kept);
  found.notes = std::move(kept);
}

Error nothing_in_common(const Comparison& found, const std::vector<Document>& documents) {
  std::string words;
  for (size_t i = 0; i < found.subjects.size(); ++i)
    if (const std::string each = contents_of(found, i); !each.empty()) words += "; " + each;
  bool are_cut = false;
  for (const Document& document : documents)
    if (const std::string each = unmeasured_in_words(document); !each.empty()) {
      words += "; " + each;
      are_cut = true;
    }
  return with_hint(
      fail(ErrorCode::mismatch, "no two of the results have anything to compare in common{}",
           words),
      are_cut ? "a configuration is compared where both results measured it" : hint_of(documents));
}

}  // namespace anemone::compare
