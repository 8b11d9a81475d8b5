#include "anemone/compare.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/error.h"
#include "compare/document.h"
#include "compare/lengths.h"
#include "compare/measures.h"
#include "compare/scores.h"
#include "eval/recorded_value.h"

namespace anemone::compare {
namespace {

std::string label_of(const Input& input, const Document& document) {
  if (!input.label.empty()) return input.label;
  if (!document.source.model.empty()) return document.source.model;
  return input.path.filename().empty() ? input.path.parent_path().filename().string()
                                       : input.path.filename().string();
}

/// Inputs of one label are one subject. Without a label a document joins the subject of the same
/// model and arithmetic when that has nothing of its kind; otherwise it is a subject of its own.
std::vector<Subject> subjects_of(std::span<const Input> inputs,
                                 const std::vector<Document>& documents) {
  std::vector<Subject> subjects;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Source& source = documents[i].source;
    const auto joins = [&](const Subject& subject) {
      if (!inputs[i].label.empty()) return subject.label == inputs[i].label;
      return std::ranges::all_of(subject.sources, [&](size_t other) {
        const Source& there = documents[other].source;
        return inputs[other].label.empty() && !source.model_hash.empty() &&
               there.model_hash == source.model_hash && there.numerics == source.numerics &&
               there.kind != source.kind;
      });
    };
    const auto found = std::ranges::find_if(subjects, joins);
    if (found != subjects.end()) {
      found->sources.push_back(i);
      continue;
    }
    subjects.push_back({label_of(inputs[i], documents[i]), {i}});
  }
  // Names that are alike get numbers, in the order of the inputs.
  std::map<std::string, int> count;
  for (const Subject& subject : subjects) ++count[subject.label];
  std::map<std::string, int> number;
  for (Subject& subject : subjects) {
    const std::string label = subject.label;
    if (count[label] > 1) subject.label = fmt::format("{} ({})", label, ++number[label]);
  }
  return subjects;
}

/// What a document was measured of: its model, and of a benchmark also the packages that were made
/// of it for a configuration. Empty where it does not say.
std::set<std::string> hashes_of(const Document& document) {
  std::set<std::string> hashes = {document.source.model_hash};
  if (document.source.kind == Kind::bench)
    for (const eval::Value& each : document.content["configurations"])
      hashes.insert(eval::text_at(eval::at(each, "artifact"), "hash"));
  hashes.erase("");
  return hashes;
}

std::string short_hash(const std::set<std::string>& hashes) {
  constexpr size_t kEnough = 23;  // as on the page: "blake3:" and 16 digits
  return hashes.begin()->substr(0, kEnough);
}

/// Results of one subject are of one model, as far as they say of which they are.
Status check_models(const std::vector<Subject>& subjects, const std::vector<Document>& documents) {
  for (const Subject& subject : subjects)
    for (size_t i = 1; i < subject.sources.size(); ++i)
      for (size_t j = 0; j < i; ++j) {
        const Document& first = documents[subject.sources[j]];
        const Document& second = documents[subject.sources[i]];
        const auto a = hashes_of(first);
        const auto b = hashes_of(second);
        const auto is_shared = [&](const std::string& hash) { return b.contains(hash); };
        if (a.empty() || b.empty() || std::ranges::any_of(a, is_shared)) continue;
        return with_hint(
            fail(ErrorCode::mismatch, "'{}': {} is of the model {}, {} of {}", subject.label,
                 first.source.path.string(), short_hash(a), second.source.path.string(),
                 short_hash(b)),
            "results of one label are of the same packages: give each model a label of its own");
      }
  return {};
}

/// The configuration of bench that summaries show.
std::string shown_configuration(const std::vector<Document>& documents, const Comparison& found) {
  const auto measured = [&](const std::string& id) {
    size_t count = 0;
    for (const Measure& measure : found.measures)
      if (measure.group == id && measure.name == "decode_tokens_per_second")
        for (const Figure& figure : measure.figures) count += figure.value ? 1U : 0U;
    return count;
  };
  std::string shown;
  size_t most = 0;
  for (const size_t source : found.subjects[0].sources) {
    const auto& best = documents[source].content;
    if (documents[source].source.kind != Kind::bench || !best.contains("best")) continue;
    if (best["best"].is_object() && best["best"].contains("id") && best["best"]["id"].is_string()) {
      shown = best["best"]["id"].get<std::string>();
      most = measured(shown);
    }
  }
  for (const Measure& measure : found.measures)
    if (measure.name == "decode_tokens_per_second" && measured(measure.group) > most) {
      shown = measure.group;
      most = measured(shown);
    }
  return most > 0 ? shown : std::string();
}

bool has_common(const Comparison& found) {
  const auto shared = [](const std::vector<Figure>& figures) {
    return std::ranges::count_if(figures, [](const Figure& f) { return f.value.has_value(); }) > 1;
  };
  // How large the weights are is no result, unless somebody wrote it down to be compared.
  const auto is_written_down = [&](const Figure& figure) {
    return figure.value && found.sources[figure.origins.front().source].kind == Kind::figures;
  };
  const auto says_nothing = [&](const Measure& measure) {
    return measure.name == "weight_bytes" && std::ranges::none_of(measure.figures, is_written_down);
  };
  return std::ranges::any_of(
             found.measures,
             [&](const Measure& m) { return shared(m.figures) && !says_nothing(m); }) ||
         std::ranges::any_of(found.scores, [&](const ScoreRow& r) { return shared(r.figures); });
}

/// "; a has the configurations x, y; b has z": of all that have a benchmark.
std::string configurations_in_words(const Comparison& found) {
  constexpr size_t kMost = 4;
  std::string words;
  for (size_t i = 0; i < found.subjects.size(); ++i) {
    std::vector<std::string> ids;
    for (const Measure& measure : found.measures)
      if (!measure.group.empty() && measure.figures[i].value &&
          std::ranges::find(ids, measure.group) == ids.end())
        ids.push_back(measure.group);
    if (ids.empty()) continue;
    const size_t more = ids.size() > kMost ? ids.size() - kMost : 0;
    ids.resize(ids.size() - more);
    words += fmt::format("; {} has {}", found.subjects[i].label, fmt::join(ids, ", "));
    if (more > 0) words += fmt::format(" and {} more", more);
  }
  return words;
}

void add_notes(Comparison& found) {
  for (const Source& source : found.sources)
    if (source.simulated)
      found.notes.push_back(fmt::format("{}: simulated arithmetic, no result of a Neural Engine",
                                        source.path.string()));
  for (const Measure& measure : found.measures)
    if (!measure.note.empty())
      found.notes.push_back(fmt::format("{}{}: {}", measure.title,
                                        measure.group.empty() ? "" : " (" + measure.group + ")",
                                        measure.note));
  for (const ScoreRow& row : found.scores)
    for (size_t i = 1; i < row.differences.size(); ++i)
      if (const Difference& each = row.differences[i]; !each.reason.empty())
        found.notes.push_back(fmt::format("{} {} of {}: {}", row.task, row.metric,
                                          found.subjects[i].label, each.reason));
  std::vector<std::string> kept;
  for (std::string& note : found.notes)
    if (std::ranges::find(kept, note) == kept.end()) kept.push_back(std::move(note));
  found.notes = std::move(kept);
}

Status check(std::span<const Input> inputs, const Options& options) {
  if (inputs.size() < 2)
    return with_hint(fail(ErrorCode::invalid_argument, "{} to compare, two are needed",
                          inputs.empty() ? "nothing" : "one result"),
                     "anemone compare results/fp16 results/lut4");
  const auto& bootstrap = options.bootstrap;
  constexpr double kLeastTail = 1e-9;
  if (!(bootstrap.confidence > 0 && 1 - bootstrap.confidence >= kLeastTail))
    return fail(ErrorCode::invalid_argument,
                "confidence {}, expected a number between 0 and 1, at least {} below it",
                bootstrap.confidence, kLeastTail);
  if (bootstrap.resamples < 100 || bootstrap.resamples > 10000000)
    return fail(ErrorCode::invalid_argument, "{} resamples, expected 100 to 10000000",
                bootstrap.resamples);
  if (!std::ranges::is_sorted(options.length_edges, std::ranges::less_equal()))
    return fail(ErrorCode::invalid_argument, "the ends of lengths do not ascend");
  return {};
}

}  // namespace

