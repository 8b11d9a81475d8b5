#include "runtime/weights.h"

#include <cstring>

#include "base/check.h"
#include "base/error.h"
#include "runtime/arguments.h"
#include "runtime/compressed_weight.h"

namespace anemone::runtime {
namespace {

/// Equal for constants that stand on the same bytes in the same way.
void append_identity(const Constant& constant, std::string& key) {
  if (!constant.is_compressed()) {
    key += fmt::format("{}:{}{};", static_cast<const void*>(constant.tensor.bytes().data()),
                       to_string(constant.tensor.dtype()), constant.tensor.shape().to_string());
    return;
  }
  key += fmt::format("{}[{}](", constant.compressed->op->name, constant.output);
  for (const ConstantPtr& operand : constant.compressed->operands) append_identity(*operand, key);
  key += ")";
}

template <typename T>
void pack_panels(const T* from, const WeightView& view, T* to) {
  constexpr int64_t kWidth = kernels::kPanelColumns;
  for (int64_t column = 0; column < view.columns; ++column)
    for (int64_t k = 0; k < view.depth; ++k)
      to[(column / kWidth * view.depth + k) * kWidth + column % kWidth] =
          view.columns_first ? from[column * view.depth + k] : from[k * view.columns + column];
}

Status pack_dense(const Tensor& tensor, const WeightView& view, PackedWeight& packed) {
  if (tensor.dtype() != DType::fp16 && tensor.dtype() != DType::fp32)
    return pack_dense(tensor.converted(DType::fp32), view, packed);
  const bool is_fp16 = tensor.dtype() == DType::fp16;
  const int64_t panels = (view.columns + kernels::kPanelColumns - 1) / kernels::kPanelColumns;
  const auto elements = static_cast<size_t>(panels * view.depth * kernels::kPanelColumns);
  packed.bytes.resize(elements * (is_fp16 ? sizeof(uint16_t) : sizeof(float)));
  if (is_fp16)
    pack_panels(tensor.values<uint16_t>().data(), view,
                reinterpret_cast<uint16_t*>(packed.bytes.data()));
  else
    pack_panels(tensor.values<float>().data(), view, reinterpret_cast<float*>(packed.bytes.data()));
  packed.matrix.form = kernels::Matrix::Form::panels;
  packed.matrix.is_fp16 = is_fp16;
  packed.matrix.padded = true;
  packed.matrix.data = packed.bytes.data();
  packed.matrix.panel_stride = view.depth * kernels::kPanelColumns;
  packed.matrix.depth_stride = kernels::kPanelColumns;
  packed.description = is_fp16 ? "fp16" : "fp32";
  return {};
}

}  // namespace

Result<std::shared_ptr<const PackedWeight>> Weights::pack(const ConstantPtr& constant,
                                                          const WeightView& view) {
  std::string key = fmt::format("{}x{}{} ", view.columns, view.depth, view.columns_first);
  append_identity(*constant, key);
  if (const auto found = packed_.find(key); found != packed_.end())
    if (auto living = found->second.lock()) return living;
  auto packed = std::make_shared<PackedWeight>();
  packed->source = constant;
  packed->matrix.columns = view.columns;
  packed->matrix.depth = view.depth;
  if (!constant->is_compressed() || !view.columns_first || !pack_compressed(*constant, *packed)) {
    ANEMONE_TRY(const Tensor dense, constant->expand());
    ANEMONE_RETURN_IF_ERROR(pack_dense(dense, view, *packed));
  }
  std::erase_if(packed_, [](const auto& entry) { return entry.second.expired(); });
  packed_[std::move(key)] = packed;
  return std::shared_ptr<const PackedWeight>(std::move(packed));
}

}  // namespace anemone::runtime
