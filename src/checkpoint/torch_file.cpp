#include "checkpoint/torch_file.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/mapped_file.h"
#include "checkpoint/pickle.h"
#include "tensor/zip_reader.h"

namespace anemone::checkpoint {
namespace {

using Bytes = std::span<const std::byte>;

constexpr std::pair<std::string_view, DType> kTypes[] = {
    {"torch.FloatStorage", DType::fp32},   {"torch.DoubleStorage", DType::fp64},
    {"torch.HalfStorage", DType::fp16},    {"torch.BFloat16Storage", DType::bf16},
    {"torch.LongStorage", DType::int64},   {"torch.IntStorage", DType::int32},
    {"torch.ShortStorage", DType::int16},  {"torch.CharStorage", DType::int8},
    {"torch.ByteStorage", DType::uint8},   {"torch.BoolStorage", DType::bool_},
    {"torch.float32", DType::fp32},        {"torch.float", DType::fp32},
    {"torch.float64", DType::fp64},        {"torch.double", DType::fp64},
    {"torch.float16", DType::fp16},        {"torch.half", DType::fp16},
    {"torch.bfloat16", DType::bf16},       {"torch.int8", DType::int8},
    {"torch.int16", DType::int16},         {"torch.short", DType::int16},
    {"torch.int32", DType::int32},         {"torch.int", DType::int32},
    {"torch.int64", DType::int64},         {"torch.long", DType::int64},
    {"torch.uint8", DType::uint8},         {"torch.uint16", DType::uint16},
    {"torch.uint32", DType::uint32},       {"torch.uint64", DType::uint64},
    {"torch.bool", DType::bool_},          {"torch.float8_e4m3fn", DType::fp8e4m3fn},
    {"torch.float8_e5m2", DType::fp8e5m2},
};

Result<DType> parse_type(const std::string& text) {
  for (const auto& [name, dtype] : kTypes)
    if (name == text) return dtype;
  return fail(ErrorCode::unsupported, "type {}", text);
}

/// Where the elements of a tensor lie in a member of the archive.
struct Place {
  size_t member = 0;
  int64_t offset = 0;  ///< in elements
  std::vector<int64_t> strides;
};

class TorchFile : public TensorSource {
 public:
  TorchFile(Bytes file, std::shared_ptr<const void> owner, const MappedFile* mapped,
            std::vector<ZipMember> members)
      : file_(file), owner_(std::move(owner)), mapped_(mapped), members_(std::move(members)) {}

  void add(std::map<std::string, std::pair<TensorInfo, Place>> tensors) {
    for (auto& [name, tensor] : tensors) {
      infos_.push_back(std::move(tensor.first));
      places_.push_back(std::move(tensor.second));
    }
  }

  std::span<const TensorInfo> tensors() const override { return infos_; }

  Result<Tensor> read(std::string_view name) const override {
    ANEMONE_TRY(const size_t index, index_of(name));
    const TensorInfo& info = infos_[index];
    const Place& place = places_[index];
    auto inflated = std::make_shared<std::vector<std::byte>>();
    ANEMONE_TRY(Bytes bytes, storage(place.member, *inflated));
    if (info.shape.element_count() == 0) return Tensor::zeros(info.dtype, info.shape);
    const auto element_bytes = static_cast<size_t>(bit_width(info.dtype)) / 8;
    bytes = bytes.subspan(static_cast<size_t>(place.offset) * element_bytes);
    bool is_dense = true;
    for (size_t axis = 0; axis < info.shape.rank(); ++axis)
      is_dense &= info.shape[axis] == 1 || place.strides[axis] == info.shape.stride(axis);
    if (!is_dense) return gathered(info, place.strides, bytes, element_bytes);
    if (inflated->empty()) return view_or_copy(info.dtype, info.shape, bytes, owner_);
    return view_or_copy(info.dtype, info.shape, bytes, inflated);
  }

  void release() const override {
    if (mapped_ != nullptr) mapped_->release();
  }

 private:
  /// The contents of a member. The checksum of a member that lies there as it is, is computed at
  /// its first use only: many tensors may share one.
  Result<Bytes> storage(size_t member, std::vector<std::byte>& inflated) const {
    {
      const std::lock_guard lock(mutex_);
      if (const auto known = verified_.find(member); known != verified_.end()) return known->second;
    }
    ANEMONE_TRY(const Bytes bytes, read_zip_member(file_, members_[member], inflated));
    if (inflated.empty()) {
      const std::lock_guard lock(mutex_);
      verified_.emplace(member, bytes);
    }
    return bytes;
  }

  static Tensor gathered(const TensorInfo& info, const std::vector<int64_t>& strides, Bytes bytes,
                         size_t element_bytes) {
    Tensor dense = Tensor::zeros(info.dtype, info.shape);
    std::byte* out = dense.mutable_bytes().data();
    std::vector<int64_t> index(info.shape.rank());
    int64_t from = 0;
    const int64_t count = info.shape.element_count();
    for (int64_t i = 0; i < count; ++i, out += element_bytes) {
      std::memcpy(out, bytes.data() + static_cast<size_t>(from) * element_bytes, element_bytes);
      for (size_t axis = index.size(); axis-- > 0;) {
        from += strides[axis];
        if (++index[axis] < info.shape[axis]) break;
        from -= strides[axis] * info.shape[axis];
        index[axis] = 0;
      }
    }
    return dense;
  }

