#include "coreml_stand_in/arrays.h"

#include <algorithm>
#include <cstring>

using anemone::stand_in::orders;

NSString* const MLModelErrorDomain = @"com.apple.CoreML";

struct StandInArray {
  anemone::DType dtype = anemone::DType::fp16;
  std::vector<int64_t> shape;
  std::vector<int64_t> strides;
  std::vector<std::byte> own;  ///< empty where the bytes are the caller's.
  std::byte* bytes = nullptr;
};

namespace {

std::vector<int64_t> numbers_of(NSArray<NSNumber*>* array) {
  std::vector<int64_t> numbers;
  for (NSNumber* number in array) numbers.push_back([number longLongValue]);
  return numbers;
}

NSArray<NSNumber*>* array_of(const std::vector<int64_t>& numbers) {
  NSMutableArray<NSNumber*>* const array = [NSMutableArray array];
  for (const int64_t number : numbers) [array addObject:@(number)];
  return array;
}

anemone::DType dtype_of(MLMultiArrayDataType type) {
  switch (type) {
    case MLMultiArrayDataTypeFloat16:
      return anemone::DType::fp16;
    case MLMultiArrayDataTypeFloat32:
      return anemone::DType::fp32;
    case MLMultiArrayDataTypeDouble:
      return anemone::DType::fp64;
    case MLMultiArrayDataTypeInt32:
      break;
  }
  return anemone::DType::int32;
}

MLMultiArrayDataType type_of(anemone::DType dtype) {
  switch (dtype) {
    case anemone::DType::fp16:
      return MLMultiArrayDataTypeFloat16;
    case anemone::DType::fp32:
      return MLMultiArrayDataTypeFloat32;
    case anemone::DType::fp64:
      return MLMultiArrayDataTypeDouble;
    default:
      return MLMultiArrayDataTypeInt32;
  }
}

}  // namespace

@implementation MLMultiArray

- (nullable instancetype)initWithDataPointer:(void*)dataPointer
                                       shape:(NSArray<NSNumber*>*)shape
                                    dataType:(MLMultiArrayDataType)dataType
                                     strides:(NSArray<NSNumber*>*)strides
                                 deallocator:(void (^_Nullable)(void*))deallocator
                                       error:(NSError**)error {
  (void)deallocator;
  (void)error;
  self = [super init];
  inside_ = new StandInArray{dtype_of(dataType),
                             numbers_of(shape),
                             numbers_of(strides),
                             {},
                             static_cast<std::byte*>(dataPointer)};
  return self;
}

- (instancetype)initPaddedLike:(const anemone::Tensor&)tensor {
  self = [super init];
  inside_ = new StandInArray;
  inside_->dtype = tensor.dtype();
  const auto dims = tensor.shape().dims();
  inside_->shape.assign(dims.begin(), dims.end());
  if (inside_->shape.empty()) inside_->shape.push_back(1);
  inside_->strides.assign(inside_->shape.size(), 1);
  int64_t step = inside_->shape.back() + orders().row_padding;
  for (size_t axis = inside_->shape.size() - 1; axis-- > 0; step *= inside_->shape[axis])
    inside_->strides[axis] = step;
  inside_->own.resize(static_cast<size_t>(step * [self elementBytes]));
  inside_->bytes = inside_->own.data();
  [self take:tensor];
  return self;
}

- (void)dealloc {
  delete inside_;
  [super dealloc];
}

- (int64_t)elementBytes {
  return anemone::bit_width(inside_->dtype) / 8;
}

/// Calls body(byte of the array, byte of a dense copy) for each element.
- (void)eachElement:(void (^)(std::byte* element, size_t offset))body {
  const auto count = static_cast<size_t>(self.count);
  for (size_t i = 0; i < count; ++i) {
    auto rest = static_cast<int64_t>(i);
    int64_t place = 0;
    for (size_t axis = inside_->shape.size(); axis-- > 0; rest /= inside_->shape[axis])
      place += rest % inside_->shape[axis] * inside_->strides[axis];
    body(inside_->bytes + place * [self elementBytes],
         i * static_cast<size_t>([self elementBytes]));
  }
}

- (BOOL)hasShapeOf:(const anemone::Tensor&)tensor {
  const auto dims = tensor.shape().dims();
  if (dims.empty()) return inside_->shape == std::vector<int64_t>{1};
  return std::ranges::equal(dims, inside_->shape);
}

- (void)take:(const anemone::Tensor&)tensor {
  const std::byte* const from = tensor.bytes().data();
  const auto size = static_cast<size_t>([self elementBytes]);
  [self eachElement:^(std::byte* element, size_t offset) {
    std::memcpy(element, from + offset, size);
  }];
}

- (anemone::Tensor)tensor {
  anemone::Tensor tensor = anemone::Tensor::zeros(inside_->dtype, anemone::Shape(inside_->shape));
  std::byte* const to = tensor.mutable_bytes().data();
  const auto size = static_cast<size_t>([self elementBytes]);
  [self eachElement:^(std::byte* element, size_t offset) {
    std::memcpy(to + offset, element, size);
  }];
  return tensor;
}

- (MLMultiArrayDataType)dataType {
  return type_of(inside_->dtype);
}
- (NSArray<NSNumber*>*)shape {
  return array_of(inside_->shape);
}
- (NSArray<NSNumber*>*)strides {
  return array_of(inside_->strides);
}
- (NSInteger)count {
  NSInteger count = 1;
  for (const int64_t dim : inside_->shape) count *= dim;
  return count;
}

/// From the first element to behind the last one.
- (NSInteger)span {
  int64_t last = 0;
  for (size_t axis = 0; axis < inside_->shape.size(); ++axis)
    last += (inside_->shape[axis] - 1) * inside_->strides[axis];
  return self.count == 0 ? 0 : (last + 1) * [self elementBytes];
}

- (void)getBytesWithHandler:(void(NS_NOESCAPE ^)(const void* bytes, NSInteger size))handler {
  handler(inside_->bytes, [self span]);
}

- (void)getMutableBytesWithHandler:(void(NS_NOESCAPE ^)(void* mutableBytes, NSInteger size,
                                                        NSArray<NSNumber*>* strides))handler {
  handler(inside_->bytes, [self span], self.strides);
}
@end

@implementation MLFeatureValue
+ (instancetype)featureValueWithMultiArray:(MLMultiArray*)value {
  MLFeatureValue* const made = [[[MLFeatureValue alloc] init] autorelease];
  made->array_ = [value retain];
  return made;
}
- (void)dealloc {
  [array_ release];
  [super dealloc];
}
- (MLMultiArray*)multiArrayValue {
  return array_;
}
@end

@implementation MLDictionaryFeatureProvider
- (nullable instancetype)initWithDictionary:(NSDictionary<NSString*, id>*)dictionary
                                      error:(NSError**)error {
  (void)error;
  self = [super init];
  values_ = [dictionary copy];
  return self;
}
- (void)dealloc {
  [values_ release];
  [super dealloc];
}
- (NSSet<NSString*>*)featureNames {
  return [NSSet setWithArray:[values_ allKeys]];
}
- (MLFeatureValue*)featureValueForName:(NSString*)featureName {
  return [values_ objectForKey:featureName];
}
@end

@implementation MLPredictionOptions
- (void)dealloc {
  [backings_ release];
  [super dealloc];
}
- (NSDictionary<NSString*, id>*)outputBackings {
  return backings_;
}
- (void)setOutputBackings:(NSDictionary<NSString*, id>*)outputBackings {
  [backings_ autorelease];
  backings_ = [outputBackings copy];
}
@end
