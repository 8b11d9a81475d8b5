#include "models/rope_scaling.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace anemone::models {
namespace {

using checkpoint::ConfigReader;

/// The kinds below fill in what they change of the unscaled embedding.
struct Scaling {
  ConfigReader fields;
  const RopeDefaults& defaults;
  int64_t rotary_dim;
  ScaledRope result;

  std::vector<double>& inv_freq() { return result.rope.inv_freq; }
};

void scale_linear(Scaling& scaling) {
  const double factor = scaling.fields.positive_number("factor");
  for (double& frequency : scaling.inv_freq()) frequency /= factor;
}

/// Within the trained context the base is unchanged.
void scale_dynamic(Scaling& scaling) {
  (void)scaling.fields.positive_number("factor");
  scaling.fields.ignore({"original_max_position_embeddings"});
}

/// Long waves are slowed by the factor, short ones kept, those between blended.
void scale_llama3(Scaling& scaling) {
  const double factor = scaling.fields.positive_number("factor");
  const double low = scaling.fields.positive_number("low_freq_factor");
  const double high = scaling.fields.positive_number("high_freq_factor");
  const auto context =
      static_cast<double>(scaling.fields.integer("original_max_position_embeddings"));
  if (high <= low) {
    scaling.fields.reject("high_freq_factor", "must be above low_freq_factor");
    return;
  }
  for (double& frequency : scaling.inv_freq()) {
    const double turns = context * frequency / (2 * std::numbers::pi);  // within the old context.
    const double kept = std::clamp((turns - low) / (high - low), 0.0, 1.0);
    frequency *= (1 - kept) / factor + kept;
  }
}

double yarn_magnitude(double factor, double weight) {
  return factor <= 1 ? 1 : 0.1 * weight * std::log(factor) + 1;
}

/// As llama3, but the blend is linear in the index of the pair.
void scale_yarn(Scaling& scaling) {
  ConfigReader& fields = scaling.fields;
  const double factor = fields.positive_number("factor");
  const double fast = fields.optional_number("beta_fast").value_or(32);
  const double slow = fields.optional_number("beta_slow").value_or(1);
  const auto attention_factor = fields.optional_number("attention_factor");
  const double scale = fields.optional_number("mscale").value_or(0);
  const double all_dims_scale = fields.optional_number("mscale_all_dim").value_or(0);
  const bool truncates = fields.flag("truncate", true);
  const auto context =
      static_cast<double>(fields.optional_integer("original_max_position_embeddings")
                              .value_or(scaling.defaults.max_positions));
  if (fast <= 0) fields.reject("beta_fast", "must be above 0");
  if (slow <= 0) fields.reject("beta_slow", "must be above 0");
  if (scaling.defaults.theta <= 1) fields.reject("rope_theta", "must be above 1 for yarn");
  if (fast <= 0 || slow <= 0 || scaling.defaults.theta <= 1) return;

  const auto dim = static_cast<double>(scaling.rotary_dim);
  const auto index_of = [&](double turns) {
    return dim * std::log(context / (turns * 2 * std::numbers::pi)) /
           (2 * std::log(scaling.defaults.theta));
  };
  double first = index_of(fast);
  double last = index_of(slow);
  if (truncates) first = std::floor(first), last = std::ceil(last);
  first = std::max(first, 0.0);
  last = std::min(last, dim - 1);
  if (first == last) last += 0.001;  // transformers' own way out of the division.
  for (size_t i = 0; i < scaling.inv_freq().size(); ++i) {
    const double slowed = std::clamp((static_cast<double>(i) - first) / (last - first), 0.0, 1.0);
    scaling.inv_freq()[i] *= slowed / factor + (1 - slowed);
  }
  const bool weighted = scale != 0 && all_dims_scale != 0;
  const double inferred =
      weighted ? yarn_magnitude(factor, scale) / yarn_magnitude(factor, all_dims_scale)
               : yarn_magnitude(factor, 1);
  scaling.result.rope.attention_scaling = attention_factor.value_or(inferred);
}

/// How long the context of the original model was, by the field beside the scaling or in it.
/// Versions of transformers differ about the latter in the older form: 4.57 passes over it.
std::optional<int64_t> read_original(Scaling& scaling, bool has_attention_factor) {
  ConfigReader& fields = scaling.fields;
  const auto beside = scaling.defaults.original_max_positions;
  const auto inside = fields.optional_integer("original_max_position_embeddings");
  if (beside && inside && beside != inside)
    fields.reject("original_max_position_embeddings",
                  fmt::format("{}, but {} beside the scaling", *inside, *beside));
  if (!beside && inside && scaling.defaults.is_older_form && !has_attention_factor &&
      inside != scaling.defaults.max_positions)
    fields.refuse("original_max_position_embeddings",
                  "versions of transformers read it differently here; attention_factor or "
                  "rope_parameters say what is meant");
  return beside ? beside : inside;
}

/// A divisor for each pair, from one list for texts within the original context and from another
/// for longer ones.
void scale_longrope(Scaling& scaling) {
  ConfigReader& fields = scaling.fields;
  const auto divisors = fields.numbers("short_factor");
  const auto long_divisors = fields.numbers("long_factor");
  const auto given_factor = fields.optional_number("factor");
  const auto attention_factor = fields.optional_number("attention_factor");
  const auto named = read_original(scaling, attention_factor.has_value());
  const int64_t max_positions = scaling.defaults.max_positions;
  const int64_t original = named.value_or(max_positions);
  for (const auto& [key, list] :
       {std::pair("short_factor", divisors), std::pair("long_factor", long_divisors)}) {
    if (!list || list->size() != scaling.inv_freq().size() || std::ranges::min(*list) <= 0) {
      fields.reject(key, fmt::format("expected {} numbers above 0", scaling.inv_freq().size()));
      return;
    }
  }
  Rope& rope = scaling.result.rope;
  const bool is_beside = scaling.defaults.original_max_positions.has_value();
  if (original < max_positions && (is_beside || !scaling.defaults.is_older_form)) {
    rope.long_positions = max_positions;
    rope.long_inv_freq = rope.inv_freq;
    for (size_t i = 0; i < long_divisors->size(); ++i) rope.long_inv_freq[i] /= (*long_divisors)[i];
  }
  for (size_t i = 0; i < divisors->size(); ++i) rope.inv_freq[i] /= (*divisors)[i];
  const double ratio = static_cast<double>(max_positions) / static_cast<double>(original);
  if (!named && !given_factor && !attention_factor)
    fields.reject("factor", "missing, and original_max_position_embeddings as well");
  const double factor = is_beside ? ratio : given_factor.value_or(ratio);
  const double inferred =
      factor <= 1 ? 1 : std::sqrt(1 + std::log(factor) / std::log(static_cast<double>(original)));
  if (!std::isfinite(inferred))
    fields.reject("original_max_position_embeddings", "must be above 1");
  rope.attention_scaling = attention_factor.value_or(inferred);
  scaling.result.max_positions = std::min(max_positions, original);
}

std::string read_kind(ConfigReader& fields) {
  const std::string older = fields.word("type", "");
  const std::string kind = fields.word("rope_type", older.empty() ? "default" : older);
  if (!older.empty() && older != kind)
    fields.reject("type", fmt::format("\"{}\" contradicts rope_type \"{}\"", older, kind));
  return kind;
}

constexpr std::pair<std::string_view, void (*)(Scaling&)> kKinds[] = {
    {"default", [](Scaling&) {}}, {"linear", scale_linear}, {"dynamic", scale_dynamic},
    {"llama3", scale_llama3},     {"yarn", scale_yarn},     {"longrope", scale_longrope},
    {"su", scale_longrope},
};

}  // namespace

