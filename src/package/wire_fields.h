#pragma once

#include <cstdint>

/// Field numbers of Core ML's protobuf messages (coremltools, mlmodel/format/*.proto), one
/// namespace a message, names as there.
namespace anemone::package::wire {

namespace Model {
enum : uint32_t { specificationVersion = 1, description = 2, mlProgram = 502 };
}
namespace ModelDescription {
enum : uint32_t {
  input = 1,
  output = 10,
  predictedFeatureName = 11,
  predictedProbabilitiesName = 12,
  state = 13,
  functions = 20,
  defaultFunctionName = 21,
  metadata = 100,
};
}
namespace FunctionDescription {
enum : uint32_t {
  name = 1,
  input = 2,
  output = 3,
  predictedFeatureName = 4,
  predictedProbabilitiesName = 5,
  state = 6,
};
}
namespace Metadata {
enum : uint32_t {
  shortDescription = 1,
  versionString = 2,
  author = 3,
  license = 4,
  userDefined = 100
};
}
namespace FeatureDescription {
enum : uint32_t { name = 1, shortDescription = 2, type = 3 };
}
namespace FeatureType {
enum : uint32_t {
  int64Type = 1,
  doubleType = 2,
  stringType = 3,
  imageType = 4,
  multiArrayType = 5,
  dictionaryType = 6,
  sequenceType = 7,
  stateType = 8,
  isOptional = 1000,
};
}
namespace StateFeatureType {
enum : uint32_t { arrayType = 1 };
}
namespace DictionaryFeatureType {
enum : uint32_t { int64KeyType = 1, stringKeyType = 2 };
}
namespace ArrayFeatureType {
enum : uint32_t {
  shape = 1,
  dataType = 2,
  enumeratedShapes = 21,
  shapeRange = 31,
  intDefaultValue = 41,
  floatDefaultValue = 51,
  doubleDefaultValue = 61,
};
enum : int64_t {  // values of dataType
  FLOAT16 = 65552,
  FLOAT32 = 65568,
  DOUBLE = 65600,
  INT8 = 131080,
  INT32 = 131104,
};
}  // namespace ArrayFeatureType
namespace EnumeratedShapes {
enum : uint32_t { shapes = 1 };
}
namespace Shape {
enum : uint32_t { shape = 1 };
}
namespace ShapeRange {
enum : uint32_t { sizeRanges = 1 };
}
namespace SizeRange {
enum : uint32_t { lowerBound = 1, upperBound = 2 };
}
namespace ImageFeatureType {
enum : uint32_t {
  width = 1,
  height = 2,
  colorSpace = 3,
  enumeratedSizes = 21,
  imageSizeRange = 31
};
enum : int64_t { GRAYSCALE = 10, RGB = 20, BGR = 30, GRAYSCALE_FLOAT16 = 40 };
}  // namespace ImageFeatureType
namespace EnumeratedImageSizes {
enum : uint32_t { sizes = 1 };
}
namespace ImageSize {
enum : uint32_t { width = 1, height = 2 };
}
namespace ImageSizeRange {
enum : uint32_t { widthRange = 1, heightRange = 2 };
}

/// Entries of every map.
namespace MapEntry {
enum : uint32_t { key = 1, value = 2 };
}

namespace Program {
enum : uint32_t { version = 1, functions = 2, docString = 3, attributes = 4 };
}
namespace Function {
enum : uint32_t { inputs = 1, opset = 2, block_specializations = 3, attributes = 4 };
}
namespace Block {
enum : uint32_t { inputs = 1, outputs = 2, operations = 3, attributes = 4 };
}
namespace Operation {
enum : uint32_t { type = 1, inputs = 2, outputs = 3, blocks = 4, attributes = 5 };
}
namespace NamedValueType {
enum : uint32_t { name = 1, type = 2 };
}
namespace Argument {
enum : uint32_t { arguments = 1 };
}
namespace Binding {
enum : uint32_t { name = 1, value = 2 };
}
namespace ValueType {
enum : uint32_t { tensorType = 1, listType = 2, tupleType = 3, dictionaryType = 4, stateType = 5 };
}
namespace TensorType {
enum : uint32_t { dataType = 1, rank = 2, dimensions = 3, attributes = 4 };
}
namespace Dimension {
enum : uint32_t { constant = 1, unknown = 2 };
}
namespace ConstantDimension {
enum : uint32_t { size = 1 };
}
namespace UnknownDimension {
enum : uint32_t { variadic = 1 };
}
namespace ListType {
enum : uint32_t { type = 1, length = 2 };
}
namespace TupleType {
enum : uint32_t { types = 1 };
}
namespace DictionaryType {
enum : uint32_t { keyType = 1, valueType = 2 };
}
namespace StateType {
enum : uint32_t { wrappedType = 1 };
}
namespace Value {
enum : uint32_t { docString = 1, type = 2, immediateValue = 3, blobFileValue = 5 };
}
namespace ImmediateValue {
enum : uint32_t { tensor = 1, tuple = 2, list = 3, dictionary = 4 };
}
namespace BlobFileValue {
enum : uint32_t { fileName = 1, offset = 2 };
}
/// TupleValue, ListValue, DictionaryValue and all lists of scalars.
namespace Values {
enum : uint32_t { values = 1 };
}
namespace KeyValuePair {
enum : uint32_t { key = 1, value = 2 };
}
namespace TensorValue {
enum : uint32_t {
  floats = 1,
  ints = 2,
  bools = 3,
  strings = 4,
  longInts = 5,
  doubles = 6,
  bytes = 7
};
}

}  // namespace anemone::package::wire