Result<Comparison> compare(std::span<const Input> inputs, const Options& options) {
  ANEMONE_RETURN_IF_ERROR(check(inputs, options));
  std::vector<Document> documents;
  for (const Input& input : inputs) {
    ANEMONE_TRY(Document document, read_document(input.path));
    documents.push_back(std::move(document));
  }
  Comparison found;
  found.bootstrap = options.bootstrap;
  found.alpha = 1 - options.bootstrap.confidence;
  for (const Document& document : documents) found.sources.push_back(document.source);
  found.subjects = subjects_of(inputs, documents);
  if (found.subjects.size() < 2)
    return with_hint(fail(ErrorCode::invalid_argument, "all results are of '{}', two are needed",
                          found.subjects[0].label),
                     "labels tell runs apart: before=a.json after=b.json");
  ANEMONE_RETURN_IF_ERROR(check_models(found.subjects, documents));
  ANEMONE_TRY(found.measures, measures(documents, found.subjects, options, found.notes));
  ANEMONE_TRY(const auto scores, collect_scores(documents, found.subjects, found.sources));
  ANEMONE_TRY(found.scores, score_rows(documents, scores, options, found.alpha));
  if (options.by_length) {
    ANEMONE_TRY(found.lengths, length_tables(scores, found.scores, options));
  }
  if (!has_common(found))
    return with_hint(
        fail(ErrorCode::mismatch, "no two of the results have anything to compare in common{}",
             configurations_in_words(found)),
        "compare evaluations of one task, or benchmarks of one configuration");
  found.configuration = shown_configuration(documents, found);
  for (size_t i = 0; i < scores.size(); ++i)
    for (const auto& [task, samples] : scores[i].samples)
      found.subjects[i].sources.push_back(samples.source);
  add_notes(found);
  return found;
}

}  // namespace anemone::compare
