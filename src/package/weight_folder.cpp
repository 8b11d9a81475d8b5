#include "package/weight_folder.h"

#include <string_view>

#include "base/error.h"
#include "base/path_inside.h"
#include "package/weight_file.h"

namespace anemone::package {

Result<std::shared_ptr<const MappedFile>> WeightFolder::file(const std::string& name) {
  constexpr std::string_view kModelPath = "@model_path/";
  if (!name.starts_with(kModelPath) || name.size() == kModelPath.size())
    return fail(ErrorCode::corrupt, "weight file '{}', expected a name after {}", name, kModelPath);
  const std::filesystem::path inside = model_folder_ / name.substr(kModelPath.size());
  const auto known = files_.find(inside.generic_string());
  if (known != files_.end()) return known->second;
  ANEMONE_TRY(const std::filesystem::path path, path_inside(root_, inside.generic_string()));
  ANEMONE_TRY(auto mapped, MappedFile::open(path));
  if (Status header = check_weight_header(mapped->bytes()); !header.ok())
    return std::move(header).in(path.string()).error();
  return files_.emplace(inside.generic_string(), std::move(mapped)).first->second;
}

Result<Tensor> WeightFolder::load(const mil::BlobReference& reference, DType dtype,
                                  const Shape& shape) {
  ANEMONE_TRY(const auto mapped, file(reference.path));
  return read_blob(mapped->bytes(), mapped, reference.offset_bytes, dtype, shape)
      .in(fmt::format("weight file {}", reference.path));
}

}  // namespace anemone::package
