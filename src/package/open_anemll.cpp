#include "anemone/package.h"
#include "base/error.h"
#include "base/mapped_file.h"
#include "base/path_inside.h"
#include "package/anemll_meta.h"
#include "package/anemll_parts.h"

namespace anemone::package {

Result<AnemllDirectory> open_anemll(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error))
    return fail(ErrorCode::not_found, "{} does not exist", path.string());
  auto meta = path_inside(path, "meta.yaml");
  if (!meta.ok() && meta.error().code == ErrorCode::not_found)
    return with_hint(
        fail(ErrorCode::not_found, "{} is no ANEMLL directory: it has no meta.yaml", path.string()),
        "ANEMLL's converter writes meta.yaml in its last step");
  if (!meta.ok()) return std::move(meta).error();
  ANEMONE_TRY(const auto file, MappedFile::open(*meta));
  auto model = parse_anemll_meta(
      {reinterpret_cast<const char*>(file->bytes().data()), file->bytes().size()});
  if (!model.ok()) return std::move(model).in(meta->string()).error();
  model->path = path;
  ANEMONE_RETURN_IF_ERROR(find_anemll_parts(*model));
  return model;
}

}  // namespace anemone::package
