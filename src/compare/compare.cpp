#include "anemone/compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "base/error.h"
#include "compare/document.h"
#include "compare/lengths.h"
#include "compare/measures.h"
#include "compare/notes.h"
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
/// of it for a configuration and, where their weights are not compressed, the checkpoint. Empty
/// where it does not say.
std::set<std::string> hashes_of(const Document& document) {
  std::set<std::string> hashes = {document.source.model_hash};
  if (document.source.kind == Kind::bench)
    for (const eval::Value& each : document.content["configurations"]) {
      const eval::Value& artifact = eval::at(each, "artifact");
      hashes.insert(eval::text_at(artifact, "hash"));
      const std::string scheme = eval::text_at(each, "quantize");
      if (scheme.empty() || scheme == "fp16")
        hashes.insert(eval::text_at(artifact, "checkpoint_hash"));
    }
  hashes.erase("");
  return hashes;
}

std::string short_hashes(const std::set<std::string>& hashes) {
  constexpr size_t kEnough = 23;  // as on the page: "blake3:" and 16 digits
  std::vector<std::string> words;
  for (const std::string& hash : hashes) words.push_back(hash.substr(0, kEnough));
  return listed(words);
}

bool makes_packages(const Document& document) {
  if (document.source.kind != Kind::bench) return false;
  return std::ranges::any_of(document.content["configurations"], [](const eval::Value& each) {
    return eval::at(eval::at(each, "artifact"), "converted") == eval::Value(true);
  });
}

/// Results of one subject are of one model, as far as they say of which they are.
Status check_models(const std::vector<Subject>& subjects, const std::vector<Document>& documents) {
  std::vector<std::set<std::string>> hashes;
  for (const Document& document : documents) hashes.push_back(hashes_of(document));
  for (const Subject& subject : subjects)
    for (size_t i = 1; i < subject.sources.size(); ++i)
      for (size_t j = 0; j < i; ++j) {
        const Document& first = documents[subject.sources[j]];
        const Document& second = documents[subject.sources[i]];
        const auto& a = hashes[subject.sources[j]];
        const auto& b = hashes[subject.sources[i]];
        const auto is_shared = [&](const std::string& hash) { return b.contains(hash); };
        if (a.empty() || b.empty() || std::ranges::any_of(a, is_shared)) continue;
        return with_hint(
            fail(ErrorCode::mismatch, "'{}': {} is of the model {}, {} of {}", subject.label,
                 first.source.path.string(), short_hashes(a), second.source.path.string(),
                 short_hashes(b)),
            makes_packages(first) || makes_packages(second)
                ? "a benchmark that compresses a checkpoint names the packages that it made: "
                  "evaluate one of them, or give each result a label of its own"
                : "results of one label are of the same packages: give each model a label of its "
                  "own");
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
  constexpr double kDigits = 1e15;  // 0.05, where 1 - 0.95 is 0.050000000000000044
  found.alpha = std::round((1 - options.bootstrap.confidence) * kDigits) / kDigits;
  for (const Document& document : documents) found.sources.push_back(document.source);
  found.subjects = subjects_of(inputs, documents);
  ANEMONE_RETURN_IF_ERROR(check_models(found.subjects, documents));
  if (found.subjects.size() < 2)
    return with_hint(fail(ErrorCode::invalid_argument, "all results are of '{}', two are needed",
                          found.subjects[0].label),
                     "labels tell runs apart: before=a.json after=b.json");
  ANEMONE_TRY(found.measures, measures(documents, found.subjects, options, found.notes));
  ANEMONE_TRY(const auto scores, collect_scores(documents, found.subjects, found.sources));
  ANEMONE_TRY(found.scores, score_rows(documents, scores, options, found.alpha));
  if (options.by_length) {
    ANEMONE_TRY(found.lengths, length_tables(scores, found.scores, options));
  }
  if (!has_common(found)) return nothing_in_common(found, documents);
  found.configuration = shown_configuration(documents, found);
  for (size_t i = 0; i < scores.size(); ++i)
    for (const auto& [task, samples] : scores[i].samples)
      found.subjects[i].sources.push_back(samples.source);
  add_notes(found, documents);
  return found;
}

}  // namespace anemone::compare
