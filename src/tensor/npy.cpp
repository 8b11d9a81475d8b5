#include "tensor/npy.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <limits>

#include "base/bounded_bytes.h"
#include "base/error.h"
#include "base/utf8.h"
#include "tensor/npy_header.h"

namespace anemone {
namespace {

using Bytes = std::span<const std::byte>;

// A .npy file: "\x93NUMPY", u8 major, u8 minor, u16 (1.0) or u32 (2.0, 3.0) length of the header,
// the header (padded with blanks to a multiple of 64 bytes in all, ends in a newline), the data.
constexpr std::string_view kMagic("\x93NUMPY", 6);
constexpr size_t kAlignment = 64;

struct NumpyType {
  std::string_view descr;
  DType dtype;
};
constexpr NumpyType kTypes[] = {
    {"|b1", DType::bool_}, {"<f2", DType::fp16},   {"<f4", DType::fp32},   {"<f8", DType::fp64},
    {"|i1", DType::int8},  {"<i2", DType::int16},  {"<i4", DType::int32},  {"<i8", DType::int64},
    {"|u1", DType::uint8}, {"<u2", DType::uint16}, {"<u4", DType::uint32}, {"<u8", DType::uint64},
};

/// What a descr says of one element.
struct Element {
  DType dtype = DType::fp32;
  size_t size_bytes = 0;
  bool unicode = false;  ///< text: UTF-32 code units, else bytes.
};

Result<Element> parse_descr(std::string_view descr) {
  for (const NumpyType& type : kTypes)
    if (descr == type.descr || (type.descr[0] == '|' && descr.size() == 3 && descr[0] == '<' &&
                                descr.substr(1) == type.descr.substr(1)))
      return Element{type.dtype, static_cast<size_t>(bit_width(type.dtype)) / 8, false};
  const bool unicode = descr.starts_with("<U");
  if (unicode || descr.starts_with("|S")) {
    size_t length = 0;
    const char* const end = descr.data() + descr.size();
    const auto [last, error] = std::from_chars(descr.data() + 2, end, length);
    if (error == std::errc() && last == end && length <= std::numeric_limits<uint32_t>::max())
      return Element{DType::string, length * (unicode ? 4 : 1), unicode};
  }
  return fail(ErrorCode::unsupported,
              "NumPy type '{}'; known are b1, i1–i8, u1–u8, f2, f4, f8 (little-endian), U and S",
              descr);
}

/// Calls `visit(c_index, file_index)` for every element in C order.
template <typename Visit>
void for_each_element(const Shape& shape, bool fortran_order, Visit visit) {
  const int64_t count = shape.element_count();
  std::array<int64_t, Shape::kMaxRank> index{};
  std::array<int64_t, Shape::kMaxRank> step{};
  int64_t stride = 1;
  for (size_t axis = 0; axis < shape.rank(); ++axis) {
    step[axis] = fortran_order ? stride : shape.stride(axis);
    stride *= shape[axis];
  }
  int64_t file_index = 0;
  for (int64_t i = 0; i < count; ++i) {
    visit(static_cast<size_t>(i), static_cast<size_t>(file_index));
    for (size_t axis = shape.rank(); axis-- > 0;) {
      file_index += step[axis];
      if (++index[axis] < shape[axis]) break;
      file_index -= step[axis] * shape[axis];
      index[axis] = 0;
    }
  }
}

Result<std::string> parse_text(Bytes element, bool unicode) {
  if (unicode) {
    std::u32string points(element.size() / sizeof(char32_t), U'\0');
    if (!points.empty()) std::memcpy(points.data(), element.data(), element.size());
    points.resize(points.find_last_not_of(U'\0') + 1);
    auto text = encode_utf8(points);
    if (!text) return fail(ErrorCode::corrupt, "text with a number that is no code point");
    return std::move(*text);
  }
  const auto* const text = reinterpret_cast<const char*>(element.data());
  const std::string_view padded(text, element.size());
  return std::string(padded.substr(0, padded.find_last_not_of('\0') + 1));
}

Result<Tensor> parse_strings(Bytes data, const Element& element, const Shape& shape,
                             bool fortran_order) {
  std::vector<std::string> values(static_cast<size_t>(shape.element_count()));
  Status status;
  for_each_element(shape, fortran_order, [&](size_t i, size_t file_index) {
    auto text = parse_text(data.subspan(file_index * element.size_bytes, element.size_bytes),
                           element.unicode);
    if (text.ok())
      values[i] = std::move(text).value();
    else
      status = std::move(text).error();
  });
  if (!status.ok()) return std::move(status).error();
  return Tensor::from_strings(shape, std::move(values));
}

/// Text as NumPy keeps it: `width` UTF-32 code units an element, padded with zeros.
struct TextColumn {
  size_t width = 1;  // NumPy makes no arrays of width 0
  std::string data;
};

Result<TextColumn> text_column(std::span<const std::string> texts) {
  std::vector<std::u32string> decoded;
  TextColumn column;
  for (const std::string& text : texts) {
    auto points = decode_utf8(text);
    if (!points) return fail(ErrorCode::invalid_argument, "text {} is not UTF-8", decoded.size());
    column.width = std::max(column.width, points->size());
    decoded.push_back(std::move(*points));
  }
  for (std::u32string& points : decoded) {
    points.resize(column.width);
    column.data.append(reinterpret_cast<const char*>(points.data()),
                       points.size() * sizeof(char32_t));
  }
  return column;
}

}  // namespace

Result<Tensor> parse_npy(Bytes bytes) {
  if (bytes.size() < 10 || std::memcmp(bytes.data(), kMagic.data(), kMagic.size()) != 0)
    return fail(ErrorCode::corrupt, "no NumPy array: magic missing in {} bytes", bytes.size());
  const int major = std::to_integer<int>(bytes[6]);
  if (major < 1 || major > 3)
    return fail(ErrorCode::unsupported, "NumPy array format {}; known are 1 to 3", major);
  const size_t length_bytes = major == 1 ? 2 : 4;
  const auto length = major == 1 ? std::optional<uint32_t>(load_at<uint16_t>(bytes, 8))
                                 : load_at<uint32_t>(bytes, 8);
  const auto literal = length ? slice_at(bytes, 8 + length_bytes, *length) : std::nullopt;
  if (!literal) return fail(ErrorCode::corrupt, "NumPy header longer than {} bytes", bytes.size());
  ANEMONE_TRY(const NpyHeader header,
              parse_npy_header({reinterpret_cast<const char*>(literal->data()), literal->size()}));
  ANEMONE_TRY(const Element element, parse_descr(header.descr));
  if (header.shape.size() > Shape::kMaxRank)
    return fail(ErrorCode::unsupported, "array of rank {}, at most {}", header.shape.size(),
                Shape::kMaxRank);

  const Bytes data = bytes.subspan(8 + length_bytes + *length);
  const auto count = checked_element_count(header.shape);
  uint64_t needed = 0;
  if (!count ||
      __builtin_mul_overflow(static_cast<uint64_t>(*count), uint64_t{element.size_bytes},
                             &needed) ||
      needed != data.size())
    return fail(ErrorCode::corrupt, "array {} of '{}': {} bytes of data, expected {}",
                print_npy_header(header), header.descr, data.size(),
                count ? std::to_string(needed) : "more than memory");
  if (element.size_bytes == 0 && *count > 0)
    return fail(ErrorCode::unsupported, "NumPy type '{}' with elements of no size", header.descr);

  const Shape shape{std::span<const int64_t>(header.shape)};
  if (element.dtype == DType::string)
    return parse_strings(data, element, shape, header.fortran_order);
  Tensor tensor = Tensor::zeros(element.dtype, shape);
  std::byte* const target = tensor.mutable_bytes().data();
  if (!header.fortran_order && !data.empty())
    std::memcpy(target, data.data(), data.size());
  else
    for_each_element(shape, header.fortran_order, [&](size_t i, size_t file_index) {
      std::memcpy(target + i * element.size_bytes, data.data() + file_index * element.size_bytes,
                  element.size_bytes);
    });
  if (element.dtype == DType::bool_)
    for (std::byte& value : tensor.mutable_bytes())
      value = value == std::byte{0} ? std::byte{0} : std::byte{1};
  return tensor;
}

Result<NpyParts> npy_parts(const Tensor& tensor) {
  NpyParts parts;
  NpyHeader header;
  header.shape.assign(tensor.shape().begin(), tensor.shape().end());
  if (tensor.dtype() == DType::string) {
    ANEMONE_TRY(const TextColumn column, text_column(tensor.strings()));
    header.descr = fmt::format("<U{}", column.width);
    parts.data = column.data;
  } else {
    const auto type = std::ranges::find(kTypes, tensor.dtype(), &NumpyType::dtype);
    if (type == std::end(kTypes))
      return fail(ErrorCode::unsupported, "NumPy has no type for {}", to_string(tensor.dtype()));
    header.descr = type->descr;
  }
  std::string literal = print_npy_header(header);
  const size_t unpadded = kMagic.size() + 4 + literal.size() + 1;
  literal.append((kAlignment - unpadded % kAlignment) % kAlignment, ' ');
  literal += '\n';
  parts.header = kMagic;
  parts.header += {'\1', '\0'};
  parts.header += static_cast<char>(literal.size() & 0xff);
  parts.header += static_cast<char>(literal.size() >> 8);
  parts.header += literal;
  return parts;
}

}  // namespace anemone
