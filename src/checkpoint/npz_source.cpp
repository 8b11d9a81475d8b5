#include "checkpoint/npz_source.h"

#include <map>
#include <vector>

#include "base/error.h"
#include "base/mapped_file.h"
#include "tensor/npy.h"
#include "tensor/zip_reader.h"

namespace anemone::checkpoint {
namespace {

constexpr std::string_view kSuffix = ".npy";

Result<Tensor> read_array(const MappedFile& file, const ZipMember& member) {
  std::vector<std::byte> buffer;
  ANEMONE_TRY(const auto bytes, read_zip_member(file.bytes(), member, buffer));
  return parse_npy(bytes).in(fmt::format("array '{}'", member.name));
}

class Npz : public TensorSource {
 public:
  Npz(std::shared_ptr<const MappedFile> file,
      std::map<std::string, std::pair<TensorInfo, ZipMember>> arrays)
      : file_(std::move(file)) {
    for (auto& [name, array] : arrays) {
      infos_.push_back(std::move(array.first));
      members_.push_back(std::move(array.second));
    }
  }

  std::span<const TensorInfo> tensors() const override { return infos_; }

  Result<Tensor> read(std::string_view name) const override {
    ANEMONE_TRY(const size_t index, index_of(name));
    return read_array(*file_, members_[index]);
  }

  void release() const override { file_->release(); }

 private:
  std::shared_ptr<const MappedFile> file_;
  std::vector<TensorInfo> infos_;
  std::vector<ZipMember> members_;
};

/// `unread` may be null: then arrays of other types are an error.
Result<std::shared_ptr<const TensorSource>> list_arrays(std::shared_ptr<const MappedFile> file,
                                                        std::vector<UnreadTensor>* unread) {
  ANEMONE_TRY(std::vector<ZipMember> members, read_zip_directory(file->bytes()));
  std::map<std::string, std::pair<TensorInfo, ZipMember>> arrays;
  for (ZipMember& member : members) {
    if (!member.name.ends_with(kSuffix))
      return fail(ErrorCode::corrupt, "member '{}' is no {} file", member.name, kSuffix);
    const std::string name = member.name.substr(0, member.name.size() - kSuffix.size());
    Result<Tensor> array = read_array(*file, member);
    if (array.ok() && array->dtype() == DType::string)
      array = fail(ErrorCode::unsupported, "array '{}' holds text, expected numbers", name);
    if (!array.ok() && array.error().code == ErrorCode::unsupported && unread != nullptr) {
      unread->push_back({name, array.error().message});
      continue;
    }
    if (!array.ok()) return std::move(array).error();
    TensorInfo info{name, array->dtype(), array->shape()};
    if (!arrays.emplace(name, std::pair(std::move(info), std::move(member))).second)
      return fail(ErrorCode::corrupt, "array '{}' is there twice", name);
  }
  return std::shared_ptr<const TensorSource>(
      std::make_shared<Npz>(std::move(file), std::move(arrays)));
}

}  // namespace

Result<std::shared_ptr<const TensorSource>> open_npz(const std::filesystem::path& path) {
  ANEMONE_TRY(auto file, MappedFile::open(path));
  return list_arrays(std::move(file), nullptr).in(path.string());
}

Result<std::shared_ptr<const TensorSource>> open_readable_npz(const std::filesystem::path& path,
                                                              std::vector<UnreadTensor>& unread) {
  ANEMONE_TRY(auto file, MappedFile::open(path));
  return list_arrays(std::move(file), &unread).in(path.string());
}

}  // namespace anemone::checkpoint
