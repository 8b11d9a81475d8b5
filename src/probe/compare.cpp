#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "anemone/probe.h"
#include "base/error.h"
#include "probe/channels.h"
#include "probe/difference.h"
#include "probe/joint_products.h"
#include "probe/outliers.h"
#include "probe/point_names.h"

namespace anemone::probe {
namespace {

/// Errors below this are what one rounding to fp16 makes, a few times over; growth is not measured
/// from less.
constexpr double kRounding = 1e-3;

bool ends_branch(std::string_view part) { return part == "attention.out" || part == "mlp.down"; }
bool is_stream(std::string_view name, const PointName& split) {
  return name == "embedding" || (split.layer && (split.part.empty() || split.part == "attention"));
}

std::string listed(const Trace& trace) {
  constexpr size_t kShown = 5;
  std::string text;
  for (size_t i = 0; i < trace.points.size() && i < kShown; ++i)
    text += (i > 0 ? ", " : "") + trace.points[i].name;
  if (trace.points.size() > kShown)
    text += fmt::format(" and {} more", trace.points.size() - kShown);
  return text.empty() ? "nothing" : text;
}

/// model . reference / reference . reference
double ratio_of(const Tensor& reference, const Tensor& model) {
  const auto r = reference.values<float>();
  const auto m = model.values<float>();
  double rm = 0;
  double rr = 0;
  for (size_t i = 0; i < r.size(); ++i) {
    rm += static_cast<double>(r[i]) * static_cast<double>(m[i]);
    rr += static_cast<double>(r[i]) * static_cast<double>(r[i]);
  }
  return rr > 0 ? rm / rr : 1;
}

/// The power of two that the model's stream is multiplied by from the embedding on; 1 when its
/// values there are no such multiple of the reference's.
double stream_scale(const Trace& reference, const Trace& model) {
  constexpr double kNear = 0.02;
  const Tensor* const r = reference.find("embedding");
  const Tensor* const m = model.find("embedding");
  if (r == nullptr || m == nullptr || r->shape() != m->shape()) return 1;
  const double ratio = ratio_of(*r, *m);
  if (!(ratio > 0) || !std::isfinite(ratio)) return 1;
  const double power = std::exp2(std::round(std::log2(ratio)));
  return std::fabs(ratio / power - 1) < kNear ? power : 1;
}

/// What the products of a branch make may carry the scale of the stream or not.
double scale_at(std::string_view name, double stream, const Tensor& reference,
                const Tensor& model) {
  if (stream == 1) return 1;
  const PointName split = split_point(name);
  if (is_stream(name, split)) return stream;
  if (!ends_branch(split.part)) return 1;
  const double ratio = std::log2(std::fabs(ratio_of(reference, model)));
  return std::fabs(ratio - std::log2(stream)) < std::fabs(ratio) ? stream : 1;
}

/// An error, and how much of it is its own: by how many times it grew over that of what the point
/// is made of, and what came on top, both of them relative to the point's length.
struct Growth {
  double times = 0;
  double added = 0;
};

Growth growth(double own, double before) {
  return {own / std::max(before, kRounding), std::sqrt(std::max(0.0, own * own - before * before))};
}

double length_of(const Tensor& tensor) {
  double squares = 0;
  for (const float value : tensor.values<float>())
    squares += static_cast<double>(value) * static_cast<double>(value);
  return std::sqrt(squares);
}

/// A point of the residual stream and its error.
struct StreamPoint {
  const Tensor* reference = nullptr;
  double error = 0;  ///< relative.
};

/// The relative error that a sum of the stream and a branch has when neither adds any: the branch's
/// is that of what its last product makes, whatever scales or normalises it before the sum.
std::optional<double> error_of_terms(const StreamPoint& stream, double branch, const Tensor& sum) {
  if (stream.reference == nullptr || stream.reference->shape() != sum.shape()) return {};
  const auto before = stream.reference->values<float>();
  const auto after = sum.values<float>();
  double squares = 0;
  for (size_t i = 0; i < after.size(); ++i) {
    const double added = static_cast<double>(after[i]) - static_cast<double>(before[i]);
    squares += added * added;
  }
  const double length = length_of(sum);
  if (!(length > 0)) return {};
  return std::hypot(stream.error * length_of(*stream.reference), branch * std::sqrt(squares)) /
         length;
}

/// Products of an mlp that are more than gate, up and down: a router's and those of experts.
bool is_numbered(std::string_view name) { return split_point(name).part.starts_with("mlp.in"); }

/// Whether all are whole numbers, and not all are zero.
bool are_whole(std::span<const float> values) {
  return std::ranges::all_of(values, [](float each) { return each == std::trunc(each); }) &&
         std::ranges::any_of(values, [](float each) { return each != 0; });
}

/// Fills `growth` and says what came on top: what each point is made of comes before it.
std::vector<double> measure_growth(std::vector<PointError>& points, const Trace& reference) {
  StreamPoint stream;
  double branch = 0;  // what the products of the branch read
  double inner = 0;   // the worst of their results
  double end = 0;     // the worst of what its last products make, those of experts with them
  bool has_end = false;
  bool chose_otherwise = false;
  int64_t width = 0;  // channels of the stream
  std::vector<double> added(points.size());
  for (size_t i = 0; i < points.size(); ++i) {
    PointError& point = points[i];
    const PointName split = split_point(point.name);
    const double own = point.relative_l2;
    std::optional<double> before;
    if (is_stream(point.name, split)) {
      const Tensor* const values = reference.find(point.name);
      if (point.name == "embedding")
        before = 0;
      else if (has_end && !chose_otherwise)
        before = error_of_terms(stream, end, *values);
      stream = {values, own};
      width = point.channels;
      chose_otherwise = false;
      branch = own;
      inner = end = 0;
      has_end = false;
    } else if (split.part.ends_with(".norm") || point.name == "final_norm") {
      before = stream.error;
      branch = own;
      inner = 0;
    } else if (ends_branch(split.part)) {
      before = inner > 0 ? inner : branch;
      end = std::max(end, own);
      has_end = true;
    } else if (point.is_choice) {
      chose_otherwise |= own > 0;
    } else if (is_numbered(point.name) && point.channels == width) {
      before = branch;
      end = std::max(end, own);
    } else if (split.layer || point.name == "logits") {
      before = branch;
      inner = std::max(inner, own);
    }
    if (!before) continue;
    const Growth grown = growth(own, *before);
    point.growth = grown.times;
    added[i] = grown.added;
  }
  return added;
}

/// Errors of the channels of points, by the name of the point.
using ChannelErrors = std::map<std::string, std::vector<double>, std::less<>>;

/// Of what norms and products make: a sum has the stray channels of what it adds, and a norm may
/// have those of the residual stream.
void mark_stray_channels(std::vector<PointError>& points, const ChannelErrors& errors) {
  static const std::vector<double> kNothing;
  const std::vector<double>* stream = &kNothing;
  for (PointError& point : points) {
    const PointName split = split_point(point.name);
    const auto own = errors.find(point.name);
    if (own == errors.end()) continue;
    if (is_stream(point.name, split)) {
      stream = &own->second;
      continue;
    }
    if (!point.growth) continue;
    const bool is_norm = split.part.ends_with(".norm") || point.name == "final_norm";
    point.stray_channel = stray_channel(own->second, is_norm ? *stream : kNothing);
    point.stands_out |= point.stray_channel.has_value();
  }
}

/// Numbers that can be ranked, the largest of them finite.
bool has_probabilities(std::span<const float> logits) {
  const bool ranked = std::ranges::none_of(logits, [](float each) { return std::isnan(each); });
  return ranked && std::isfinite(std::ranges::max(logits));
}

/// log p of every token.
std::vector<double> log_softmax(std::span<const float> logits) {
  double highest = -std::numeric_limits<double>::infinity();
  for (const float logit : logits) highest = std::max(highest, static_cast<double>(logit));
  double sum = 0;
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit) - highest);
  std::vector<double> result;
  result.reserve(logits.size());
  for (const float logit : logits)
    result.push_back(static_cast<double>(logit) - highest - std::log(sum));
  return result;
}

