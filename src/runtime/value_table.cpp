#include "runtime/value_table.h"

#include "base/check.h"
#include "base/error.h"
#include "mil/resolve.h"

namespace anemone::runtime {
namespace {

// Results smaller than this are expanded at once; larger compressed constants wait for a consumer.
constexpr int64_t kSmallConstantElements = 1024;

// A value beyond this is a broken program rather than a large model.
constexpr int64_t kMaxValueBytes = int64_t{1} << 40;

}  // namespace

bool is_known(const mil::ValueType& type) {
  const auto stored = mil::storage_type(type);
  return stored && !stored->variable_rank && stored->shape.is_known();
}

ValueId ValueTable::find(std::string_view name) const {
  const auto found = names_.find(name);
  return found == names_.end() ? kNoValue : found->second;
}

DType ValueTable::storage_dtype(DType dtype) const {
  return request_.numerics == Numerics::fp32 && dtype == DType::fp16 ? DType::fp32 : dtype;
}

ValueId ValueTable::add(std::string_view name, mil::ValueType type, Place place) {
  const auto id = static_cast<ValueId>(plan_.values.size());
  const auto stored = mil::storage_type(type);
  plan_.values.push_back(
      PlanValue{.name = std::string(name),
                .type = std::move(type),
                .storage_dtype = storage_dtype(stored ? stored->dtype : DType::fp32),
                .place = place});
  if (!name.empty()) names_[name] = id;
  return id;
}

ValueId ValueTable::add_constant(std::string_view name, Constant constant) {
  const ValueId id = add(name, constant.type, Place::constant);
  if (constant.tensor.defined()) value(id).storage_dtype = constant.tensor.dtype();
  value(id).constant = std::make_shared<const Constant>(std::move(constant));
  return id;
}

mil::Operand ValueTable::operand_of(ValueId id) {
  PlanValue& bound = value(id);
  const bool constant = bound.place == Place::constant;
  const Tensor* tensor =
      constant && !bound.constant->is_compressed() ? &bound.constant->tensor : nullptr;
  return mil::Operand{.type = &bound.type, .value = tensor, .constant = constant};
}

void choose(Plan& plan, const mil::Operation& operation, std::string_view kernel) {
  plan.choices.push_back(
      {std::string(operation.display_name()), operation.type, std::string(kernel)});
}

Status check_size(const mil::ValueType& type) {
  const auto stored = mil::storage_type(type);
  if (!stored || !is_known(type) || stored->dtype == DType::string) return {};
  const auto count = checked_element_count(stored->shape.dims());
  const auto bytes = count ? checked_byte_count(DType::fp64, *count) : std::nullopt;
  if (!bytes || *bytes > kMaxValueBytes)
    return fail(ErrorCode::limit, "a value of shape {} is too large", stored->shape.to_string());
  return {};
}

Status ValueTable::check_memory(uint64_t more_bytes) const {
  if (held_bytes_ <= request_.memory_limit_bytes &&
      more_bytes <= request_.memory_limit_bytes - held_bytes_)
    return {};
  return fail(ErrorCode::limit,
              "function '{}' needs at least {} bytes of memory besides its weights, the limit is "
              "{}",
              request_.function.name, held_bytes_ + more_bytes, request_.memory_limit_bytes);
}

Status ValueTable::hold(const mil::ValueType& type, DType dtype) {
  const auto stored = mil::storage_type(type);
  if (!stored || dtype == DType::string) return {};
  const auto bytes = checked_byte_count(dtype, stored->shape.element_count());
  ANEMONE_CHECK(bytes.has_value(), "check_size bounds every value");
  held_bytes_ += static_cast<uint64_t>(*bytes);
  return check_memory(0);
}

Status ValueTable::fold(const mil::Operation& operation, const Step& step,
                        std::vector<mil::ValueType> types) {
  CompressedConstant source{
      .op = step.op, .offsets = step.offsets, .output_types = types, .opset = plan_.opset};
  for (const ValueId id : step.operands) source.operands.push_back(value(id).constant);
  const bool is_constexpr = operation.type.starts_with("constexpr_");
  if (!is_constexpr)
    for (mil::ValueType& type : source.output_types)
      type.tensor.dtype = storage_dtype(type.tensor.dtype);
  const auto shared = std::make_shared<const CompressedConstant>(std::move(source));
  for (size_t i = 0; i < types.size(); ++i) {
    Constant constant{.type = types[i], .compressed = shared, .output = i};
    if (!is_constexpr || types[i].tensor.shape.element_count() <= kSmallConstantElements) {
      ANEMONE_RETURN_IF_ERROR(hold(types[i], storage_dtype(types[i].tensor.dtype)));
      ANEMONE_TRY(constant.tensor, constant.expand());
      constant.compressed.reset();
    }
    add_constant(operation.outputs[i].name, std::move(constant));
  }
  choose(plan_, operation, "constant");
  return {};
}

void ValueTable::fold_shape(const mil::Operation& operation, const Shape& shape,
                            const mil::ValueType& type) {
  Tensor dims = Tensor::zeros(type.tensor.dtype, type.tensor.shape);
  for (size_t axis = 0; axis < shape.rank(); ++axis)
    dims.set(static_cast<int64_t>(axis), static_cast<double>(shape[axis]));
  add_constant(operation.outputs[0].name, Constant{.type = type, .tensor = std::move(dims)});
  choose(plan_, operation, "constant");
}

Status ValueTable::expand(ValueId id) {
  PlanValue& bound = value(id);
  if (bound.place != Place::constant || !bound.constant->is_compressed()) return {};
  ANEMONE_RETURN_IF_ERROR(hold(bound.type, bound.storage_dtype));
  ANEMONE_TRY(Tensor tensor, bound.constant->expand());
  bound.storage_dtype = tensor.dtype();
  bound.constant =
      std::make_shared<const Constant>(Constant{.type = bound.type, .tensor = std::move(tensor)});
  return {};
}

void ValueTable::convert_constant(ValueId id, DType dtype) {
  PlanValue& bound = value(id);
  if (bound.place != Place::constant || bound.storage_dtype == dtype) return;
  bound.storage_dtype = dtype;
  bound.constant = std::make_shared<const Constant>(
      Constant{.type = bound.type, .tensor = bound.constant->tensor.converted(dtype)});
}

}  // namespace anemone::runtime
