#include "models/weights.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>

#include "base/check.h"
#include "base/error.h"
#include "base/float16.h"
#include "kernels/kernels.h"

namespace anemone::models {
namespace {

constexpr int64_t kPartBytes = 256 << 10;    // what the nearest caches hold
constexpr int64_t kReleaseBytes = 64 << 20;  // of a tensor that is large by itself

/// Where the wanted elements lie in the stored tensor: element (r, c) of the weight is stored at
/// first + r * row_stride + c * column_stride.
struct Place {
  int64_t rows = 0;
  int64_t columns = 0;
  int64_t first_row = 0;  ///< in the stored tensor: what errors call the first one.
  int64_t first = 0;
  int64_t row_stride = 0;
  int64_t column_stride = 0;
  bool is_contiguous() const { return column_stride == 1 && row_stride == columns; }
};

Shape without_ones(const Shape& shape) {
  Shape result;
  for (const int64_t dim : shape)
    if (dim != 1) result.push_back(dim);
  return result;
}

Result<Place> find_place(const WeightEntry& entry, const Shape& stored) {
  const WeightRef& ref = entry.ref;
  const auto wrong = [&](std::string_view why) {
    return fail(ErrorCode::mismatch, "tensor '{}' has shape {}, {}", ref.name, stored.to_string(),
                why);
  };
  Shape shape = stored;
  int64_t first = 0;
  if (ref.expert >= 0) {
    if (shape.rank() == 0 || ref.expert >= shape[0])
      return wrong(fmt::format("expected an axis of more than {} experts", ref.expert));
    shape.erase(0);
    first = ref.expert * shape.element_count();
  }
  if (shape.rank() == 0 || shape.rank() > 2 || (ref.transposed && shape.rank() != 2))
    return wrong("expected a vector or a matrix");
  Place place;
  place.columns = shape.rank() == 2 ? shape[ref.transposed ? 0 : 1] : 1;
  place.rows = shape[ref.transposed ? 1 : 0];
  place.row_stride = ref.transposed ? 1 : place.columns;
  place.column_stride = ref.transposed ? shape[1] : 1;
  const int64_t wanted = ref.rows < 0 ? place.rows - ref.first_row : ref.rows;
  if (ref.first_row < 0 || ref.first_row > place.rows || wanted < 0 ||
      wanted > place.rows - ref.first_row)
    return wrong(
        fmt::format("expected at least {} rows", ref.first_row + std::max<int64_t>(wanted, 0)));
  place.first_row = ref.first_row;
  place.first = first + ref.first_row * place.row_stride;
  place.rows = wanted;
  const Shape found = shape.rank() == 2 ? Shape{place.rows, place.columns} : Shape{place.rows};
  if (without_ones(found) != without_ones(entry.shape))
    return wrong(fmt::format("expected {} for a constant of shape {}", found.to_string(),
                             entry.shape.to_string()));
  return place;
}

/// The stored elements as floats, by dtype.
float element(const uint16_t* values, int64_t at, DType dtype) {
  return dtype == DType::bf16 ? bf16_to_float(values[at]) : fp16_to_float(values[at]);
}
float element(const float* values, int64_t at, DType) { return values[at]; }
float element(const double* values, int64_t at, DType) { return static_cast<float>(values[at]); }

template <typename T, typename Convert>
void copy_elements(const Place& place, const T* from, Convert&& convert) {
  from += place.first;
  int64_t to = 0;
  for (int64_t row = 0; row < place.rows; ++row)
    for (int64_t column = 0; column < place.columns; ++column)
      convert(from[row * place.row_stride + column * place.column_stride], to++);
}

template <typename T>
void convert(const WeightEntry& entry, const Place& place, const T* from, DType dtype,
             Tensor& result) {
  const auto offset = static_cast<float>(entry.ref.offset);
  const auto scale = static_cast<float>(entry.ref.scale);
  const bool is_as_stored = entry.ref.offset == 0 && entry.ref.scale == 1;
  const auto computed = [&](T stored) {
    const float value = element(&stored, 0, dtype);
    return is_as_stored ? value : (value + offset) * scale;
  };
  if (entry.dtype == DType::fp32) {
    float* to = result.mutable_values<float>().data();
    copy_elements(place, from, [&](T stored, int64_t at) { to[at] = computed(stored); });
    return;
  }
  uint16_t* to = result.mutable_values<uint16_t>().data();
  copy_elements(place, from, [&](T stored, int64_t at) {
    to[at] = std::is_same_v<T, double> && is_as_stored ? double_to_fp16(static_cast<double>(stored))
                                                       : float_to_fp16(computed(stored));
  });
}

Status convert(const WeightEntry& entry, const Place& place, const Tensor& stored, Tensor& result) {
  switch (stored.dtype()) {
    case DType::bf16:
    case DType::fp16:
      convert(entry, place, stored.values<uint16_t>().data(), stored.dtype(), result);
      return {};
    case DType::fp32:
      convert(entry, place, stored.values<float>().data(), stored.dtype(), result);
      return {};
    case DType::fp64:
      convert(entry, place, stored.values<double>().data(), stored.dtype(), result);
      return {};
    default:
      return fail(ErrorCode::unsupported, "tensor '{}' is {}, expected floating-point numbers",
                  entry.ref.name, to_string(stored.dtype()));
  }
}

template <typename T>
bool all_finite(std::span<const T> values, T exponent) {
  // Blocks of a fixed size without branches become vector instructions.
  constexpr size_t kBlock = 64;
  size_t at = 0;
  for (; values.size() - at >= kBlock; at += kBlock) {
    const T* const block = values.data() + at;
    T outside = 0;
    for (size_t i = 0; i < kBlock; ++i)
      outside |= static_cast<T>((block[i] & exponent) == exponent ? 1 : 0);
    if (outside != 0) return false;
  }
  bool finite = true;
  for (const T bits : values.subspan(at)) finite &= (bits & exponent) != exponent;
  return finite;
}

bool is_finite(const Tensor& tensor) {
  return tensor.dtype() == DType::fp16
             ? all_finite<uint16_t>(tensor.values<uint16_t>(), 0x7c00u)
             : all_finite<uint32_t>(tensor.values<uint32_t>(), 0x7f800000u);
}

/// The common case: elements of bf16 side by side. Whether all of `result` is finite.
bool convert_bf16(const Place& place, const uint16_t* from, float scale, Tensor& result) {
  static const kernels::ConversionKernels& kernels = *kernels::kernel_sets().back().conversion;
  from += place.first;
  const int64_t count = place.rows * place.columns;
  return result.dtype() == DType::fp16
             ? kernels.bf16_to_fp16(from, scale, result.mutable_values<uint16_t>().data(), count)
             : kernels.bf16_to_fp32(from, scale, result.mutable_values<float>().data(), count);
}

/// Why `loaded` has a value that is no number.
Error not_finite(const WeightEntry& entry, const Place& place, const Tensor& stored,
                 const Tensor& loaded) {
  int64_t at = 0;
  while (std::isfinite(loaded.at(at))) ++at;
  const int64_t row = at / place.columns;
  const int64_t column = at % place.columns;
  const double value =
      stored.at(place.first + row * place.row_stride + column * place.column_stride);
  if (!std::isfinite(value))
    return fail(ErrorCode::corrupt, "tensor '{}': the value at row {}, column {} is {}",
                entry.ref.name, place.first_row + row, column, value);
  return with_hint(
      fail(ErrorCode::out_of_range, "tensor '{}': the value {} does not fit into {}",
           entry.ref.name, (value + entry.ref.offset) * entry.ref.scale, to_string(entry.dtype)),
      "fp16 holds magnitudes up to 65504; use fp32");
}

/// Into `room` where that fits, which is used by nobody else, or into a new tensor.
Result<Tensor> convert_finite(const WeightEntry& entry, const Place& place, const Shape& shape,
                              const Tensor& stored, const Tensor& room) {
  ANEMONE_CHECK(entry.dtype == DType::fp16 || entry.dtype == DType::fp32,
                "weights of programs are fp16 or fp32");
  const bool is_as_stored = entry.ref.offset == 0 && entry.ref.scale == 1;
  if (stored.dtype() == entry.dtype && is_as_stored && place.is_contiguous()) {
    const auto size = static_cast<size_t>(bit_width(entry.dtype) / 8);
    const auto bytes =
        stored.bytes().subspan(static_cast<size_t>(place.first) * size,
                               static_cast<size_t>(place.rows * place.columns) * size);
    Tensor result = Tensor::view(entry.dtype, shape, bytes, std::make_shared<const Tensor>(stored));
    if (!is_finite(result)) return not_finite(entry, place, stored, result);
    return result;
  }
  Tensor result =
      room.defined() && room.shape() == shape ? room : Tensor::zeros(entry.dtype, shape);
  bool finite = false;
  if (stored.dtype() == DType::bf16 && entry.ref.offset == 0 && place.is_contiguous()) {
    finite = convert_bf16(place, stored.values<uint16_t>().data(),
                          static_cast<float>(entry.ref.scale), result);
  } else {
    ANEMONE_RETURN_IF_ERROR(convert(entry, place, stored, result));
    finite = is_finite(result);
  }
  if (!finite) return not_finite(entry, place, stored, result);
  return result;
}

}  // namespace

std::string weight_key(const WeightRef& ref, DType dtype, const Shape& shape) {
  // The name comes last: whatever it contains, nothing that follows can be mistaken.
  return fmt::format("{} {} rows {}:{}{} offset {} scale {} expert {} {}", to_string(dtype),
                     shape.to_string(), ref.first_row, ref.rows,
                     ref.transposed ? " transposed" : "", ref.offset, ref.scale, ref.expert,
                     ref.name);
}

std::string WeightTable::add(const WeightRef& ref, DType dtype, const Shape& shape) {
  std::string key = weight_key(ref, dtype, shape);
  entries_.try_emplace(key, WeightEntry{ref, dtype, shape});
  return key;
}

const WeightEntry* WeightTable::find(std::string_view key) const {
  const auto found = entries_.find(key);
  return found == entries_.end() ? nullptr : &found->second;
}

Result<Tensor> load_weight(const checkpoint::TensorSource& source, const WeightEntry& entry) {
  ANEMONE_TRY(const Tensor stored, source.read(entry.ref.name));
  return load_weight(stored, entry);
}

Result<Tensor> load_weight(const Tensor& stored, const WeightEntry& entry) {
  ANEMONE_TRY(const Place place, find_place(entry, stored.shape()));
  return convert_finite(entry, place, entry.shape, stored, {});
}

Status stream_weight(const checkpoint::TensorSource& source, const WeightEntry& entry,
                     const std::function<Status(const Tensor&)>& add) {
  ANEMONE_TRY(const Tensor stored, source.read(entry.ref.name));
  ANEMONE_TRY(const Place place, find_place(entry, stored.shape()));
  const int64_t row_bytes = std::max<int64_t>(1, place.columns * bit_width(entry.dtype) / 8);
  const int64_t part_rows = std::max<int64_t>(1, kPartBytes / row_bytes);
  int64_t held = 0;
  Tensor room;
  for (int64_t row = 0; row < place.rows; row += part_rows) {
    Place part = place;
    part.first += row * place.row_stride;
    part.first_row += row;
    part.rows = std::min(part_rows, place.rows - row);
    ANEMONE_TRY(const Tensor loaded,
                convert_finite(entry, part, {part.rows, part.columns}, stored, room));
    ANEMONE_RETURN_IF_ERROR(add(loaded));
    if (stored.dtype() != entry.dtype) room = loaded;
    held += part.rows * row_bytes;
    if (held < kReleaseBytes) continue;
    source.release();
    held = 0;
  }
  source.release();
  return {};
}

Status fetch_weights(const checkpoint::TensorSource& source, const WeightTable& table,
                     mil::Program& program) {
  std::map<std::string, Tensor, std::less<>> fetched;  // by key without the shape
  for (mil::Function& function : program.functions)
    for (mil::Operation& operation : function.block.operations)
      for (auto& attribute : operation.attributes) {
        mil::Value& value = attribute.second;
        if (value.blob == nullptr || value.tensor.defined() ||
            !value.blob->path.starts_with(kCheckpointPath))
          continue;
        const WeightEntry* entry =
            table.find(std::string_view(value.blob->path).substr(kCheckpointPath.size()));
        ANEMONE_CHECK(entry != nullptr, "the table has every weight of the program");
        const std::string contents = weight_key(entry->ref, entry->dtype, {});
        auto found = fetched.find(contents);
        if (found == fetched.end()) {
          ANEMONE_TRY(Tensor tensor, load_weight(source, *entry));
          found = fetched.emplace(contents, std::move(tensor)).first;
        }
        if (found->second.element_count() != entry->shape.element_count())
          return fail(ErrorCode::mismatch, "tensor '{}' has {} elements, expected shape {}",
                      entry->ref.name, found->second.element_count(), entry->shape.to_string());
        value.tensor = found->second.reshaped(entry->shape);
      }
  return {};
}

}  // namespace anemone::models
