#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <set>

#include "base/error.h"
#include "checkpoint/adapter_formats.h"

namespace anemone::checkpoint {
namespace {

constexpr std::string_view kPrefix = "base_model.model.";

constexpr std::pair<std::string_view, AdapterRole> kSuffixes[] = {
    {".lora_A.weight", AdapterRole::a},
    {".lora_B.weight", AdapterRole::b},
    {".lora_embedding_A", AdapterRole::embedding_a},
    {".lora_embedding_B", AdapterRole::embedding_b},
    {".lora_magnitude_vector", AdapterRole::magnitude},
    {".lora_magnitude_vector.weight", AdapterRole::magnitude},
};

/// Fields that are read here, or whose value only matters while training or for finding files.
constexpr std::string_view kKnown[] = {"alpha_pattern",
                                       "auto_mapping",
                                       "base_model_name_or_path",
                                       "bias",
                                       "corda_config",
                                       "eva_config",
                                       "exclude_modules",
                                       "fan_in_fan_out",
                                       "inference_mode",
                                       "init_lora_weights",
                                       "layers_pattern",
                                       "layers_to_transform",
                                       "loftq_config",
                                       "lora_alpha",
                                       "lora_dropout",
                                       "lora_ga_config",
                                       "megatron_core",
                                       "modules_to_save",
                                       "peft_type",
                                       "peft_version",
                                       "qalora_group_size",
                                       "r",
                                       "rank_pattern",
                                       "revision",
                                       "runtime_config",
                                       "target_modules",
                                       "task_type",
                                       "use_dora",
                                       "use_rslora"};

bool flag(const Json& config, const char* key) {
  const auto found = config.find(key);
  return found != config.end() && found->is_boolean() && found->get<bool>();
}

Status check_fields(const Json& config) {
  const Json type = config.value("peft_type", Json());
  if (type != "LORA")
    return fail(ErrorCode::unsupported, "config: peft_type {}, known is \"LORA\"", type.dump());
  ANEMONE_RETURN_IF_ERROR(refuse_unknown(config, kKnown, "config"));
  for (const char* key : {"use_dora", "use_rslora", "fan_in_fan_out"})
    if (config.contains(key) && !config.at(key).is_boolean() && !config.at(key).is_null())
      return fail(ErrorCode::corrupt, "config: {} is {}, expected true or false", key,
                  config.at(key).dump());
  // Other ways to begin (pissa, olora, loftq …) change the base, which is not the one at hand.
  constexpr std::array kInits = {"gaussian", "eva", "orthogonal"};
  const Json init = config.value("init_lora_weights", Json(true));
  if (!init.is_boolean() && !init.is_null() && std::ranges::find(kInits, init) == kInits.end())
    return fail(ErrorCode::unsupported, "config: init_lora_weights {} changes the base",
                init.dump());
  const Json bias = config.value("bias", Json("none"));
  if (bias != "none" && bias != "all" && bias != "lora_only")
    return fail(ErrorCode::unsupported, "config: bias {}", bias.dump());
  return {};
}

/// A number with others for some modules. PEFT takes the first key that is the module's name or its
/// end from a dot on; with ^ before it, the whole name alone.
class Pattern {
 public:
  /// Errors: unsupported (a key that is a regular expression), corrupt (no object).
  static Result<Pattern> read(const Json& config, const char* field, const char* fallback) {
    Pattern pattern(config, field, fallback);
    const auto found = config.find(field);
    if (found == config.end() || is_unset(*found)) return pattern;
    if (!found->is_object())
      return fail(ErrorCode::corrupt, "config: {} is {}, expected an object", field,
                  found->type_name());
    pattern.entries_ = &*found;
    for (const auto& [key, value] : found->items()) {
      const size_t first = key.starts_with('^') ? 1 : 0;
      if (key.find_first_of("*+?[](){}|\\$^", first) != std::string::npos)
        return fail(ErrorCode::unsupported, "config: {} has the regular expression '{}'", field,
                    key);
      pattern.unused_.insert(key);
    }
    return pattern;
  }

  /// Two keys that fit and disagree are a fault: PEFT sorts them when it saves, so what was trained
  /// with the first is loaded with another.
  Result<double> value_for(std::string_view module, std::vector<std::string>& faults) {
    const std::string* chosen = nullptr;
    if (entries_ != nullptr) {
      for (const auto& entry : entries_->items()) {
        const std::string& key = entry.key();
        if (!fits(key, module)) continue;
        const auto known = unused_.find(key);
        if (known != unused_.end()) unused_.erase(known);
        if (chosen == nullptr)
          chosen = &key;
        else if (entry.value() != entries_->at(*chosen))
          faults.push_back(
              fmt::format("{}: '{}' and '{}' both fit module '{}'", field_, *chosen, key, module));
      }
    }
    return chosen == nullptr ? positive(config_, fallback_) : positive(*entries_, *chosen);
  }

