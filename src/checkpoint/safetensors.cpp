#include "checkpoint/safetensors.h"

#include <algorithm>
#include <string>
#include <vector>

#include "base/bounded_bytes.h"
#include "base/error.h"
#include "base/json_document.h"
#include "base/mapped_file.h"

namespace anemone::checkpoint {
namespace {

using Bytes = std::span<const std::byte>;

// u64 length of the header, the header (a JSON object, blanks may follow), the data. The header
// gives to each name its dtype, shape and [begin, end) in the data.
constexpr uint64_t kLengthBytes = 8;
constexpr uint64_t kLargestHeader = 100'000'000;

constexpr std::pair<std::string_view, DType> kTypes[] = {
    {"BOOL", DType::bool_}, {"U8", DType::uint8},          {"I8", DType::int8},
    {"U16", DType::uint16}, {"I16", DType::int16},         {"U32", DType::uint32},
    {"I32", DType::int32},  {"U64", DType::uint64},        {"I64", DType::int64},
    {"F16", DType::fp16},   {"BF16", DType::bf16},         {"F32", DType::fp32},
    {"F64", DType::fp64},   {"F8_E4M3", DType::fp8e4m3fn}, {"F8_E5M2", DType::fp8e5m2},
};

struct Entry {
  TensorInfo info;
  uint64_t begin = 0;
  uint64_t end = 0;
};

Result<DType> parse_type(const std::string& text) {
  for (const auto& [name, dtype] : kTypes)
    if (name == text) return dtype;
  return fail(ErrorCode::unsupported,
              "dtype {}; known are BOOL, I8–I64, U8–U64, F16, BF16, F32, "
              "F64, F8_E4M3 and F8_E5M2",
              text);
}

Result<Shape> parse_shape(const Json& dims) {
  if (dims.size() > Shape::kMaxRank)
    return fail(ErrorCode::unsupported, "{} dimensions, at most {}", dims.size(), Shape::kMaxRank);
  Shape shape;
  for (const Json& dim : dims) {
    if (!dim.is_number_unsigned() || !std::in_range<int64_t>(dim.get<uint64_t>()))
      return fail(ErrorCode::corrupt, "dimension {}, expected a whole number from 0", dim.dump());
    shape.push_back(dim.get<int64_t>());
  }
  return shape;
}

Result<Entry> parse_entry(const std::string& name, const Json& value) {
  const auto member = [&](const char* key) {
    const auto found = value.is_object() ? value.find(key) : value.end();
    return found == value.end() ? Json() : *found;
  };
  const Json dtype = member("dtype");
  const Json shape = member("shape");
  const Json offsets = member("data_offsets");
  if (!dtype.is_string() || !shape.is_array() || !offsets.is_array() || offsets.size() != 2 ||
      !offsets[0].is_number_unsigned() || !offsets[1].is_number_unsigned())
    return fail(ErrorCode::corrupt, "expected dtype, shape and data_offsets [begin, end]");
  Entry entry;
  entry.info.name = name;
  ANEMONE_TRY(entry.info.dtype, parse_type(dtype.get<std::string>()));
  ANEMONE_TRY(entry.info.shape, parse_shape(shape));
  entry.begin = offsets[0].get<uint64_t>();
  entry.end = offsets[1].get<uint64_t>();
  const auto count = checked_element_count(entry.info.shape.dims());
  const auto needed = count ? checked_byte_count(entry.info.dtype, *count) : std::nullopt;
  if (!needed) return fail(ErrorCode::corrupt, "shape {} overflows", entry.info.shape.to_string());
  if (entry.begin > entry.end || entry.end - entry.begin != static_cast<uint64_t>(*needed))
    return fail(ErrorCode::corrupt, "{} {} needs {} bytes, data_offsets are [{}, {}]",
                dtype.get<std::string>(), entry.info.shape.to_string(), *needed, entry.begin,
                entry.end);
  return entry;
}

Status check_layout(std::vector<Entry>& entries, uint64_t data_bytes) {
  std::ranges::sort(entries, {}, [](const Entry& e) { return std::pair(e.begin, e.end); });
  uint64_t position = 0;
  for (const Entry& entry : entries) {
    if (entry.begin != position)
      return fail(ErrorCode::corrupt, "tensor '{}' begins at {}, expected {}: tensors {}",
                  entry.info.name, entry.begin, position,
                  entry.begin < position ? "overlap" : "leave a gap");
    position = entry.end;
  }
  if (position != data_bytes)
    return fail(ErrorCode::corrupt, "tensors end at {}, the data has {} bytes", position,
                data_bytes);
  return {};
}

class Safetensors : public TensorSource {
 public:
  Safetensors(Bytes data, std::shared_ptr<const void> owner, const MappedFile* mapped,
              std::vector<Entry> entries)
      : data_(data), owner_(std::move(owner)), mapped_(mapped) {
    std::ranges::sort(
        entries, {}, [](const Entry& e) -> const auto& { return e.info.name; });
    for (Entry& entry : entries) {
      begins_.push_back(entry.begin);
      infos_.push_back(std::move(entry.info));
    }
  }