  Bytes file_;
  std::shared_ptr<const void> owner_;
  const MappedFile* mapped_;  ///< held by `owner_`; may be null.
  std::vector<ZipMember> members_;
  std::vector<TensorInfo> infos_;
  std::vector<Place> places_;
  mutable std::mutex mutex_;
  mutable std::map<size_t, Bytes> verified_;
};

/// The dict that holds the tensors.
Result<const PickleValue::Dict*> find_state_dict(const Pickle& pickle) {
  constexpr int kMaxDepth = 8;
  const auto* dict = pickle.get<PickleValue::Dict>(pickle.root);
  if (dict == nullptr) return fail(ErrorCode::mismatch, "it holds no dict");
  for (int depth = 0; depth < kMaxDepth; ++depth) {
    const PickleValue::Dict* inner = nullptr;
    for (const char* key : {"model", "state_dict", "model_state_dict"}) {
      const PickleValue* value = pickle.find(*dict, key);
      const auto* found = value == nullptr ? nullptr : std::get_if<PickleValue::Dict>(&value->data);
      if (found == nullptr) continue;
      if (inner != nullptr)
        return fail(ErrorCode::mismatch,
                    "several of the entries 'model', 'state_dict' and 'model_state_dict'");
      inner = found;
    }
    if (inner == nullptr) return dict;
    dict = inner;
  }
  return fail(ErrorCode::limit, "state dict nested deeper than {}", kMaxDepth);
}

/// Reads one tensor's description and holds it against its storage.
Result<std::pair<TensorInfo, Place>> place_tensor(const Pickle& pickle,
                                                  const PickleValue::Tensor& tensor,
                                                  const std::map<std::string, size_t>& storages,
                                                  std::span<const ZipMember> members,
                                                  size_t file_bytes) {
  const auto& storage = *pickle.get<PickleValue::Storage>(tensor.storage);
  TensorInfo info;
  Place place;
  ANEMONE_TRY(info.dtype, parse_type(tensor.dtype.empty() ? storage.type : tensor.dtype));
  const auto found = storages.find(storage.key);
  if (found == storages.end())
    return fail(ErrorCode::corrupt, "storage '{}' is not in the archive", storage.key);
  place.member = found->second;
  place.offset = tensor.offset;
  place.strides = tensor.strides;
  for (size_t axis = 0; axis < std::min(tensor.shape.size(), tensor.strides.size()); ++axis)
    if (tensor.shape[axis] == 1) place.strides[axis] = 0;  // never used, and may be anything
  if (tensor.shape.size() != tensor.strides.size())
    return fail(ErrorCode::corrupt, "{} dimensions with {} strides", tensor.shape.size(),
                tensor.strides.size());
  if (tensor.shape.size() > Shape::kMaxRank)
    return fail(ErrorCode::unsupported, "{} dimensions, at most {}", tensor.shape.size(),
                Shape::kMaxRank);
  const auto count = checked_element_count(tensor.shape);
  const auto dense_bytes = count ? checked_byte_count(info.dtype, *count) : std::nullopt;
  if (!dense_bytes) return fail(ErrorCode::corrupt, "its shape overflows or is negative");
  info.shape = Shape(std::span<const int64_t>(tensor.shape));
  const uint64_t storage_bytes = members[place.member].size_bytes;
  const auto available =
      static_cast<uint64_t>(storage_bytes) / static_cast<uint64_t>(bit_width(info.dtype) / 8);
  // The last element's place: every term is below 2^63, so no step wraps unseen.
  uint64_t last = tensor.offset < 0 ? available : static_cast<uint64_t>(tensor.offset);
  for (size_t axis = 0; axis < tensor.shape.size() && *count > 0; ++axis) {
    const auto steps = static_cast<uint64_t>(tensor.shape[axis] - 1);
    if (steps == 0) continue;
    if (tensor.strides[axis] < 0 || last >= available ||
        static_cast<uint64_t>(tensor.strides[axis]) > (available - last) / steps) {
      last = available;
      break;
    }
    last += steps * static_cast<uint64_t>(tensor.strides[axis]);
  }
  if (*count > 0 && last >= available)
    return fail(ErrorCode::corrupt,
                "shape {} at offset {} leaves its storage '{}' of {} bytes ({} elements)",
                info.shape.to_string(), tensor.offset, storage.key, storage_bytes, available);
  if (static_cast<uint64_t>(*dense_bytes) > std::max<uint64_t>(file_bytes, storage_bytes))
    return fail(ErrorCode::limit, "{} bytes when expanded, more than its file has", *dense_bytes);
  return std::pair(std::move(info), std::move(place));
}

/// Why a file that is no zip is refused: the pickles of older torch files are read so that a
/// malicious one is called by its name.
Error refuse_other(Bytes file) {
  constexpr size_t kLongest = size_t{1} << 20;
  constexpr std::byte kPickle{0x80};
  constexpr int kPickles = 4;  // magic number, protocol, system, contents
  if (file.empty() || file[0] != kPickle)
    return fail(ErrorCode::corrupt, "neither a zip archive nor a pickle");
  Bytes rest = file.first(std::min(file.size(), kLongest));
  for (int i = 0; i < kPickles && !rest.empty(); ++i) {
    const auto pickle = parse_pickle(rest);
    if (!pickle.ok() && pickle.error().code == ErrorCode::unsupported) return pickle.error();
    if (!pickle.ok()) break;
    rest = rest.subspan(pickle->size_bytes);
  }
  return with_hint(fail(ErrorCode::unsupported, "a pickle that is no zip archive"),
                   "save it again with torch 1.6 or later, or as safetensors");
}

}  // namespace

Result<std::shared_ptr<const TensorSource>> parse_torch_file(Bytes file,
                                                             std::shared_ptr<const void> owner,
                                                             const MappedFile* mapped,
                                                             std::vector<UnreadTensor>* unread) {
  constexpr std::string_view kZip = "PK";
  if (file.size() < kZip.size() || std::memcmp(file.data(), kZip.data(), kZip.size()) != 0)
    return refuse_other(file);
  ANEMONE_TRY(std::vector<ZipMember> members, read_zip_directory(file));
  // <name>/data.pkl, <name>/byteorder and <name>/data/<storage>
  constexpr std::string_view kPickle = "/data.pkl";
  const auto is_pickle = [&](const ZipMember& member) { return member.name.ends_with(kPickle); };
  if (std::ranges::count_if(members, is_pickle) != 1)
    return fail(ErrorCode::corrupt, "{} members 'data.pkl', expected 1",
                std::ranges::count_if(members, is_pickle));
  const ZipMember& pickle_member = *std::ranges::find_if(members, is_pickle);
  const std::string prefix =
      pickle_member.name.substr(0, pickle_member.name.size() - kPickle.size());
  std::map<std::string, size_t> storages;
  std::vector<std::byte> buffer;
  for (size_t i = 0; i < members.size(); ++i) {
    const std::string& name = members[i].name;
    const std::string folder = prefix + "/data/";
    if (name.starts_with(folder) && !storages.emplace(name.substr(folder.size()), i).second)
      return fail(ErrorCode::corrupt, "member '{}' is there twice", name);
    if (name != prefix + "/byteorder") continue;
    ANEMONE_TRY(const Bytes order, read_zip_member(file, members[i], buffer));
    if (std::string_view(reinterpret_cast<const char*>(order.data()), order.size()) != "little")
      return fail(ErrorCode::unsupported, "its byte order is not little-endian");
  }
  ANEMONE_TRY(const Bytes bytes, read_zip_member(file, pickle_member, buffer));
  auto pickle = parse_pickle(bytes);
  if (!pickle.ok()) return std::move(pickle).in(pickle_member.name).error();

  ANEMONE_TRY(const PickleValue::Dict* dict, find_state_dict(*pickle));
  std::map<std::string, std::pair<TensorInfo, Place>> tensors;
  for (const auto& [key, value] : dict->items) {
    const auto* name = pickle->get<std::string>(key);
    const auto* tensor = pickle->get<PickleValue::Tensor>(value);
    if (name == nullptr || tensor == nullptr) continue;
    auto placed = place_tensor(*pickle, *tensor, storages, members, file.size());
    if (!placed.ok() && placed.error().code == ErrorCode::unsupported && unread != nullptr) {
      unread->push_back({*name, placed.error().message});
      continue;
    }
    if (!placed.ok()) return std::move(placed).in(fmt::format("tensor '{}'", *name)).error();
    placed->first.name = *name;
    tensors.insert_or_assign(*name, std::move(placed).value());
  }
  if (tensors.empty()) return fail(ErrorCode::mismatch, "its state dict holds no tensors");
  auto source = std::make_shared<TorchFile>(file, std::move(owner), mapped, std::move(members));
  source->add(std::move(tensors));
  return std::shared_ptr<const TensorSource>(std::move(source));
}

Result<std::shared_ptr<const TensorSource>> open_torch_file(const std::filesystem::path& path) {
  ANEMONE_TRY(const auto file, MappedFile::open(path));
  return parse_torch_file(file->bytes(), file, file.get()).in(path.string());
}

Result<std::shared_ptr<const TensorSource>> open_readable_torch_file(
    const std::filesystem::path& path, std::vector<UnreadTensor>& unread) {
  ANEMONE_TRY(const auto file, MappedFile::open(path));
  return parse_torch_file(file->bytes(), file, file.get(), &unread).in(path.string());
}

}  // namespace anemone::checkpoint
