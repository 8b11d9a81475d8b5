#include "convert/finished_model.h"

#include <algorithm>

#include "base/error.h"
#include "base/json_document.h"
#include "convert/output_folder.h"
#include "package/anemll_meta.h"

namespace anemone::converter {
namespace {

namespace fs = std::filesystem;

/// Packages and files of the folder.
Status list(FinishedModel& model) {
  std::error_code error;
  for (auto entry = fs::recursive_directory_iterator(model.path, error);
       !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    if (entry->is_directory(error) && package::form_of(entry->path())) {
      model.packages.push_back(entry->path().lexically_relative(model.path));
      entry.disable_recursion_pending();
    } else if (entry->is_regular_file(error)) {
      model.files.push_back(entry->path().lexically_relative(model.path));
    }
  }
  if (error) return fail(ErrorCode::io, "cannot list {}: {}", model.path.string(), error.message());
  std::ranges::sort(model.packages);
  std::ranges::sort(model.files);
  return {};
}

/// Whether a line begins with the key of ANEMLL's own, quoted or not.
bool has_model_info(std::string_view meta) {
  constexpr std::string_view kKey = "model_info";
  for (size_t begin = 0; begin < meta.size();) {
    const size_t end = std::min(meta.find('\n', begin), meta.size());
    std::string_view line = meta.substr(begin, end - begin);
    begin = end + 1;
    const bool is_quoted = line.starts_with('"') || line.starts_with('\'');
    const std::string_view quote = line.substr(0, is_quoted ? 1 : 0);
    line.remove_prefix(quote.size());
    if (!line.starts_with(kKey)) continue;
    line.remove_prefix(kKey.size());
    if (!line.starts_with(quote)) continue;
    line.remove_prefix(quote.size());
    const size_t colon = line.find_first_not_of(" \t");
    if (colon != line.npos && line[colon] == ':') return true;
  }
  return false;
}

bool is_named_by_anemll(const std::string& package) {
  return package.find("FFN") != package.npos || package.find("embeddings") != package.npos ||
         package.find("lm_head") != package.npos || package.find("monolithic") != package.npos;
}

bool is_in_package(const fs::path& file) {
  return std::ranges::any_of(file,
                             [](const fs::path& part) { return part.extension() == ".mlpackage"; });
}

/// Whether a folder has all the packages that it says that it is made of; what it lacks nobody can
/// add to the result. Other files it may lack: it opens without them.
Status check_whole(const FinishedModel& model) {
  constexpr std::string_view kAlone = "a package alone can be compressed";
  const auto broken = [&](const Error& error, std::string hint) {
    return with_hint(fail(ErrorCode::mismatch, "{} is no whole model: {}", model.path.string(),
                          error.to_string()),
                     std::move(hint));
  };
  for (const fs::path& file : model.files) {
    if (file.filename() != "meta.yaml") continue;
    ANEMONE_TRY(const std::string text, read_text(model.path / file));
    if (!is_of_anemll(model, file, text)) continue;
    const auto opened = package::open_anemll((model.path / file).parent_path());
    if (!opened.ok())
      return broken(opened.error(),
                    fmt::format("`anemone check` says all that is wrong; {}", kAlone));
  }
  std::error_code error;
  if (!fs::exists(model.path / kManifest, error)) return {};
  const auto manifest = read_json_object(model.path / kManifest);
  if (!manifest.ok() || !manifest->contains("files") || !manifest->at("files").is_object())
    return {};
  for (const auto& [name, digest] : manifest->at("files").items())
    if (is_in_package(name) && !fs::exists(model.path / name, error))
      return broken(
          fail(ErrorCode::not_found, "{} names '{}', which is not there", kManifest, name),
          std::string(kAlone));
  return {};
}

}  // namespace

bool is_of_anemll(const FinishedModel& model, const fs::path& file, const std::string& meta) {
  if (package::parse_anemll_meta(meta).ok()) return true;
  return has_model_info(meta) && std::ranges::any_of(model.packages, [&](const fs::path& path) {
           return path.parent_path() == file.parent_path() &&
                  is_named_by_anemll(path.stem().string());
         });
}

Result<FinishedModel> check_compression(const fs::path& path, const fs::path& out,
                                        const CompressOptions& options) {
  FinishedModel model;
  model.path = path.has_filename() ? path : path.parent_path();
  ANEMONE_TRY(model.out, output_place(out));
  ANEMONE_TRY(model.spec, compress::Spec::parse(options.quantize));
  if (model.spec.is_dense()) return compress::compresses_nothing(options.quantize);
  std::error_code error;
  if (!fs::exists(path, error))
    return fail(ErrorCode::not_found, "{} does not exist", path.string());
  ANEMONE_RETURN_IF_ERROR(check_source(model.out, path));
  ANEMONE_RETURN_IF_ERROR(check_outside(model.out, path));
  ANEMONE_RETURN_IF_ERROR(check_output(model.out, options.overwrite));
  model.is_package = package::form_of(path).has_value();
  if (!model.is_package && !fs::is_directory(path, error))
    return with_hint(
        fail(ErrorCode::invalid_argument, "{} is a file and no package", path.string()),
        "a model is a package, or a folder with packages");
  if (model.is_package != (model.out.extension() == ".mlpackage"))
    return fail(ErrorCode::invalid_argument, "{} is {}, {} is not", path.string(),
                model.is_package ? "a package" : "a folder", model.out.filename().string());
  if (model.is_package) return model;
  ANEMONE_RETURN_IF_ERROR(list(model));
  ANEMONE_RETURN_IF_ERROR(check_whole(model));
  if (model.packages.empty())
    return with_hint(fail(ErrorCode::invalid_argument, "there is no package in {}", path.string()),
                     "`anemone convert --quantize` compresses a checkpoint");
  for (const auto* list : {&model.packages, &model.files})
    for (const fs::path& relative : *list)
      ANEMONE_RETURN_IF_ERROR(check_source(model.out, path / relative));
  return model;
}

}  // namespace anemone::converter
