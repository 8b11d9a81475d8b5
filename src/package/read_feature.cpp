#include "package/read_feature.h"

#include "package/type_numbers.h"
#include "package/wire_fields.h"

namespace anemone::package {
namespace {

Error rank_too_high(const Field& field) {
  return field.wrong(
      fmt::format("an array of rank {} or more, at most {}", Shape::kMaxRank + 1, Shape::kMaxRank),
      ErrorCode::unsupported);
}

Status add_dimension(const Field& field, int64_t size, std::vector<int64_t>& shape) {
  if (size < 0) return field.wrong(fmt::format("a dimension of {}", size));
  if (shape.size() == Shape::kMaxRank) return rank_too_high(field);
  shape.push_back(size);
  return {};
}

Result<DimRange> read_size_range(const Message& message) {
  DimRange range{0, 0};
  ANEMONE_RETURN_IF_ERROR(read_fields(message, [&](const Field& field) -> Status {
    if (field.number() == wire::SizeRange::lowerBound) {
      ANEMONE_TRY(range.lower, field.integer());
      if (range.lower < 0) return field.wrong("a lower bound above 2^63");
      return {};
    }
    if (field.number() == wire::SizeRange::upperBound) {
      ANEMONE_TRY(range.upper, field.integer());
      return {};
    }
    return field.skip(), Status();
  }));
  if (range.upper >= 0 && range.upper < range.lower)
    return fail(ErrorCode::corrupt, "byte {}: a range from {} to {}",
                message.offset(message.bytes.data()), range.lower, range.upper);
  return range;
}

Status read_shapes(const Message& message, Feature& feature) {
  return read_fields(message, [&](const Field& field) -> Status {
    if (field.number() != wire::EnumeratedShapes::shapes) return field.skip(), Status();
    ANEMONE_TRY(const Message shape, field.message("EnumeratedShapes.Shape"));
    std::vector<int64_t>& dims = feature.enumerated_shapes.emplace_back();
    return read_fields(shape, [&](const Field& inner) -> Status {
      if (inner.number() != wire::Shape::shape) return inner.skip(), Status();
      return inner.integers([&](int64_t size) { return add_dimension(inner, size, dims); });
    });
  });
}

Status read_array(const Message& message, Feature& feature) {
  bool typed = false;
  ANEMONE_RETURN_IF_ERROR(read_fields(message, [&](const Field& field) -> Status {
    switch (field.number()) {
      case wire::ArrayFeatureType::shape:
        return field.integers(
            [&](int64_t size) { return add_dimension(field, size, feature.shape); });
      case wire::ArrayFeatureType::dataType: {
        ANEMONE_TRY(const int64_t number, field.integer());
        const auto known = array_dtype(number);
        if (!known) return field.wrong(fmt::format("data type {} is none of Core ML's", number));
        feature.dtype = *known;
        typed = true;
        return {};
      }
      case wire::ArrayFeatureType::enumeratedShapes: {
        ANEMONE_TRY(const Message shapes, field.message("EnumeratedShapes"));
        return read_shapes(shapes, feature);
      }
      case wire::ArrayFeatureType::shapeRange: {
        ANEMONE_TRY(const Message ranges, field.message("ShapeRange"));
        return read_fields(ranges, [&](const Field& inner) -> Status {
          if (inner.number() != wire::ShapeRange::sizeRanges) return inner.skip(), Status();
          if (feature.ranges.size() == Shape::kMaxRank) return rank_too_high(inner);
          ANEMONE_TRY(const Message range, inner.message("SizeRange"));
          ANEMONE_TRY(feature.ranges.emplace_back(), read_size_range(range));
          return {};
        });
      }
      case wire::ArrayFeatureType::intDefaultValue: {
        ANEMONE_TRY(const int64_t value, field.integer());
        feature.default_value = static_cast<double>(value);
        return {};
      }
      case wire::ArrayFeatureType::floatDefaultValue: {
        ANEMONE_TRY(feature.default_value, field.number32());
        return {};
      }
      case wire::ArrayFeatureType::doubleDefaultValue: {
        ANEMONE_TRY(feature.default_value, field.number64());
        return {};
      }
    }
    return field.skip(), Status();
  }));
  if (!typed)
    return fail(ErrorCode::corrupt, "byte {}: an array without a data type",
                message.offset(message.bytes.data()));
  if (feature.shape.empty() && !feature.enumerated_shapes.empty())
    feature.shape = feature.enumerated_shapes.front();
  if (feature.shape.empty())
    for (const DimRange& range : feature.ranges) feature.shape.push_back(range.lower);
  if (!feature.ranges.empty() && feature.ranges.size() != feature.shape.size())
    return fail(ErrorCode::corrupt, "byte {}: {} ranges for a shape of rank {}",
                message.offset(message.bytes.data()), feature.ranges.size(), feature.shape.size());
  if (!checked_element_count(feature.shape))
    return fail(ErrorCode::corrupt, "byte {}: an array larger than any memory",
                message.offset(message.bytes.data()));
  return {};
}

Result<Feature::ColorSpace> color_space(const Field& field) {
  ANEMONE_TRY(const int64_t number, field.integer());
  switch (number) {
    case wire::ImageFeatureType::GRAYSCALE:
      return Feature::ColorSpace::gray;
    case wire::ImageFeatureType::RGB:
      return Feature::ColorSpace::rgb;
    case wire::ImageFeatureType::BGR:
      return Feature::ColorSpace::bgr;
    case wire::ImageFeatureType::GRAYSCALE_FLOAT16:
      return Feature::ColorSpace::gray_fp16;
  }
  return field.wrong(fmt::format("color space {} is none of Core ML's", number));
}

Result<std::vector<int64_t>> read_image_size(const Message& message) {
  std::vector<int64_t> size(2);
  ANEMONE_RETURN_IF_ERROR(read_fields(message, [&](const Field& field) -> Status {
    if (field.number() != wire::ImageSize::width && field.number() != wire::ImageSize::height)
      return field.skip(), Status();
    ANEMONE_TRY(size[field.number() == wire::ImageSize::width ? 1 : 0], field.integer());
    return {};
  }));
  if (size[0] < 1 || size[1] < 1)
    return fail(ErrorCode::corrupt, "byte {}: an image of {} x {}",
                message.offset(message.bytes.data()), size[1], size[0]);
  return size;
}

Status read_image(const Message& message, Feature& feature) {
  ANEMONE_RETURN_IF_ERROR(read_fields(message, [&](const Field& field) -> Status {
    switch (field.number()) {
      case wire::ImageFeatureType::width: {
        ANEMONE_TRY(feature.width, field.integer());
        return {};
      }
      case wire::ImageFeatureType::height: {
        ANEMONE_TRY(feature.height, field.integer());
        return {};
      }
      case wire::ImageFeatureType::colorSpace: {
        ANEMONE_TRY(feature.color_space, color_space(field));
        return {};
      }
      case wire::ImageFeatureType::enumeratedSizes: {
        ANEMONE_TRY(const Message sizes, field.message("EnumeratedImageSizes"));
        return read_fields(sizes, [&](const Field& inner) -> Status {
          if (inner.number() != wire::EnumeratedImageSizes::sizes) return inner.skip(), Status();
          ANEMONE_TRY(const Message size, inner.message("ImageSize"));
          ANEMONE_TRY(feature.enumerated_shapes.emplace_back(), read_image_size(size));
          return {};
        });
      }
      case wire::ImageFeatureType::imageSizeRange: {
        ANEMONE_TRY(const Message ranges, field.message("ImageSizeRange"));
        feature.ranges.assign(2, DimRange{0, 0});
        return read_fields(ranges, [&](const Field& inner) -> Status {
          const bool is_width = inner.number() == wire::ImageSizeRange::widthRange;
          if (!is_width && inner.number() != wire::ImageSizeRange::heightRange)
            return inner.skip(), Status();
          ANEMONE_TRY(const Message range, inner.message("SizeRange"));
          ANEMONE_TRY(feature.ranges[is_width ? 1 : 0], read_size_range(range));
          return {};
        });
      }
    }
    return field.skip(), Status();
  }));
  constexpr int64_t kLargestSide = 1 << 24;  // keeps width * height * 4 channels inside 64 bits
  const auto place = message.offset(message.bytes.data());
  if (feature.width < 1 || feature.height < 1 || feature.width > kLargestSide ||
      feature.height > kLargestSide)
    return fail(ErrorCode::corrupt, "byte {}: an image of {} x {}", place, feature.width,
                feature.height);
  if (feature.color_space == Feature::ColorSpace::none)
    return fail(ErrorCode::corrupt, "byte {}: an image without a color space", place);
  return {};
}

Status read_dictionary(const Message& message, Feature& feature) {
  return read_fields(message, [&](const Field& field) -> Status {
    if (field.number() == wire::DictionaryFeatureType::int64KeyType)
      feature.dictionary_key = DType::int64;
    if (field.number() == wire::DictionaryFeatureType::stringKeyType)
      feature.dictionary_key = DType::string;
    return field.skip(), Status();
  });
}

Status read_state(const Message& message, Feature& feature) {
  bool found = false;
  ANEMONE_RETURN_IF_ERROR(read_fields(message, [&](const Field& field) -> Status {
    if (field.number() != wire::StateFeatureType::arrayType) return field.skip(), Status();
    ANEMONE_TRY(const Message array, field.message("ArrayFeatureType"));
    found = true;
    return read_array(array, feature);
  }));
  if (!found)
    return fail(ErrorCode::corrupt, "byte {}: a state without an array type",
                message.offset(message.bytes.data()));
  return {};
}

Status read_type(const Message& message, Feature& feature) {
  bool found = false;
  const auto is = [&](Feature::Kind kind) {
    feature.kind = kind;
    found = true;
  };
  ANEMONE_RETURN_IF_ERROR(read_fields(message, [&](const Field& field) -> Status {
    switch (field.number()) {
      case wire::FeatureType::int64Type:
        is(Feature::Kind::int64);
        break;
      case wire::FeatureType::doubleType:
        is(Feature::Kind::fp64);
        break;
      case wire::FeatureType::stringType:
        is(Feature::Kind::string);
        break;
      case wire::FeatureType::sequenceType:
        is(Feature::Kind::sequence);
        break;
      case wire::FeatureType::imageType: {
        is(Feature::Kind::image);
        ANEMONE_TRY(const Message inner, field.message("ImageFeatureType"));
        return read_image(inner, feature);
      }
      case wire::FeatureType::multiArrayType: {
        is(Feature::Kind::multi_array);
        ANEMONE_TRY(const Message inner, field.message("ArrayFeatureType"));
        return read_array(inner, feature);
      }
      case wire::FeatureType::dictionaryType: {
        is(Feature::Kind::dictionary);
        ANEMONE_TRY(const Message inner, field.message("DictionaryFeatureType"));
        return read_dictionary(inner, feature);
      }
      case wire::FeatureType::stateType: {
        is(Feature::Kind::state);
        ANEMONE_TRY(const Message inner, field.message("StateFeatureType"));
        return read_state(inner, feature);
      }
      case wire::FeatureType::isOptional: {
        ANEMONE_TRY(feature.is_optional, field.boolean());
        return {};
      }
    }
    return field.skip(), Status();
  }));
  if (!found)
    return fail(ErrorCode::corrupt, "byte {}: a feature type that is none of Core ML's",
                message.offset(message.bytes.data()));
  return {};
}

}  // namespace

Result<Feature> read_feature(const Message& message) {
  Feature feature;
  bool typed = false;
  auto status = read_fields(message, [&](const Field& field) -> Status {
    switch (field.number()) {
      case wire::FeatureDescription::name: {
        ANEMONE_TRY(feature.name, field.text());
        return {};
      }
      case wire::FeatureDescription::shortDescription: {
        ANEMONE_TRY(feature.description, field.text());
        return {};
      }
      case wire::FeatureDescription::type: {
        ANEMONE_TRY(const Message type, field.message("FeatureType"));
        typed = true;
        return read_type(type, feature);
      }
    }
    return field.skip(), Status();
  });
  if (status.ok() && !typed)
    status = fail(ErrorCode::corrupt, "byte {}: no type", message.offset(message.bytes.data()));
  if (!status.ok()) return std::move(status).in(fmt::format("feature '{}'", feature.name)).error();
  return feature;
}

}  // namespace anemone::package
