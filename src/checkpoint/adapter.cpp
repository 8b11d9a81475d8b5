#include "checkpoint/adapter.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

#include "base/error.h"

namespace anemone::checkpoint {
namespace {

/// The first element that is NaN or an infinity: one that has all bits of `exponent`.
template <typename Bits>
std::optional<int64_t> first_not_finite(const Tensor& tensor, Bits exponent) {
  const auto values = tensor.values<Bits>();
  const auto found =
      std::ranges::find_if(values, [exponent](Bits bits) { return (bits & exponent) == exponent; });
  if (found == values.end()) return std::nullopt;
  return found - values.begin();
}

std::optional<int64_t> first_not_finite(const Tensor& tensor) {
  switch (tensor.dtype()) {
    case DType::fp16:
      return first_not_finite<uint16_t>(tensor, 0x7c00);
    case DType::bf16:
      return first_not_finite<uint16_t>(tensor, 0x7f80);
    case DType::fp32:
      return first_not_finite<uint32_t>(tensor, 0x7f800000);
    case DType::fp64:
      return first_not_finite<uint64_t>(tensor, 0x7ff0000000000000);
    case DType::fp8e4m3fn:  // has no infinity, and one NaN of each sign
      return first_not_finite<uint8_t>(tensor, 0x7f);
    case DType::fp8e5m2:
      return first_not_finite<uint8_t>(tensor, 0x7c);
    default:
      return std::nullopt;
  }
}

/// A tensor of the adapter. Errors: corrupt (NaN or an infinity, which would else be found in the
/// merged weight and seem to be the base's).
Result<Tensor> read_own(const TensorSource& adapter, const std::string& name) {
  ANEMONE_TRY(Tensor tensor, adapter.read(name));
  if (const auto at = first_not_finite(tensor))
    return fail(ErrorCode::corrupt, "the adapter's tensor '{}' holds {}", name, tensor.at(*at));
  return tensor;
}

/// A matrix in fp32, transposed if asked for.
Result<Tensor> as_matrix(Result<Tensor> read, bool transposed) {
  ANEMONE_TRY(const Tensor stored, std::move(read));
  const Tensor matrix = stored.dtype() == DType::fp32 ? stored : stored.converted(DType::fp32);
  if (!transposed) return matrix;
  const int64_t rows = matrix.shape()[0];
  const int64_t columns = matrix.shape()[1];
  Tensor turned = Tensor::zeros(DType::fp32, {columns, rows});
  const auto from = matrix.values<float>();
  const auto to = turned.mutable_values<float>();
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t column = 0; column < columns; ++column)
      to[static_cast<size_t>(column * rows + row)] =
          from[static_cast<size_t>(row * columns + column)];
  return turned;
}

Result<Tensor> merge(const TensorSource& base, const TensorSource& adapter, const std::string& name,
                     const LowRankUpdate& update) {
  const bool has_own = !update.weight.empty();
  ANEMONE_TRY(const Tensor weight,
              as_matrix(has_own ? read_own(adapter, update.weight) : base.read(name),
                        update.weight_transposed));
  ANEMONE_TRY(const Tensor a, as_matrix(read_own(adapter, update.a), update.a_transposed));
  ANEMONE_TRY(const Tensor b, as_matrix(read_own(adapter, update.b), update.b_transposed));
  Tensor magnitude;
  if (!update.magnitude.empty()) {
    ANEMONE_TRY(magnitude, read_own(adapter, update.magnitude));
  }
  const auto outputs = static_cast<size_t>(weight.shape()[0]);
  const auto inputs = static_cast<size_t>(weight.shape()[1]);
  const auto rank = static_cast<size_t>(a.shape()[0]);
  Tensor merged = Tensor::zeros(DType::fp32, update.weight_transposed
                                                 ? Shape{weight.shape()[1], weight.shape()[0]}
                                                 : weight.shape());
  const auto a_values = a.values<float>();
  const auto b_values = b.values<float>();
  const auto weights = weight.values<float>();
  const auto out = merged.mutable_values<float>();
  std::vector<double> row(inputs);
  for (size_t o = 0; o < outputs; ++o) {
    std::ranges::fill(row, 0.0);
    for (size_t k = 0; k < rank; ++k) {
      const auto factor = static_cast<double>(b_values[o * rank + k]);
      const auto a_row = a_values.subspan(k * inputs, inputs);
      for (size_t i = 0; i < inputs; ++i) row[i] += factor * static_cast<double>(a_row[i]);
    }
    double squares = 0;
    for (size_t i = 0; i < inputs; ++i) {
      row[i] = static_cast<double>(weights[o * inputs + i]) + update.scale * row[i];
      squares += row[i] * row[i];
    }
    double factor = 1;
    if (magnitude.defined()) {
      if (squares == 0)
        return fail(ErrorCode::corrupt, "tensor '{}': row {} is zero and cannot be normalised",
                    name, o);
      factor = magnitude.at(static_cast<int64_t>(o)) / std::sqrt(squares);
    }
    const size_t first = update.weight_transposed ? o : o * inputs;
    const size_t step = update.weight_transposed ? outputs : 1;
    for (size_t i = 0; i < inputs; ++i) out[first + i * step] = static_cast<float>(factor * row[i]);
  }
  return merged;
}

class Adapted : public TensorSource {
 public:
  Adapted(std::shared_ptr<const TensorSource> base, std::shared_ptr<const TensorSource> adapter,
          AdapterPlan plan)
      : base_(std::move(base)), adapter_(std::move(adapter)), plan_(std::move(plan)) {
    for (TensorInfo info : base_->tensors()) {
      const auto replaced = plan_.replaced.find(info.name);
      const bool updated = plan_.updates.contains(info.name);
      if (updated) info.dtype = DType::fp32;
      if (replaced != plan_.replaced.end()) info.dtype = adapter_->find(replaced->second)->dtype;
      if (updated || replaced != plan_.replaced.end()) info.adaptation = plan_.adaptation;
      infos_.push_back(std::move(info));
    }
  }