void compare_logits(const Tensor& reference, const Tensor& model, Report& report) {
  const auto vocab = static_cast<size_t>(reference.shape()[1]);
  const auto rows = static_cast<size_t>(reference.shape()[0]);
  double agreeing = 0;
  double divergence = 0;
  for (size_t row = 0; row < rows; ++row) {
    const auto r = reference.values<float>().subspan(row * vocab, vocab);
    const auto m = model.values<float>().subspan(row * vocab, vocab);
    if (!has_probabilities(r) || !has_probabilities(m)) {
      divergence = std::numeric_limits<double>::infinity();
      continue;
    }
    agreeing += std::ranges::max_element(r) - r.begin() == std::ranges::max_element(m) - m.begin();
    const auto p = log_softmax(r);
    const auto q = log_softmax(m);
    for (size_t i = 0; i < vocab; ++i)
      if (const double share = std::exp(p[i]); share > 0) divergence += share * (p[i] - q[i]);
  }
  report.top1_agreement = agreeing / static_cast<double>(rows);
  report.kl_divergence = divergence / static_cast<double>(rows);
}

/// Refuses a dump of hidden states whose last, which is taken after the final norm, is not that of
/// the other side's last layer.
Status hold_hidden_states(const Trace& dump, const Trace& other, std::string_view whose) {
  if (!dump.hidden_states) return {};
  const int64_t given = *dump.hidden_states;
  int64_t expected = other.layers > 0 ? other.layers + 1 : other.hidden_states.value_or(given);
  expected = std::max(expected, layers_in(other) + 1);
  if (given == expected) return {};
  return with_hint(
      fail(ErrorCode::mismatch,
           "{} hidden_states has {} entries, expected {}: of {} layers what enters the first and "
           "what each gives, the last of them after the final norm",
           whose, given, expected, expected - 1),
      "write all that transformers gives with output_hidden_states=True, or name single arrays "
      "with --name ARRAY=POINT");
}