  std::span<const TensorInfo> tensors() const override { return infos_; }

  Result<Tensor> read(std::string_view name) const override {
    ANEMONE_TRY(const size_t index, index_of(name));
    const TensorInfo& info = infos_[index];
    return view_or_copy(info.dtype, info.shape, data_.subspan(begins_[index]), owner_);
  }

  void release() const override {
    if (mapped_ != nullptr) mapped_->release();
  }

 private:
  Bytes data_;
  std::shared_ptr<const void> owner_;
  const MappedFile* mapped_;  ///< held by `owner_`; may be null.
  std::vector<TensorInfo> infos_;
  std::vector<size_t> begins_;
};

}  // namespace

Result<std::shared_ptr<const TensorSource>> parse_safetensors(Bytes file,
                                                              std::shared_ptr<const void> owner,
                                                              const MappedFile* mapped) {
  const auto length = load_at<uint64_t>(file, 0);
  if (!length)
    return fail(ErrorCode::corrupt, "{} bytes, expected the length of a header in the first {}",
                file.size(), kLengthBytes);
  if (*length > kLargestHeader && *length <= file.size())
    return fail(ErrorCode::limit, "header of {} bytes, at most {}", *length, kLargestHeader);
  const auto header = slice_at(file, kLengthBytes, *length);
  if (!header)
    return fail(ErrorCode::corrupt, "header of {} bytes in a file of {}", *length, file.size());
  const std::string_view text(reinterpret_cast<const char*>(header->data()), header->size());
  if (!text.starts_with('{'))
    return fail(ErrorCode::corrupt, "the header does not begin with an object");
  auto object = parse_json_object(text);
  if (!object.ok()) return std::move(object).in("header").error();

  std::vector<Entry> entries;
  for (const auto& [name, value] : object->items()) {
    if (name == "__metadata__") {
      if (value.is_null()) continue;  // as MLX writes it when it has none
      if (!value.is_object() || !std::ranges::all_of(value, &Json::is_string))
        return fail(ErrorCode::corrupt, "__metadata__ is not an object of strings");
      continue;
    }
    auto entry = parse_entry(name, value);
    if (!entry.ok()) return std::move(entry).in(fmt::format("tensor '{}'", name)).error();
    entries.push_back(std::move(entry).value());
  }
  const Bytes data = file.subspan(kLengthBytes + header->size());
  ANEMONE_RETURN_IF_ERROR(check_layout(entries, data.size()));
  return std::shared_ptr<const TensorSource>(
      std::make_shared<Safetensors>(data, std::move(owner), mapped, std::move(entries)));
}

Result<std::shared_ptr<const TensorSource>> open_safetensors(const std::filesystem::path& path) {
  ANEMONE_TRY(const auto file, MappedFile::open(path));
  return parse_safetensors(file->bytes(), file, file.get()).in(path.string());
}

}  // namespace anemone::checkpoint