  std::span<const TensorInfo> tensors() const override { return infos_; }

  Result<Tensor> read(std::string_view name) const override {
    if (const auto found = plan_.updates.find(name); found != plan_.updates.end())
      return merge(*base_, *adapter_, found->first, found->second);
    if (const auto found = plan_.replaced.find(name); found != plan_.replaced.end())
      return read_own(*adapter_, found->second);
    return base_->read(name);
  }

  void release() const override {
    base_->release();
    adapter_->release();
  }

 private:
  std::shared_ptr<const TensorSource> base_;
  std::shared_ptr<const TensorSource> adapter_;
  AdapterPlan plan_;
  std::vector<TensorInfo> infos_;
};

void check_update(const TensorSource& base, const TensorSource& adapter, const std::string& name,
                  const LowRankUpdate& update, std::vector<std::string>& faults) {
  const TensorInfo* weight = base.find(name);
  const TensorInfo* a = adapter.find(update.a);
  const TensorInfo* b = adapter.find(update.b);
  if (weight == nullptr || a == nullptr || b == nullptr) {
    faults.push_back(fmt::format("'{}' is not in the base", name));
    return;
  }
  const auto matrix = [](const TensorInfo& info) {
    return info.shape.rank() == 2 && is_float(info.dtype);
  };
  bool fits = matrix(*weight) && matrix(*a) && matrix(*b);
  int64_t outputs = 0;
  if (fits) {
    outputs = weight->shape[update.weight_transposed ? 1 : 0];
    const int64_t inputs = weight->shape[update.weight_transposed ? 0 : 1];
    fits = a->shape[update.a_transposed ? 0 : 1] == inputs &&
           b->shape[update.b_transposed ? 1 : 0] == outputs &&
           a->shape[update.a_transposed ? 1 : 0] == b->shape[update.b_transposed ? 0 : 1];
  }
  if (!fits)
    faults.push_back(fmt::format("'{}' {} {} does not take A {} {} and B {} {}", name,
                                 to_string(weight->dtype), weight->shape.to_string(),
                                 to_string(a->dtype), a->shape.to_string(), to_string(b->dtype),
                                 b->shape.to_string()));
  if (!update.weight.empty()) {
    const TensorInfo* own = adapter.find(update.weight);
    if (!is_float(own->dtype) || own->shape != weight->shape)
      faults.push_back(fmt::format("'{}' is {} {}, that of the base {} {}", own->name,
                                   to_string(own->dtype), own->shape.to_string(),
                                   to_string(weight->dtype), weight->shape.to_string()));
  }
  if (!fits || update.magnitude.empty()) return;
  const TensorInfo* magnitude = adapter.find(update.magnitude);
  if (!is_float(magnitude->dtype) || magnitude->shape.element_count() != outputs)
    faults.push_back(fmt::format("magnitude '{}' has shape {}, expected [{}]", magnitude->name,
                                 magnitude->shape.to_string(), outputs));
}

}  // namespace

