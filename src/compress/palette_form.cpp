#include "compress/palette_form.h"

#include "base/error.h"
#include "compress/matrix.h"
#include "compress/words.h"

namespace anemone::compress {
std::string PaletteWords::text() const {
  std::string text = fmt::format("lut{}", bits);
  text += group == 0 ? ":tensor" : fmt::format(":g{}", group);
  if (vector > 1) text += fmt::format(":v{}", vector);
  if (int8) text += ":int8";
  if (scale) text += ":scale";
  return text;
}

Result<std::optional<PaletteWords>> parse_palette(const std::vector<std::string>& words) {
  constexpr int64_t kMostGroup = 1 << 20;
  constexpr int64_t kMostVector = 16;
  const auto bits = number_after("lut", words[0]);
  if (!bits) return std::optional<PaletteWords>();
  if (*bits < 1 || *bits > 8 || *bits == 5 || *bits == 7)
    return with_hint(fail(ErrorCode::invalid_argument,
                          "'{}': palettes have indices of 1, 2, 3, 4, 6 or 8 bits", words[0]),
                     fmt::format("the nearest is lut{}", *bits == 5  ? 6
                                                         : *bits < 1 ? 1
                                                                     : 8));
  PaletteWords palette{.bits = static_cast<int>(*bits)};
  OneOf grouping;
  OneOf width;
  OneOf stored;
  OneOf scaled;
  for (size_t i = 1; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word == "tensor") {
      ANEMONE_RETURN_IF_ERROR(grouping.add(word, words));
      palette.group = 0;
    } else if (word == "int8") {
      ANEMONE_RETURN_IF_ERROR(stored.add(word, words));
      palette.int8 = true;
    } else if (word == "scale") {
      ANEMONE_RETURN_IF_ERROR(scaled.add(word, words));
      palette.scale = true;
    } else if (const auto group = number_after("g", word); group && *group >= 1) {
      ANEMONE_RETURN_IF_ERROR(grouping.add(word, words));
      palette.group = std::min(*group, kMostGroup);
    } else if (const auto vector = number_after("v", word);
               vector && *vector >= 1 && *vector <= kMostVector) {
      ANEMONE_RETURN_IF_ERROR(width.add(word, words));
      palette.vector = *vector;
    } else {
      return with_hint(fail(ErrorCode::invalid_argument, "'{}' says nothing of a palette", word),
                       "a palette may have tensor or gN, vN (N up to 16), int8 or scale behind it: "
                       "lut4:g16");
    }
  }
  if (palette.group % palette.vector != 0)
    return with_hint(
        fail(ErrorCode::invalid_argument,
             "groups of {} output channels cannot be divided into vectors of {}", palette.group,
             palette.vector),
        fmt::format("the nearest is lut{}:g{}:v{}", palette.bits,
                    (palette.group + palette.vector - 1) / palette.vector * palette.vector,
                    palette.vector));
  if ((palette.vector > 1) + palette.int8 + palette.scale > 1)
    return with_hint(
        fail(ErrorCode::invalid_argument, "a palette has only one of vN, int8 and scale"),
        fmt::format("the nearest is lut{}:g16", palette.bits));
  return std::optional(palette);
}

DType index_dtype(int bits) {
  switch (bits) {
    case 1:
      return DType::uint1;
    case 2:
      return DType::uint2;
    case 3:
      return DType::uint3;
    case 4:
      return DType::uint4;
    case 6:
      return DType::uint6;
    default:
      return DType::uint8;
  }
}

int64_t rows_of_table(const Weight& weight, int64_t group, int64_t vector) {
  return group == 0 ? weight.rows() : divisor(weight.rows(), group, vector);
}

Shape table_shape(const Weight& weight, int64_t tables, int bits, int64_t vector) {
  Shape shape = along_rows(weight, tables);
  shape.push_back(int64_t{1} << bits);
  shape.push_back(vector);
  return shape;
}

Status check_palette_target(const Weight& weight, const PaletteWords& words) {
  const bool is_plain = words.group == 0 && words.vector == 1 && !words.int8 && !words.scale;
  if (is_plain && words.bits != 3) return check_compressed(weight, words.text());
  return check_blockwise(weight, words.text(),
                         fmt::format("lut{}:tensor", words.bits == 3 ? 4 : words.bits));
}

}  // namespace anemone::compress
