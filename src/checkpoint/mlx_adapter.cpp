#include <algorithm>
#include <charconv>

#include "base/error.h"
#include "checkpoint/adapter_formats.h"

namespace anemone::checkpoint {
namespace {

constexpr std::pair<std::string_view, AdapterRole> kSuffixes[] = {
    {".lora_a", AdapterRole::a}, {".lora_b", AdapterRole::b}, {".m", AdapterRole::magnitude}};

/// Fields that are read here, or that only matter while training.
constexpr std::string_view kKnown[] = {"adapter_path",
                                       "batch_size",
                                       "clear_cache_threshold",
                                       "config",
                                       "data",
                                       "fine_tune_type",
                                       "grad_accumulation_steps",
                                       "grad_checkpoint",
                                       "hf_dataset",
                                       "iters",
                                       "learning_rate",
                                       "lora_parameters",
                                       "lr_schedule",
                                       "mask_prompt",
                                       "max_seq_length",
                                       "model",
                                       "num_layers",
                                       "optimizer",
                                       "optimizer_config",
                                       "project_name",
                                       "report_to",
                                       "resume_adapter_file",
                                       "save_every",
                                       "seed",
                                       "steps_per_eval",
                                       "steps_per_report",
                                       "test",
                                       "test_batches",
                                       "train",
                                       "val_batches",
                                       "wandb"};
constexpr std::string_view kKnownParameters[] = {"dropout", "keys", "rank", "scale"};

bool is_listed(const Json& keys, std::string_view module) {
  if (!keys.is_array()) return true;
  for (const Json& key : keys)
    if (key.is_string() && ends_with_module(module, key.get<std::string>())) return true;
  return false;
}

/// The number of the first part of a name that follows a part "layers"; -1 if none.
int32_t layer_of(std::string_view name) {
  constexpr std::string_view kLayers = "layers.";
  size_t at = name.find(kLayers);
  while (at != std::string_view::npos && at > 0 && name[at - 1] != '.')
    at = name.find(kLayers, at + 1);
  if (at == std::string_view::npos) return -1;
  const std::string_view rest = name.substr(at + kLayers.size());
  int32_t layer = -1;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), layer);
  return error == std::errc() && end != rest.data() + rest.size() && *end == '.' ? layer : -1;
}

/// The first layer that MLX adapts: the last num_layers ones, or all where that is not positive.
int64_t first_layer(const Json& config, const TensorSource& base) {
  const Json wanted = config.value("num_layers", Json());
  if (!wanted.is_number_integer() || wanted.get<int64_t>() <= 0) return 0;
  int32_t last = -1;
  for (const TensorInfo& info : base.tensors()) last = std::max(last, layer_of(info.name));
  return int64_t{last} + 1 - wanted.get<int64_t>();
}

}  // namespace

Result<AdapterPlan> plan_mlx(const Json& config, const TensorSource& adapter,
                             const TensorSource& base) {
  ANEMONE_RETURN_IF_ERROR(refuse_unknown(config, kKnown, "config"));
  const Json type = config.value("fine_tune_type", Json("lora"));
  AdapterPlan plan;
  if (type == "full") {
    for (const TensorInfo& info : adapter.tensors()) plan.replaced[info.name] = info.name;
    return plan;
  }
  if (type != "lora" && type != "dora")
    return fail(ErrorCode::unsupported, "config: fine_tune_type {}", type.dump());
  const Json parameters = config.value("lora_parameters", Json::object());
  if (!parameters.is_object())
    return fail(ErrorCode::corrupt, "config: lora_parameters is {}, expected an object",
                parameters.type_name());
  ANEMONE_RETURN_IF_ERROR(refuse_unknown(parameters, kKnownParameters, "config: lora_parameters"));
  ANEMONE_TRY(const double rank, positive(parameters, "rank"));
  ANEMONE_TRY(const double scale, positive(parameters, "scale"));
  const Json keys = parameters.value("keys", Json());
  ANEMONE_TRY(const AdapterModules modules, collect_modules(adapter, kSuffixes));
  const int64_t first = first_layer(config, base);
  std::vector<std::string> faults;
  for (const auto& [module, tensors] : modules.pairs) {
    const Shape& a = adapter.find(tensors.a)->shape;
    const Shape& b = adapter.find(tensors.b)->shape;
    const TensorInfo* weight = find_in_base(base, module + ".weight");
    if (weight == nullptr) {
      faults.push_back(fmt::format("module '{}' is not in the base", module));
      continue;
    }
    if (const int64_t layer = layer_of(weight->name); layer >= 0 && layer < first)
      faults.push_back(fmt::format("module '{}' is not in the last {} layers (num_layers)", module,
                                   config.at("num_layers").dump()));
    if (!is_listed(keys, module))
      faults.push_back(fmt::format("module '{}' is not among the config's keys", module));
    if (a.rank() != 2 || static_cast<double>(a[1]) != rank)
      faults.push_back(
          fmt::format("'{}' has shape {}, expected rank {}", tensors.a, a.to_string(), rank));
    if ((type == "dora") == tensors.magnitude.empty())
      faults.push_back(fmt::format("module '{}' has {} magnitude, fine_tune_type is {}", module,
                                   tensors.magnitude.empty() ? "no" : "a", type.dump()));
    LowRankUpdate update{tensors.a, tensors.b, tensors.magnitude, true, true};
    update.scale = scale;
    // An embedding [V, E] takes lora_a [V, r] · lora_b [r, E] as it is.
    const Shape& w = weight->shape;
    if (w.rank() == 2 && a.rank() == 2 && b.rank() == 2 && w[0] != w[1] && w[0] == a[0] &&
        w[1] == b[1]) {
      if (!tensors.magnitude.empty())
        return fail(ErrorCode::unsupported, "module '{}': DoRA of an embedding", module);
      update = {tensors.b, tensors.a, "", false, false, false, scale};
    }
    plan.updates[weight->name] = std::move(update);
  }
  for (const std::string& tensor : modules.others)
    faults.push_back(fmt::format("'{}' is no part of LoRA", tensor));
  ANEMONE_RETURN_IF_ERROR(faults_error(faults));
  return plan;
}

}  // namespace anemone::checkpoint