Result<AdapterModules> collect_modules(
    const TensorSource& adapter,
    std::span<const std::pair<std::string_view, AdapterRole>> suffixes) {
  AdapterModules modules;
  for (const TensorInfo& info : adapter.tensors()) {
    const auto suffix = std::ranges::find_if(
        suffixes, [&](const auto& entry) { return info.name.ends_with(entry.first); });
    if (suffix == suffixes.end()) {
      modules.others.push_back(info.name);
      continue;
    }
    const std::string module = info.name.substr(0, info.name.size() - suffix->first.size());
    AdapterModule& entry = modules.pairs[module];
    const AdapterRole role = suffix->second;
    std::string& slot = role == AdapterRole::magnitude ? entry.magnitude
                        : role == AdapterRole::a || role == AdapterRole::embedding_a ? entry.a
                                                                                     : entry.b;
    if (!slot.empty())
      return fail(ErrorCode::mismatch, "'{}' and '{}' are the same part of a module", slot,
                  info.name);
    slot = info.name;
    entry.is_embedding |= role == AdapterRole::embedding_a || role == AdapterRole::embedding_b;
  }
  std::vector<std::string> faults;
  for (const auto& [module, entry] : modules.pairs)
    if (entry.a.empty() || entry.b.empty())
      faults.push_back(fmt::format("module '{}' has no {}", module,
                                   entry.a.empty() ? "A (lora_A)" : "B (lora_B)"));
  ANEMONE_RETURN_IF_ERROR(faults_error(faults));
  return modules;
}

const TensorInfo* find_in_base(const TensorSource& base, std::string_view name) {
  if (const TensorInfo* same = base.find(name)) return same;
  const size_t dot = name.find('.');
  return dot == std::string_view::npos ? nullptr : base.find(name.substr(dot + 1));
}

bool ends_with_module(std::string_view module, std::string_view target) {
  return !target.empty() && module.ends_with(target) &&
         (module.size() == target.size() || module[module.size() - target.size() - 1] == '.');
}

Status faults_error(const std::vector<std::string>& faults) {
  if (faults.empty()) return {};
  if (faults.size() == 1) return fail(ErrorCode::mismatch, "{}", faults[0]);
  constexpr size_t kShown = 3;
  const size_t shown = std::min(kShown, faults.size());
  return fail(ErrorCode::mismatch, "{} faults: {}{}", faults.size(),
              fmt::join(faults.begin(), faults.begin() + static_cast<ptrdiff_t>(shown), "; "),
              shown < faults.size() ? fmt::format("; … {} more", faults.size() - shown) : "");
}

Result<std::shared_ptr<const TensorSource>> apply_adapter(
    std::shared_ptr<const TensorSource> base, std::shared_ptr<const TensorSource> adapter,
    AdapterPlan plan) {
  std::vector<std::string> faults;
  std::set<std::string> used;
  for (const auto& [name, update] : plan.updates) {
    used.insert({update.a, update.b, update.magnitude, update.weight});
    check_update(*base, *adapter, name, update, faults);
    if (plan.replaced.contains(name))
      faults.push_back(fmt::format("'{}' is both updated and replaced", name));
  }
  for (const auto& [name, replacement] : plan.replaced) {
    used.insert(replacement);
    const TensorInfo* old = base->find(name);
    const TensorInfo* added = adapter->find(replacement);
    if (old == nullptr || added == nullptr)
      faults.push_back(fmt::format("'{}' is not in the base", name));
    else if (old->shape != added->shape)
      faults.push_back(fmt::format("'{}' has shape {}, that of the base {}", replacement,
                                   added->shape.to_string(), old->shape.to_string()));
  }
  for (const TensorInfo& info : adapter->tensors())
    if (!used.contains(info.name))
      faults.push_back(fmt::format("the adapter's tensor '{}' is not used", info.name));
  ANEMONE_RETURN_IF_ERROR(faults_error(faults));
  return std::shared_ptr<const TensorSource>(
      std::make_shared<Adapted>(std::move(base), std::move(adapter), std::move(plan)));
}

}  // namespace anemone::checkpoint
