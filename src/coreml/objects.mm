#include "coreml/objects.h"

#include "coreml/strided_copy.h"

namespace anemone::coreml {

NSString* to_ns(const std::string& text) { return [NSString stringWithUTF8String:text.c_str()]; }

std::string to_std(NSString* text) {
  const char* const bytes = [text UTF8String];
  return bytes == nullptr ? "" : bytes;
}

NSURL* to_url(const std::filesystem::path& path) {
  return [NSURL fileURLWithPath:to_ns(std::filesystem::absolute(path).string())];
}

MLComputeUnits to_ml(runtime::ComputeUnits units) {
  switch (units) {
    case runtime::ComputeUnits::cpu:
      return MLComputeUnitsCPUOnly;
    case runtime::ComputeUnits::cpu_gpu:
      return MLComputeUnitsCPUAndGPU;
    case runtime::ComputeUnits::cpu_ane:
      return MLComputeUnitsCPUAndNeuralEngine;
    case runtime::ComputeUnits::all:
      break;
  }
  return MLComputeUnitsAll;
}

Error to_error(ErrorCode code, const std::string& what, NSError* error) {
  std::string words;
  constexpr int kDeepest = 8;
  for (int depth = 0; error != nil && depth < kDeepest; ++depth) {
    words += fmt::format("{}{} ({} {})",
                         depth == 0 ? "" : "; because: ", to_std(error.localizedDescription),
                         to_std(error.domain), static_cast<long>(error.code));
    error = [error.userInfo objectForKey:NSUnderlyingErrorKey];
  }
  return fail(code, "Core ML: {}: {}", what, words.empty() ? "gives no reason" : words);
}

MLModelConfiguration* configuration_of(runtime::ComputeUnits units, const std::string& function) {
  MLModelConfiguration* const configuration = [[[MLModelConfiguration alloc] init] autorelease];
  configuration.computeUnits = to_ml(units);
  if (@available(macOS 15.0, iOS 18.0, *))
    if (!function.empty()) configuration.functionName = to_ns(function);
  return configuration;
}

std::vector<int64_t> to_numbers(NSArray<NSNumber*>* numbers) {
  std::vector<int64_t> values;
  for (NSNumber* number in numbers) values.push_back([number longLongValue]);
  return values;
}

namespace {

std::optional<MLMultiArrayDataType> to_ml(DType dtype) {
  switch (dtype) {
    case DType::fp16:
      return MLMultiArrayDataTypeFloat16;
    case DType::fp32:
      return MLMultiArrayDataTypeFloat32;
    case DType::fp64:
      return MLMultiArrayDataTypeDouble;
    case DType::int32:
      return MLMultiArrayDataTypeInt32;
    default:
      return std::nullopt;
  }
}

NSArray<NSNumber*>* to_array(std::span<const int64_t> numbers) {
  NSMutableArray<NSNumber*>* const array = [NSMutableArray arrayWithCapacity:numbers.size()];
  for (const int64_t number : numbers) [array addObject:@(number)];
  return array;
}

Status check_dtype(MLMultiArray* array, const std::string& name, const Tensor& tensor) {
  if (to_ml(tensor.dtype()) == array.dataType) return {};
  return fail(ErrorCode::mismatch, "Core ML's array {} has data type {:#x}, expected {}", name,
              static_cast<unsigned long>(array.dataType), to_string(tensor.dtype()));
}

}  // namespace

Result<Retained<MLMultiArray*>> array_over(Tensor& tensor) {
  const auto type = to_ml(tensor.dtype());
  if (!type)
    return fail(ErrorCode::unsupported, "Core ML's arrays have no dtype {}",
                to_string(tensor.dtype()));
  // A scalar is an array of one number.
  const Shape shape = tensor.shape().rank() == 0 ? Shape{1} : tensor.shape();
  std::vector<int64_t> strides;
  for (size_t axis = 0; axis < shape.rank(); ++axis) strides.push_back(shape.stride(axis));
  NSError* error = nil;
  MLMultiArray* const array =
      [[MLMultiArray alloc] initWithDataPointer:tensor.mutable_bytes().data()
                                          shape:to_array(shape.dims())
                                       dataType:*type
                                        strides:to_array(strides)
                                    deallocator:nil
                                          error:&error];
  if (array == nil) return to_error(ErrorCode::unsupported, "an array over our bytes", error);
  return Retained<MLMultiArray*>::adopt(array);
}

Status read_array(MLMultiArray* array, const std::string& name, Tensor& tensor) {
  ANEMONE_RETURN_IF_ERROR(check_dtype(array, name, tensor));
  const std::vector<int64_t> dims = to_numbers(array.shape);
  const std::vector<int64_t> strides = to_numbers(array.strides);
  Status status;
  Status* const result = &status;
  Tensor* const target = &tensor;
  const auto* const shape = &dims;
  const auto* const steps = &strides;
  [array getBytesWithHandler:^(const void* bytes, NSInteger size) {
    const auto* const data = static_cast<const std::byte*>(bytes);
    if (data == target->bytes().data()) return;
    *result = copy_from({{data, static_cast<size_t>(size)}, *shape, *steps}, *target);
  }];
  return std::move(status).in(name);
}

Status write_array(const Tensor& tensor, const std::string& name, MLMultiArray* array) {
  ANEMONE_RETURN_IF_ERROR(check_dtype(array, name, tensor));
  const std::vector<int64_t> dims = to_numbers(array.shape);
  Status status;
  Status* const result = &status;
  const Tensor* const source = &tensor;
  const auto* const shape = &dims;
  [array getMutableBytesWithHandler:^(void* bytes, NSInteger size, NSArray<NSNumber*>* steps) {
    const std::vector<int64_t> strides = to_numbers(steps);
    *result = copy_to(
        *source, {{static_cast<std::byte*>(bytes), static_cast<size_t>(size)}, *shape, strides});
  }];
  return std::move(status).in(name);
}

}  // namespace anemone::coreml