  /// A key that fits nothing would be passed over in silence, or was meant for another version's
  /// way of fitting.
  void report_unused(std::vector<std::string>& faults) const {
    for (const std::string& key : unused_)
      faults.push_back(fmt::format("{}: '{}' fits no module of the adapter", field_, key));
  }

 private:
  Pattern(const Json& config, const char* field, const char* fallback)
      : config_(config), field_(field), fallback_(fallback) {}

  static bool fits(std::string_view key, std::string_view module) {
    return key.starts_with('^') ? module == key.substr(1) : ends_with_module(module, key);
  }

  const Json& config_;
  const char* field_;
  const char* fallback_;
  const Json* entries_ = nullptr;
  std::set<std::string> unused_;
};

/// The number of the layer that a module is in: PEFT takes the last number that is a component with
/// a name before and after it. -1 if none.
int64_t layer_of(std::string_view module, const Json& patterns) {
  std::vector<std::string_view> parts;
  for (size_t begin = 0; begin <= module.size();) {
    const size_t end = std::min(module.find('.', begin), module.size());
    parts.push_back(module.substr(begin, end - begin));
    begin = end + 1;
  }
  const auto is_wanted = [&](std::string_view part) {
    if (is_unset(patterns)) return true;
    return patterns.is_array() ? std::ranges::find(patterns, Json(part)) != patterns.end()
                               : patterns == Json(part);
  };
  for (size_t i = parts.size(); i-- > 2;) {
    int64_t layer = -1;
    const std::string_view part = parts[i - 1];
    const auto [last, error] = std::from_chars(part.data(), part.data() + part.size(), layer);
    if (error == std::errc() && last == part.data() + part.size() && is_wanted(parts[i - 2]))
      return layer;
  }
  return -1;
}

/// Whether a list of the config names a module. Anything but a list (a regular expression) is
/// `otherwise`.
bool is_listed(const Json& config, const char* field, std::string_view module, bool otherwise) {
  const Json names = config.value(field, Json());
  return names.is_array()
             ? std::ranges::any_of(names,
                                   [&](const Json& name) {
                                     return name.is_string() &&
                                            ends_with_module(module, name.get<std::string>());
                                   })
             : otherwise;
}

/// Whether the config says that a module is adapted. A regular expression is not held against it:
/// the tensors themselves say so.
bool is_targeted(const Json& config, std::string_view module) {
  const bool named = is_listed(config, "target_modules", module, true);
  const Json layers = config.value("layers_to_transform", Json());
  if (!named || layers.is_null()) return named;
  const int64_t layer = layer_of(module, config.value("layers_pattern", Json()));
  return layers.is_array() ? std::ranges::find(layers, Json(layer)) != layers.end()
                           : layers == Json(layer);
}

std::string without_prefix(const std::string& name) {
  return name.starts_with(kPrefix) ? name.substr(kPrefix.size()) : name;
}

constexpr std::string_view kOwnWeight = ".base_layer.weight";

/// "lm_head.modules_to_save.default.weight" and "lm_head.weight" mean the same, and what LoRA wraps
/// keeps its tensors as ".base_layer".
std::string without_wrapper(std::string name) {
  for (const std::string_view wrapper :
       {".modules_to_save.default", ".modules_to_save", ".base_layer"})
    if (const size_t at = name.find(wrapper); at != std::string::npos)
      name.erase(at, wrapper.size());
  return name;
}

/// PEFT saves every module whose name ends with one of modules_to_save, from a dot on or not, and
/// embeddings as a whole when the vocabulary was resized.
bool is_saved(const Json& config, const std::string& name) {
  const Json modules = config.value("modules_to_save", Json());
  if (modules.is_array() && std::ranges::any_of(modules, [&](const Json& module) {
        return module.is_string() && !module.get<std::string>().empty() &&
               name.find(module.get<std::string>() + ".") != std::string::npos;
      }))
    return true;
  for (const std::string_view embedding : {"embed_tokens.weight", "lm_head.weight"})
    if (ends_with_module(name, embedding)) return true;
  return config.value("bias", Json("none")) != "none" && name.ends_with(".bias");
}

/// What an adapter lacks that was saved before its end, or in part: PEFT adapts every module that
/// fits a target, and saves every one of modules_to_save. Experts may be one tensor of all while
/// training, which no target fits.
void report_missing(const Json& config, const TensorSource& base, const AdapterPlan& plan,
                    std::vector<std::string>& faults) {
  constexpr std::string_view kWeight = ".weight";
  const Json targets = config.value("target_modules", Json());
  const Json excluded = config.value("exclude_modules", Json());
  const bool is_known = targets.is_array() && (is_unset(excluded) || excluded.is_array());
  for (const TensorInfo& info : base.tensors()) {
    if (!is_known || !info.name.ends_with(kWeight) || info.shape.rank() != 2) continue;
    const std::string module = info.name.substr(0, info.name.size() - kWeight.size());
    if (plan.updates.contains(info.name) || plan.replaced.contains(info.name) ||
        module.find(".experts.") != std::string::npos || !is_targeted(config, module) ||
        is_listed(config, "exclude_modules", module, false))
      continue;
    faults.push_back(fmt::format(
        "module '{}' is among the config's targets, and the adapter has no pair for it", module));
  }
  const Json saved = config.value("modules_to_save", Json());
  if (!saved.is_array()) return;
  for (const Json& entry : saved) {
    const std::string part = entry.is_string() ? entry.get<std::string>() + "." : "";
    if (part.size() < 2) continue;
    const auto is_of = [&](std::string_view name) { return name.find(part) != name.npos; };
    const auto in_base = std::ranges::find_if(base.tensors(), is_of, &TensorInfo::name);
    if (in_base == base.tensors().end() ||
        std::ranges::any_of(plan.replaced, is_of, [](const auto& pair) { return pair.first; }))
      continue;
    faults.push_back(fmt::format("'{}' is in modules_to_save, and the adapter has no tensor of it",
                                 entry.get<std::string>()));
  }
}

}  // namespace

Result<AdapterPlan> plan_peft(const Json& config, const TensorSource& adapter,
                              const TensorSource& base) {
  ANEMONE_RETURN_IF_ERROR(check_fields(config));
  ANEMONE_TRY(const AdapterModules modules, collect_modules(adapter, kSuffixes));
  ANEMONE_TRY(auto ranks, Pattern::read(config, "rank_pattern", "r"));
  ANEMONE_TRY(auto alphas, Pattern::read(config, "alpha_pattern", "lora_alpha"));
  AdapterPlan plan;
  plan.adaptation = Adaptation::one_use;
  std::vector<std::string> faults;
  std::set<std::string, std::less<>> others(modules.others.begin(), modules.others.end());
  for (const auto& [prefixed, tensors] : modules.pairs) {
    const std::string module = without_prefix(prefixed);
    ANEMONE_TRY(const double rank, ranks.value_for(module, faults));
    ANEMONE_TRY(const double alpha, alphas.value_for(module, faults));
    LowRankUpdate update{tensors.a, tensors.b, tensors.magnitude};
    update.scale = alpha / (flag(config, "use_rslora") ? std::sqrt(rank) : rank);
    if (!is_targeted(config, module))
      faults.push_back(fmt::format("module '{}' is not among the config's targets", module));
    if (is_listed(config, "exclude_modules", module, false))
      faults.push_back(fmt::format("module '{}' is among the config's exclude_modules", module));
    if (flag(config, "use_dora") == tensors.magnitude.empty())
      faults.push_back(fmt::format("module '{}' has {} magnitude, use_dora is {}", module,
                                   tensors.magnitude.empty() ? "no" : "a",
                                   flag(config, "use_dora")));
    if (tensors.is_embedding && !tensors.magnitude.empty())
      return fail(ErrorCode::unsupported, "module '{}': DoRA of an embedding", module);
    const Shape& a = adapter.find(tensors.a)->shape;
    const Shape& b = adapter.find(tensors.b)->shape;
    if (a.rank() != 2 || static_cast<double>(a[0]) != rank)
      faults.push_back(
          fmt::format("'{}' has shape {}, expected rank r = {}", tensors.a, a.to_string(), rank));
    const TensorInfo* weight = find_in_base(base, module + ".weight");
    if (weight == nullptr) {
      faults.push_back(fmt::format("module '{}' is not in the base", module));
      continue;
    }
    // An embedding [V, E] is fed like a transposed linear layer of V inputs.
    const bool fits_transposed = weight->shape.rank() == 2 && a.rank() == 2 && b.rank() == 2 &&
                                 weight->shape[0] == a[1] && weight->shape[1] == b[0];
    update.weight_transposed =
        tensors.is_embedding || (flag(config, "fan_in_fan_out") && fits_transposed);
    if (auto own = others.extract(prefixed + std::string(kOwnWeight))) update.weight = own.value();
    plan.updates[weight->name] = std::move(update);
  }
  for (const std::string& tensor : others) {
    const std::string name = without_wrapper(without_prefix(tensor));
    const TensorInfo* target = find_in_base(base, name);
    if (!is_saved(config, name))
      faults.push_back(fmt::format("'{}' is no part of LoRA and not in modules_to_save", tensor));
    else if (target == nullptr)
      faults.push_back(fmt::format("'{}' is not in the base", name));
    else
      plan.replaced[target->name] = tensor;
  }
  if (faults.empty()) report_missing(config, base, plan, faults);
  ranks.report_unused(faults);
  alphas.report_unused(faults);
  ANEMONE_RETURN_IF_ERROR(faults_error(faults));
  return plan;
}

}  // namespace anemone::checkpoint
