#include <cmath>
#include <nlohmann/json.hpp>

#include "anemone/report.h"
#include "anemone/version.h"

namespace anemone::report {
namespace {

using Json = nlohmann::ordered_json;
using compare::Comparison;
using compare::Figure;

Json number(const std::optional<double>& value) {
  return value && std::isfinite(*value) ? Json(*value) : Json();
}

Json interval(const std::optional<statistics::Interval>& value) {
  return value ? Json{value->low, value->high} : Json();
}

Json text_or_null(const std::string& text) { return text.empty() ? Json() : Json(text); }

Json count_or_null(const std::optional<int64_t>& count) { return count ? Json(*count) : Json(); }

Json origins_json(const std::vector<compare::Origin>& origins) {
  Json list = Json::array();
  for (const compare::Origin& origin : origins)
    list.push_back({{"source", origin.source}, {"key", origin.key}});
  return list;
}

Json figure_json(const Figure& figure) {
  return {{"value", number(figure.value)},
          {"interval", interval(figure.interval)},
          {"standard_error", number(figure.standard_error)},
          {"predicted", figure.predicted},
          {"origins", origins_json(figure.origins)}};
}

Json figures_json(const std::vector<Figure>& figures) {
  Json list = Json::array();
  for (const Figure& figure : figures) list.push_back(figure_json(figure));
  return list;
}

Json direction(const std::optional<bool>& higher_is_better) {
  return higher_is_better ? Json(*higher_is_better) : Json();
}

Json pairing_json(const compare::Pairing& pairing) {
  return {{"matched", pairing.matched},
          {"only_reference", pairing.only_reference},
          {"only_subject", pairing.only_subject},
          {"different", pairing.different}};
}

Json difference_json(const compare::Difference& each) {
  Json flips = Json::array();
  for (const compare::Flip& flip : each.shown_flips)
    flips.push_back({{"doc_id", flip.document},
                     {"reference", number(flip.reference)},
                     {"subject", number(flip.subject)},
                     {"reference_answer", text_or_null(flip.reference_answer)},
                     {"answer", text_or_null(flip.answer)}});
  const bool counted = each.method == compare::Method::mcnemar;
  return {{"difference", number(each.value)},
          {"interval", interval(each.interval)},
          {"p", number(each.p)},
          {"adjusted_p", number(each.adjusted_p)},
          {"method", to_string(each.method)},
          {"verdict", to_string(each.verdict)},
          {"reason", text_or_null(each.reason)},
          {"origins", origins_json(each.origins)},
          {"tested", count_or_null(each.tested)},
          {"scored_reference", count_or_null(each.scored_reference)},
          {"scored_subject", count_or_null(each.scored_subject)},
          {"pairing", each.pairing ? pairing_json(*each.pairing) : Json()},
          {"only_reference_right", counted ? Json(each.only_reference_right) : Json()},
          {"only_subject_right", counted ? Json(each.only_subject_right) : Json()},
          {"same_metric", number(each.same_metric)},
          {"same_answer", number(each.same_answer)},
          {"mean_distance", number(each.mean_distance)},
          {"largest_distance", number(each.largest_distance)},
          {"flips", each.flips},
          {"shown_flips", std::move(flips)}};
}

Json sources_json(const Comparison& found) {
  Json list = Json::array();
  for (const compare::Source& source : found.sources)
    list.push_back({{"path", source.path.string()},
                    {"sha256", source.sha256},
                    {"kind", to_string(source.kind)},
                    {"tool", text_or_null(source.tool)},
                    {"model", text_or_null(source.model)},
                    {"model_hash", text_or_null(source.model_hash)},
                    {"numerics", text_or_null(source.numerics)},
                    {"machine", text_or_null(source.machine)},
                    {"simulated", source.simulated}});
  return list;
}

Json measures_json(const Comparison& found) {
  Json list = Json::array();
  for (const compare::Measure& measure : found.measures)
    list.push_back({{"name", measure.name},
                    {"title", measure.title},
                    {"configuration", text_or_null(measure.group)},
                    {"unit", text_or_null(to_string(measure.unit))},
                    {"higher_is_better", direction(measure.higher_is_better)},
                    {"figures", figures_json(measure.figures)},
                    {"ratios", figures_json(measure.ratios)},
                    {"note", text_or_null(measure.note)}});
  return list;
}

Json scores_json(const Comparison& found) {
  Json list = Json::array();
  for (const compare::ScoreRow& row : found.scores) {
    Json differences = Json::array();
    for (size_t i = 0; i < row.differences.size(); ++i)
      differences.push_back(i == 0 ? Json() : difference_json(row.differences[i]));
    Json documents = Json::array();
    for (const int64_t count : row.documents) documents.push_back(count > 0 ? Json(count) : Json());
    list.push_back({{"task", row.task},
                    {"metric", row.metric},
                    {"filter", row.filter},
                    {"group", row.is_group},
                    {"higher_is_better", direction(row.higher_is_better)},
                    {"documents", std::move(documents)},
                    {"figures", figures_json(row.figures)},
                    {"differences", std::move(differences)}});
  }
  return list;
}

Json lengths_json(const Comparison& found) {
  Json list = Json::array();
  for (const compare::LengthTable& table : found.lengths) {
    Json buckets = Json::array();
    for (const compare::LengthBucket& bucket : table.buckets)
      buckets.push_back({{"from_words", bucket.from_words},
                         {"to_words", bucket.to_words ? Json(*bucket.to_words) : Json()},
                         {"documents", bucket.documents},
                         {"figures", figures_json(bucket.figures)},
                         {"differences", figures_json(bucket.differences)}});
    list.push_back({{"task", table.task},
                    {"metric", table.metric},
                    {"filter", table.filter},
                    {"measured", table.measured},
                    {"buckets", std::move(buckets)}});
  }
  return list;
}

}  // namespace

std::string comparison_json(const Comparison& found) {
  Json subjects = Json::array();
  for (const compare::Subject& subject : found.subjects)
    subjects.push_back({{"label", subject.label}, {"sources", subject.sources}});
  const Json document = {{"anemone_comparison", 1},
                         {"version", version()},
                         {"settings",
                          {{"confidence", found.bootstrap.confidence},
                           {"alpha", found.alpha},
                           {"resamples", found.bootstrap.resamples},
                           {"seed", found.bootstrap.seed}}},
                         {"sources", sources_json(found)},
                         {"subjects", std::move(subjects)},
                         {"configuration", text_or_null(found.configuration)},
                         {"measures", measures_json(found)},
                         {"scores", scores_json(found)},
                         {"lengths", lengths_json(found)},
                         {"notes", found.notes}};
  return document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace anemone::report
