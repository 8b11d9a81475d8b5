#include "package/weight_plan.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "base/error.h"
#include "package/program_values.h"
#include "package/type_numbers.h"
#include "package/weight_file.h"

namespace anemone::package {
namespace {

using mil::Value;
using mil::ValueType;

bool is_deferred(const Value& value) { return value.blob && !value.tensor.defined(); }

/// coremltools' rule for constants that do not come from a weight file.
bool is_large(const Tensor& tensor, int64_t specification_version) {
  constexpr int64_t kFewest = 10;
  if (tensor.element_count() < kFewest || !blob_number(tensor.dtype())) return false;
  switch (tensor.dtype()) {
    case DType::int16:
    case DType::int32:
    case DType::uint16:
    case DType::uint32:
      return specification_version >= 9;
    default:
      return true;
  }
}

/// What a constant is called in errors.
std::string name_of(const Value& value) {
  return is_deferred(value)
             ? fmt::format("constant '{}' ({})", value.blob->path, to_string(value.type))
             : fmt::format("a constant {}", to_string(value.type));
}

Status check_tensor(const Value& value) {
  const mil::TensorType& type = value.type.tensor;
  const auto count = type.variable_rank ? std::nullopt : checked_element_count(type.shape.dims());
  if (!count) return fail(ErrorCode::mismatch, "{}: expected a known shape", name_of(value));
  if (is_deferred(value)) {
    if (checked_byte_count(type.dtype, *count)) return {};
    return fail(ErrorCode::limit, "{}: larger than any file", name_of(value));
  }
  if (!value.tensor.defined())
    return fail(ErrorCode::invalid_argument, "{} has neither contents nor a reference",
                name_of(value));
  if (value.tensor.dtype() != type.dtype || value.tensor.shape() != type.shape)
    return fail(ErrorCode::mismatch, "{} holds {} {}", name_of(value),
                to_string(value.tensor.dtype()), value.tensor.shape().to_string());
  return {};
}

uint64_t aligned(uint64_t offset) {
  return (offset + kWeightAlignment - 1) / kWeightAlignment * kWeightAlignment;
}

/// FNV-1a of the first bytes: enough to tell most tensors of one size apart, without reading them.
uint64_t fingerprint(std::span<const std::byte> bytes) {
  constexpr size_t kFirst = 1024;
  uint64_t hash = 0xcbf29ce484222325;
  for (const std::byte byte : bytes.first(std::min(kFirst, bytes.size())))
    hash = (hash ^ std::to_integer<uint64_t>(byte)) * 0x100000001b3;
  return hash;
}

}  // namespace

WeightPlan::Key WeightPlan::key_of(const Value& value) {
  const mil::TensorType& type = value.type.tensor;
  const int64_t count = type.shape.element_count();
  if (is_deferred(value))
    return {nullptr, value.blob->path, value.blob->offset_bytes, type.dtype, count};
  return {value.tensor.bytes().data(), {}, 0, type.dtype, count};
}

std::optional<size_t> WeightPlan::find_equal(const Tensor& tensor) {
  auto& alike = alike_[{tensor.dtype(), tensor.element_count(), fingerprint(tensor.bytes())}];
  const auto equal = std::ranges::find_if(alike, [&](size_t index) {
    const std::span<const std::byte> other = blobs_[index].tensor.bytes();
    return other.empty() || std::memcmp(other.data(), tensor.bytes().data(), other.size()) == 0;
  });
  if (equal != alike.end()) return *equal;
  alike.push_back(blobs_.size());
  return std::nullopt;
}

Status WeightPlan::add(const Value& value) {
  const mil::TensorType& type = value.type.tensor;
  if (!blob_number(type.dtype))
    return fail(ErrorCode::unsupported, "{}: weight files hold no {}", name_of(value),
                to_string(type.dtype));
  const Key key = key_of(value);
  if (const auto known = index_.find(key); known != index_.end()) {
    of_value_.emplace(&value, known->second);
    return {};
  }
  if (!is_deferred(value)) {
    if (const auto equal = find_equal(value.tensor)) {
      index_.emplace(key, *equal);
      of_value_.emplace(&value, *equal);
      return {};
    }
  } else {
    const auto& [data, path, offset, dtype, count] = key;
    const auto other = index_.lower_bound({data, path, offset, dtype, 0});
    if (other != index_.end() && std::get<1>(other->first) == path &&
        std::get<2>(other->first) == offset && std::get<3>(other->first) == dtype)
      return fail(ErrorCode::mismatch, "{}: the same reference stands for {} elements elsewhere",
                  name_of(value), std::get<4>(other->first));
  }
  index_.emplace(key, blobs_.size());
  of_value_.emplace(&value, blobs_.size());
  PlannedBlob& blob = blobs_.emplace_back();
  blob.type = type;
  blob.tensor = value.tensor;
  if (value.blob) blob.reference = *value.blob;
  blob.size_bytes =
      static_cast<uint64_t>(*checked_byte_count(type.dtype, type.shape.element_count()));
  return {};
}

Status WeightPlan::place() {
  constexpr uint64_t kMost = std::numeric_limits<int64_t>::max();
  file_bytes_ = kWeightAlignment;
  for (PlannedBlob& blob : blobs_) {
    blob.offset_bytes = aligned(file_bytes_);
    if (blob.size_bytes > kMost - blob.offset_bytes - 2 * kWeightAlignment)
      return fail(ErrorCode::limit, "the weight file would have more than {} bytes", kMost);
    file_bytes_ = blob.offset_bytes + kWeightAlignment + blob.size_bytes;
  }
  if (blobs_.size() > std::numeric_limits<uint32_t>::max())
    return fail(ErrorCode::limit, "{} constants in one weight file, at most {}", blobs_.size(),
                std::numeric_limits<uint32_t>::max());
  return {};
}

Result<WeightPlan> WeightPlan::make(const mil::Program& program, int64_t specification_version) {
  WeightPlan plan;
  Status status;
  for_each_value(program, [&](const Value& value, ValuePlace where) {
    if (!status.ok() || value.type.kind != ValueType::Kind::tensor) return;
    status = check_tensor(value);
    if (!status.ok()) return;
    if (value.blob ||
        (where == ValuePlace::weight && is_large(value.tensor, specification_version)))
      status = plan.add(value);
  });
  ANEMONE_RETURN_IF_ERROR(std::move(status));
  ANEMONE_RETURN_IF_ERROR(plan.place());
  return plan;
}

std::optional<uint64_t> WeightPlan::find(const Value& value) const {
  const auto found = of_value_.find(&value);
  if (found == of_value_.end()) return std::nullopt;
  return blobs_[found->second].offset_bytes;
}

}  // namespace anemone::package
