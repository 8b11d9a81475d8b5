#include "package/write_feature.h"

#include <algorithm>

#include "base/error.h"
#include "package/type_numbers.h"
#include "package/wire_fields.h"

namespace anemone::package {
namespace {

void add_packed(Writer& parent, uint32_t tag, const std::vector<int64_t>& values) {
  parent.add_packed_int64(tag, values.begin(), values.end());
}

void add_range(Writer& parent, uint32_t tag, const DimRange& range) {
  add_message(parent, tag, [&](Writer& message) {
    if (range.lower != 0)
      message.add_uint64(wire::SizeRange::lowerBound, static_cast<uint64_t>(range.lower));
    if (range.upper != 0) message.add_int64(wire::SizeRange::upperBound, range.upper);
  });
}

void add_default(Writer& array, const Feature& feature) {
  const double value = *feature.default_value;
  switch (feature.dtype) {
    case DType::int8:
    case DType::int32:
      return array.add_int32(wire::ArrayFeatureType::intDefaultValue, static_cast<int32_t>(value));
    case DType::fp64:
      return array.add_double(wire::ArrayFeatureType::doubleDefaultValue, value);
    default:
      return array.add_float(wire::ArrayFeatureType::floatDefaultValue, static_cast<float>(value));
  }
}

void add_array(Writer& parent, uint32_t tag, const Feature& feature) {
  add_message(parent, tag, [&](Writer& array) {
    add_packed(array, wire::ArrayFeatureType::shape, feature.shape);
    array.add_int64(wire::ArrayFeatureType::dataType, *array_number(feature.dtype));
    if (!feature.enumerated_shapes.empty())
      add_message(array, wire::ArrayFeatureType::enumeratedShapes, [&](Writer& shapes) {
        for (const std::vector<int64_t>& shape : feature.enumerated_shapes)
          add_message(shapes, wire::EnumeratedShapes::shapes,
                      [&](Writer& one) { add_packed(one, wire::Shape::shape, shape); });
      });
    if (!feature.ranges.empty())
      add_message(array, wire::ArrayFeatureType::shapeRange, [&](Writer& ranges) {
        for (const DimRange& range : feature.ranges)
          add_range(ranges, wire::ShapeRange::sizeRanges, range);
      });
    if (feature.default_value) add_default(array, feature);
  });
}

int64_t color_number(Feature::ColorSpace space) {
  switch (space) {
    case Feature::ColorSpace::gray:
      return wire::ImageFeatureType::GRAYSCALE;
    case Feature::ColorSpace::rgb:
      return wire::ImageFeatureType::RGB;
    case Feature::ColorSpace::bgr:
      return wire::ImageFeatureType::BGR;
    case Feature::ColorSpace::gray_fp16:
      return wire::ImageFeatureType::GRAYSCALE_FLOAT16;
    case Feature::ColorSpace::none:
      break;
  }
  return 0;
}

void write_image(Writer& image, const Feature& feature) {
  image.add_int64(wire::ImageFeatureType::width, feature.width);
  image.add_int64(wire::ImageFeatureType::height, feature.height);
  image.add_int64(wire::ImageFeatureType::colorSpace, color_number(feature.color_space));
  if (!feature.enumerated_shapes.empty())
    add_message(image, wire::ImageFeatureType::enumeratedSizes, [&](Writer& sizes) {
      for (const std::vector<int64_t>& size : feature.enumerated_shapes)
        add_message(sizes, wire::EnumeratedImageSizes::sizes, [&](Writer& one) {
          one.add_int64(wire::ImageSize::height, size[0]);
          one.add_int64(wire::ImageSize::width, size[1]);
        });
    });
  if (!feature.ranges.empty())
    add_message(image, wire::ImageFeatureType::imageSizeRange, [&](Writer& ranges) {
      add_range(ranges, wire::ImageSizeRange::heightRange, feature.ranges[0]);
      add_range(ranges, wire::ImageSizeRange::widthRange, feature.ranges[1]);
    });
}

void write_type(Writer& type, const Feature& feature) {
  const auto empty = [](Writer&) {};
  switch (feature.kind) {
    case Feature::Kind::multi_array:
      add_array(type, wire::FeatureType::multiArrayType, feature);
      break;
    case Feature::Kind::state:
      add_message(type, wire::FeatureType::stateType, [&](Writer& state) {
        add_array(state, wire::StateFeatureType::arrayType, feature);
      });
      break;
    case Feature::Kind::image:
      add_message(type, wire::FeatureType::imageType,
                  [&](Writer& image) { write_image(image, feature); });
      break;
    case Feature::Kind::dictionary:
      add_message(type, wire::FeatureType::dictionaryType, [&](Writer& dictionary) {
        add_message(dictionary,
                    feature.dictionary_key == DType::int64
                        ? wire::DictionaryFeatureType::int64KeyType
                        : wire::DictionaryFeatureType::stringKeyType,
                    empty);
      });
      break;
    case Feature::Kind::string:
      add_message(type, wire::FeatureType::stringType, empty);
      break;
    case Feature::Kind::int64:
      add_message(type, wire::FeatureType::int64Type, empty);
      break;
    case Feature::Kind::fp64:
      add_message(type, wire::FeatureType::doubleType, empty);
      break;
    case Feature::Kind::sequence:
      break;
  }
  if (feature.is_optional) type.add_bool(wire::FeatureType::isOptional, true);
}

Status check(const Feature& feature) {
  const bool array =
      feature.kind == Feature::Kind::multi_array || feature.kind == Feature::Kind::state;
  if (array && !array_number(feature.dtype))
    return fail(ErrorCode::unsupported, "feature '{}': descriptions know no arrays of {}",
                feature.name, to_string(feature.dtype));
  if (feature.kind == Feature::Kind::sequence)
    return fail(ErrorCode::unsupported, "feature '{}': sequences cannot be written", feature.name);
  if (feature.kind != Feature::Kind::image) return {};
  const auto has_two = [](const std::vector<int64_t>& size) { return size.size() == 2; };
  if (feature.color_space == Feature::ColorSpace::none || feature.width < 1 || feature.height < 1 ||
      !std::ranges::all_of(feature.enumerated_shapes, has_two) ||
      (!feature.ranges.empty() && feature.ranges.size() != 2))
    return fail(ErrorCode::invalid_argument,
                "feature '{}': an image needs width, height and a color space", feature.name);
  return {};
}

}  // namespace

Status write_feature(Writer& message, const Feature& feature) {
  ANEMONE_RETURN_IF_ERROR(check(feature));
  message.add_string(wire::FeatureDescription::name, feature.name);
  add_text(message, wire::FeatureDescription::shortDescription, feature.description);
  add_message(message, wire::FeatureDescription::type,
              [&](Writer& type) { write_type(type, feature); });
  return {};
}

}  // namespace anemone::package