ScaledRope scaled_rope(std::optional<ConfigReader> fields, const RopeDefaults& given) {
  RopeDefaults defaults = given;
  if (fields) {
    defaults.theta = fields->positive_number("rope_theta", given.theta);
    defaults.partial_factor =
        fields->positive_number("partial_rotary_factor", given.partial_factor);
    if (defaults.partial_factor > 1 || (defaults.partial_factor < 1 && !given.allows_partial))
      fields->refuse("partial_rotary_factor", "not supported here");
  }
  ScaledRope result;
  result.max_positions = defaults.max_positions;
  const auto rotary_dim = static_cast<int64_t>(static_cast<double>(defaults.head_dim) *
                                               std::min(defaults.partial_factor, 1.0));
  for (int64_t i = 0; i < rotary_dim; i += 2) {
    const double exponent = static_cast<double>(i) / static_cast<double>(rotary_dim);
    result.rope.inv_freq.push_back(std::pow(defaults.theta, -exponent));
  }
  if (!fields) return result;
  const std::string name = read_kind(*fields);
  const auto kind = std::ranges::find(kKinds, name, [](const auto& e) { return e.first; });
  if (kind == std::end(kKinds)) {
    fields->refuse("rope_type", fmt::format("unknown kind \"{}\"", name));
    return result;
  }
  Scaling scaling{*fields, defaults, rotary_dim, std::move(result)};
  kind->second(scaling);
  return std::move(scaling.result);
}

ScaledRope read_rope(ConfigReader& config, const RopeDefaults& given) {
  RopeDefaults defaults = given;
  defaults.theta = config.positive_number("rope_theta", given.theta);
  defaults.partial_factor = config.positive_number("partial_rotary_factor", 1);
  if (defaults.partial_factor > 1 || (defaults.partial_factor < 1 && !given.allows_partial))
    config.refuse("partial_rotary_factor", "not supported here");
  auto older = config.object("rope_scaling");
  auto newer = config.object("rope_parameters");
  if (older && newer) config.reject("rope_scaling", "stands beside rope_parameters");
  defaults.is_older_form = older.has_value();
  ScaledRope result = scaled_rope(newer ? newer : older, defaults);
  if (defaults.head_dim % 2 != 0 || result.rope.inv_freq.empty())
    config.reject("head_dim", "a rotary embedding needs an even number of dimensions");
  return result;
}

}  // namespace anemone::models
