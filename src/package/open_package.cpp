#include "package/open_package.h"

#include <algorithm>

#include "base/error.h"
#include "base/path_inside.h"
#include "package/agreement.h"
#include "package/compiled_description.h"
#include "package/manifest.h"
#include "package/weight_file.h"
#include "package/weight_folder.h"

namespace anemone::package {
namespace {

namespace fs = std::filesystem;

std::string_view text_of(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

mil::BlobLoader loader_of(WeightFolder& weights) {
  return [&weights](const mil::BlobReference& reference, DType dtype, const Shape& shape) {
    return weights.load(reference, dtype, shape);
  };
}

/// The functions that the description gives to the program: its list, or the one function that its
/// top level speaks of.
Status take_functions(ModelDescription description, Package& package) {
  const mil::Program& program = package.program;
  package.metadata = std::move(description.metadata);
  package.functions = std::move(description.functions);
  package.default_function = std::move(description.default_function);
  if (package.functions.empty()) {
    const bool main = program.find_function("main") != nullptr;
    if (!main && program.functions.size() != 1)
      return fail(ErrorCode::mismatch,
                  "the description names no function; the program has {}, and no 'main'",
                  program.functions.size());
    description.top.name = main ? "main" : program.functions.front().name;
    package.default_function = description.top.name;
    package.functions.push_back(std::move(description.top));
    return {};
  }
  if (package.default_function.empty())
    package.default_function =
        package.functions.size() == 1 ? package.functions.front().name : "main";
  if (package.find_function(package.default_function) == nullptr)
    return fail(ErrorCode::corrupt, "default function '{}' is none of the {} described",
                package.default_function, package.functions.size());
  return {};
}

/// `model` is the file of a Model message; names in it do not leave `root`.
Result<OpenedPackage> open_model(const fs::path& root, const fs::path& model, Form form) {
  ANEMONE_TRY(const fs::path path, path_inside(root, model.generic_string()));
  ANEMONE_TRY(const auto file, MappedFile::open(path));
  WeightFolder weights(root, model.parent_path());
  auto read = read_model(text_of(*file), loader_of(weights));
  if (!read.ok()) return std::move(read).in(path.string()).error();
  OpenedPackage opened;
  opened.package.form = form;
  opened.package.specification_version = read->specification_version;
  opened.package.program = std::move(read->program);
  if (Status status = take_functions(std::move(read->description), opened.package); !status.ok())
    return std::move(status).in(path.string()).error();
  opened.weight_files = weights.files();
  return opened;
}

Result<OpenedPackage> open_mlpackage(const fs::path& path) {
  ANEMONE_TRY(const fs::path model, root_model_path(path));
  return open_model(path, model, Form::mlpackage);
}

Result<OpenedPackage> open_mlmodelc(const fs::path& path) {
  ANEMONE_TRY(const fs::path data_path, path_inside(path, "coremldata.bin"));
  ANEMONE_TRY(const auto data, MappedFile::open(data_path));
  auto compiled = read_compiled_description(data->bytes());
  if (!compiled.ok()) return std::move(compiled).in(data_path.string()).error();
  ANEMONE_TRY(const fs::path text_path, path_inside(path, "model.mil"));
  ANEMONE_TRY(const auto text, MappedFile::open(text_path));
  WeightFolder weights(path, {});
  auto program = mil::parse(text_of(*text), loader_of(weights));
  if (!program.ok()) return std::move(program).in(text_path.string()).error();
  OpenedPackage opened;
  opened.package.form = Form::mlmodelc;
  opened.package.specification_version = compiled->specification_version;
  opened.package.program = std::move(program).value();
  if (Status status = take_functions(std::move(compiled->description), opened.package);
      !status.ok())
    return std::move(status).in(path.string()).error();
  opened.weight_files = weights.files();
  return opened;
}

/// The folder that names in a single model file do not leave.
fs::path folder_of(const fs::path& model) {
  return model.has_parent_path() ? model.parent_path() : fs::path(".");
}

Result<OpenedPackage> open_any(const fs::path& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status)) return fail(ErrorCode::not_found, "{} does not exist", path.string());
  const std::optional<Form> form = form_of(path);
  if (form == Form::mlmodel) return open_model(folder_of(path), path.filename(), *form);
  if (form == Form::mlpackage) return open_mlpackage(path);
  if (form == Form::mlmodelc) return open_mlmodelc(path);
  if (!fs::is_directory(status))
    return fail(ErrorCode::invalid_argument,
                "{} is a file, expected a .mlpackage, a .mlmodelc or a .mlmodel", path.string());
  return fail(ErrorCode::not_found,
              "{} is no package: neither Manifest.json (.mlpackage) nor coremldata.bin (.mlmodelc)",
              path.string());
}

Result<WeightFolder> weights_of(const Package& package) {
  if (package.form == Form::mlmodel) return WeightFolder(folder_of(package.path), {});
  if (package.form == Form::mlmodelc) return WeightFolder(package.path, {});
  ANEMONE_TRY(const fs::path model, root_model_path(package.path));
  return WeightFolder(package.path, model.parent_path());
}

}  // namespace

std::optional<Form> form_of(const fs::path& path) {
  std::error_code ignored;
  const fs::path suffix = (path.has_filename() ? path : path.parent_path()).extension();
  if (!fs::is_directory(path, ignored))
    return suffix == ".mlmodel" ? std::optional(Form::mlmodel) : std::nullopt;
  if (suffix == ".mlpackage" || fs::exists(path / "Manifest.json", ignored)) return Form::mlpackage;
  if (suffix == ".mlmodelc" || fs::exists(path / "coremldata.bin", ignored)) return Form::mlmodelc;
  return std::nullopt;
}

Result<OpenedPackage> open_package(const fs::path& path) {
  ANEMONE_TRY(OpenedPackage opened, open_any(path));
  opened.package.path = path.has_filename() ? path : path.parent_path();  // no slash at its end
  for (const auto& [name, file] : opened.weight_files)
    opened.package.weight_file_bytes += file->bytes().size();
  return opened;
}

Result<Package> open(const fs::path& path) {
  ANEMONE_TRY(OpenedPackage opened, open_package(path));
  const mil::Diagnostics faults = check_agreement(opened.package);
  if (faults.empty()) return std::move(opened.package);
  std::string all;
  for (const mil::Diagnostic& fault : faults) all += (all.empty() ? "" : "; ") + fault.to_string();
  return fail(ErrorCode::mismatch, "{}: description and program disagree: {}", path.string(), all);
}

Result<std::map<std::string, std::shared_ptr<const MappedFile>>> referenced_files(
    const Package& package, const BlobReferences& references) {
  ANEMONE_TRY(WeightFolder weights, weights_of(package));
  std::map<std::string, std::shared_ptr<const MappedFile>> files;
  for (const mil::BlobReference& reference : references) {
    if (files.contains(reference.path)) continue;
    ANEMONE_TRY(files[reference.path], weights.file(reference.path));
  }
  return files;
}

Result<std::vector<BlobEntry>> list_blobs(const Package& package) {
  constexpr std::string_view kModelPath = "@model_path/";
  ANEMONE_TRY(const auto files, referenced_files(package, blob_references(package.program)));
  std::vector<BlobEntry> entries;
  for (const auto& [name, file] : files) {
    auto status = for_each_blob(file->bytes(), [&, &name = name](const BlobRecord& record) {
      entries.push_back(
          {name.substr(kModelPath.size()), record.offset_bytes, record.dtype, record.size_bytes});
    });
    if (!status.ok()) return std::move(status).in(name).in(package.path.string()).error();
  }
  return entries;
}

}  // namespace anemone::package
