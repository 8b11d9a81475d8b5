#include "tensor/npz.h"

#include <set>
#include <string>
#include <string_view>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/mapped_file.h"
#include "tensor/npy.h"
#include "tensor/zip_reader.h"
#include "tensor/zip_writer.h"

namespace anemone {
namespace {

constexpr std::string_view kSuffix = ".npy";

Status write_arrays(const std::filesystem::path& path, std::span<const NamedTensor> arrays) {
  ANEMONE_TRY(AtomicFile file, AtomicFile::create(path));
  ZipWriter writer(file);
  std::set<std::string_view> names;
  for (const NamedTensor& array : arrays) {
    if (!names.insert(array.name).second)
      return fail(ErrorCode::invalid_argument, "two arrays are named '{}'", array.name);
    auto parts = npy_parts(array.tensor);
    if (!parts.ok()) return std::move(parts).in(fmt::format("array '{}'", array.name)).error();
    const bool is_text = array.tensor.dtype() == DType::string;
    const std::span<const std::byte> data =
        is_text ? std::as_bytes(std::span(parts->data)) : array.tensor.bytes();
    ANEMONE_RETURN_IF_ERROR(writer.add(array.name + std::string(kSuffix),
                                       {std::as_bytes(std::span(parts->header)), data}));
  }
  ANEMONE_RETURN_IF_ERROR(writer.finish());
  return file.commit();
}

}  // namespace

Result<std::vector<NamedTensor>> parse_npz(std::span<const std::byte> archive) {
  ANEMONE_TRY(const std::vector<ZipMember> members, read_zip_directory(archive));
  std::vector<NamedTensor> arrays;
  std::set<std::string_view> names;
  std::vector<std::byte> buffer;
  for (const ZipMember& member : members) {
    std::string_view name = member.name;
    if (!name.ends_with(kSuffix))
      return fail(ErrorCode::corrupt, "member '{}' is no {} file", name, kSuffix);
    if (!names.insert(name).second)
      return fail(ErrorCode::corrupt, "member '{}' is there twice", name);
    name.remove_suffix(kSuffix.size());
    ANEMONE_TRY(const auto bytes, read_zip_member(archive, member, buffer));
    auto tensor = parse_npy(bytes);
    if (!tensor.ok()) return std::move(tensor).in(fmt::format("array '{}'", name)).error();
    arrays.push_back({std::string(name), std::move(tensor).value()});
  }
  return arrays;
}

Result<std::vector<NamedTensor>> read_npz(const std::filesystem::path& path) {
  ANEMONE_TRY(const auto file, MappedFile::open(path));
  return parse_npz(file->bytes()).in(path.string());
}

Status write_npz(const std::filesystem::path& path, std::span<const NamedTensor> arrays) {
  return write_arrays(path, arrays);
}

}  // namespace anemone