template <typename Test>
std::optional<size_t> first(const std::vector<PointError>& points, const Test& test) {
  const auto found = std::ranges::find_if(points, test);
  if (found == points.end()) return {};
  return static_cast<size_t>(found - points.begin());
}

}  // namespace

Result<Report> compare(const Trace& whole_reference, const Trace& whole_model,
                       const Tolerance& tolerance) {
  if (!whole_reference.ids.empty() && !whole_model.ids.empty() &&
      whole_reference.ids != whole_model.ids)
    return fail(ErrorCode::mismatch, "the reference is of {} other token ids than the model's {}",
                whole_reference.ids.size(), whole_model.ids.size());
  ANEMONE_RETURN_IF_ERROR(hold_hidden_states(whole_reference, whole_model, "the reference's"));
  ANEMONE_RETURN_IF_ERROR(hold_hidden_states(whole_model, whole_reference, "the model's"));
  const Trace reference = cut_joint_products(whole_reference, whole_model);
  const Trace model = cut_joint_products(whole_model, whole_reference);
  Report report;
  ChannelErrors channels;
  report.stream_scale = stream_scale(reference, model);
  for (const NamedTensor& point : reference.points) {
    const Tensor* const own = model.find(point.name);
    if (own == nullptr) {
      report.skipped.push_back(point.name + ": only the reference has it");
      continue;
    }
    if (own->shape() != point.tensor.shape()) {
      report.shapes_differ.push_back(fmt::format("{}: {} in the reference, {} in the model",
                                                 point.name, point.tensor.shape().to_string(),
                                                 own->shape().to_string()));
      continue;
    }
    if (own->element_count() == 0) {
      report.skipped.push_back(point.name + ": has no values");
      continue;
    }
    const double scale = scale_at(point.name, report.stream_scale, point.tensor, *own);
    PointError error =
        difference(point.tensor.values<float>(), own->values<float>(), scale, tolerance);
    error.name = point.name;
    error.rows = own->shape()[0];
    error.channels = own->shape()[1];
    error.is_choice = is_numbered(point.name) && are_whole(point.tensor.values<float>()) &&
                      are_whole(own->values<float>());
    channels[point.name] = channel_errors(point.tensor, *own, scale);
    report.points.push_back(std::move(error));
    if (point.name == "logits") compare_logits(point.tensor, *own, report);
  }
  for (const NamedTensor& point : model.points)
    if (reference.find(point.name) == nullptr)
      report.skipped.push_back(point.name + ": only the model has it");
  for (const Trace* side : {&whole_reference, &whole_model})
    report.skipped.insert(report.skipped.end(), side->unread.begin(), side->unread.end());
  if (report.points.empty() && report.shapes_differ.empty())
    return with_hint(
        fail(ErrorCode::mismatch, "no point in common: the reference has {}, the model {}",
             listed(reference), listed(model)),
        "names of a dump are those of points, or are mapped to them");
  std::ranges::stable_sort(report.points, comes_before, &PointError::name);
  mark_outliers(report.points, measure_growth(report.points, reference));
  mark_stray_channels(report.points, channels);
  report.first_over = first(report.points, [](const PointError& point) { return point.over; });
  report.first_different =
      first(report.points, [](const PointError& point) { return point.max_abs > 0; });
  report.first_standing_out =
      first(report.points, [](const PointError& point) { return point.stands_out; });
  return report;
}

}  // namespace anemone::probe
