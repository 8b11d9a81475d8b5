#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "checkpoint/adapter_formats.h"

namespace anemone::checkpoint {
namespace {

constexpr std::pair<std::string_view, AdapterRole> kSuffixes[] = {
    {".lora_a", AdapterRole::a},        {".lora_b", AdapterRole::b},
    {".lora_A", AdapterRole::a},        {".lora_B", AdapterRole::b},
    {".lora_A.weight", AdapterRole::a}, {".lora_B.weight", AdapterRole::b}};

/// The config may be that of a whole model; of its fields only those of LoRA are judged.
constexpr std::string_view kKnown[] = {"lora_alpha", "lora_dropout", "lora_rank"};

bool has_shape(const Shape& shape, int64_t rows, int64_t columns) {
  return shape.rank() == 2 && shape[0] == rows && shape[1] == columns;
}

}  // namespace

Result<AdapterPlan> plan_bare(const Json& config, const TensorSource& adapter,
                              const TensorSource& base) {
  Json of_lora = Json::object();
  for (const auto& [key, value] : config.items())
    if (key.find("lora") != std::string::npos || key.find("dora") != std::string::npos)
      of_lora[key] = value;
  ANEMONE_RETURN_IF_ERROR(refuse_unknown(of_lora, kKnown, "config"));
  ANEMONE_TRY(const double rank_number, positive(config, "lora_rank"));
  ANEMONE_TRY(const double alpha, positive(config, "lora_alpha"));
  constexpr double kLargestRank = 1 << 20;
  if (rank_number > kLargestRank || std::floor(rank_number) != rank_number)
    return fail(ErrorCode::corrupt, "config: lora_rank is {}", rank_number);
  const auto rank = static_cast<int64_t>(rank_number);
  const Json targets = config.value("target_modules", Json());

  ANEMONE_TRY(const AdapterModules modules, collect_modules(adapter, kSuffixes));
  AdapterPlan plan;
  std::vector<std::string> faults;
  bool all_input_first = true;  // [in, r] with [r, out]
  bool all_rank_first = true;   // [r, in] with [out, r]
  for (const auto& [key, tensors] : modules.pairs) {
    constexpr std::string_view kWeight = ".weight";
    const std::string module =
        key.ends_with(kWeight) ? key.substr(0, key.size() - kWeight.size()) : key;
    const TensorInfo* weight = find_in_base(base, module + std::string(kWeight));
    if (weight == nullptr || weight->shape.rank() != 2) {
      faults.push_back(fmt::format("module '{}' is not in the base as a matrix", module));
      continue;
    }
    if (targets.is_array() && std::ranges::none_of(targets, [&](const Json& target) {
          return target.is_string() && ends_with_module(module, target.get<std::string>());
        }))
      faults.push_back(fmt::format("module '{}' is not among the config's targets", module));
    const Shape& a = adapter.find(tensors.a)->shape;
    const Shape& b = adapter.find(tensors.b)->shape;
    const int64_t outputs = weight->shape[0];
    const int64_t inputs = weight->shape[1];
    const bool input_first = has_shape(a, inputs, rank) && has_shape(b, rank, outputs);
    const bool rank_first = has_shape(a, rank, inputs) && has_shape(b, outputs, rank);
    if (!input_first && !rank_first)
      faults.push_back(fmt::format("'{}' {} does not take A {} and B {} of rank {}", weight->name,
                                   weight->shape.to_string(), a.to_string(), b.to_string(), rank));
    all_input_first &= input_first;
    all_rank_first &= rank_first;
    plan.updates[weight->name] =
        LowRankUpdate{tensors.a, tensors.b, "", false, false, false, alpha / rank_number};
  }
  for (const std::string& tensor : modules.others)
    faults.push_back(fmt::format("'{}' is no part of LoRA", tensor));
  ANEMONE_RETURN_IF_ERROR(faults_error(faults));
  if (plan.updates.empty()) return fail(ErrorCode::mismatch, "no pairs lora_a and lora_b");
  if (all_input_first == all_rank_first)
    return fail(ErrorCode::mismatch,
                "{} orientation of lora_a and lora_b fits every pair: [in, r] with [r, out], or "
                "[r, in] with [out, r]",
                all_rank_first ? "either" : "neither");
  for (auto& [name, update] : plan.updates) {
    update.a_transposed = all_input_first;
    update.b_transposed = all_input_first;
  }
  return plan;
}

}  // namespace anemone::checkpoint
