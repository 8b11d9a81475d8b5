#include "ane/open_model.h"

#include <sys/stat.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <array>
#include <set>

#include "base/error.h"
#include "base/json_document.h"

namespace anemone::ane {
namespace {

namespace fs = std::filesystem;

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

bool is_package_name(const fs::path& path) {
  return path.extension() == ".mlpackage" || path.extension() == ".mlmodelc";
}

std::vector<fs::path> entries(const fs::path& folder) {
  std::vector<fs::path> paths;
  std::error_code ignored;
  for (auto entry = fs::directory_iterator(folder, ignored);
       !ignored && entry != fs::directory_iterator(); entry.increment(ignored))
    paths.push_back(entry->path());
  std::ranges::sort(paths);
  return paths;
}

const PackageView* add(ModelView& model, package::Package package, std::string name) {
  auto view = std::make_unique<PackageView>();
  view->model = &model;
  view->name = std::move(name);
  view->package = std::move(package);
  view->faults = view->package.path.empty() ? mil::verify(view->package.program)
                                            : package::verify(view->package);
  for (const mil::Function& function : view->package.program.functions)
    view->functions.emplace_back(*view, function);
  model.packages.push_back(std::move(view));
  return model.packages.back().get();
}

/// A package of the layout anemone.
void add_part(ModelView& model, package::Package package, std::string name) {
  const PackageView* part = add(model, std::move(package), std::move(name));
  if (part->name.starts_with("chunk_")) model.chunks.push_back(part);
}

Result<const PackageView*> open_part(ModelView& model, const fs::path& path) {
  ANEMONE_TRY(package::Package package, package::open(path));
  return add(model, std::move(package), path.filename().string());
}

/// The layers that config.json speaks of; ANEMLL's own has no such key.
std::optional<int64_t> layers_of(const fs::path& folder) {
  const auto config = read_json_object(folder / "config.json");
  if (!config.ok()) return std::nullopt;
  const auto layers = config->find("num_hidden_layers");
  if (layers == config->end() || !layers->is_number_integer()) return std::nullopt;
  return layers->get<int64_t>();
}

Status open_anemll(ModelView& model) {
  ANEMONE_TRY(model.anemll, package::open_anemll(model.path));
  const package::AnemllDirectory& directory = *model.anemll;
  if (!directory.embeddings.empty()) {
    ANEMONE_TRY(model.embeddings, open_part(model, directory.embeddings));
  }
  for (const fs::path& path : directory.chunks) {
    ANEMONE_TRY(const PackageView* chunk, open_part(model, path));
    model.chunks.push_back(chunk);
  }
  for (const fs::path& path : directory.rotate_chunks) {
    ANEMONE_TRY([[maybe_unused]] const PackageView* chunk, open_part(model, path));
  }
  if (!directory.lm_head.empty()) {
    ANEMONE_TRY(model.lm_head, open_part(model, directory.lm_head));
  }
  return {};
}

/// Whether `folder` begins another file system than `parent` is on, and one without a size, as
/// those have whose files the kernel makes up.
bool is_pseudo_file_system(const fs::path& folder, const fs::path& parent) {
  struct stat own {};
  struct stat above {};
  if (stat(folder.c_str(), &own) != 0 || stat(parent.c_str(), &above) != 0) return false;
  struct statvfs system {};
  return own.st_dev != above.st_dev && statvfs(folder.c_str(), &system) == 0 &&
         system.f_blocks == 0;
}

/// Folders and artifacts by where they really are.
using Places = std::set<fs::path>;

bool lie_in_any(const fs::path& path, const Places& places) {
  for (fs::path above = path;; above = above.parent_path()) {
    if (places.contains(above)) return true;
    if (above == above.parent_path()) return false;
  }
}

/// Whether a file is called as checkpoints call their weights. Other .bin, .npz, .pt and .pth files
/// beside a config.json are of anything: another runtime's weights, an optimizer's state.
bool is_called_weights(const fs::path& file) {
  constexpr std::array kNames = {"pytorch_model.bin", "adapter_model.bin", "weights.npz",
                                 "adapters.npz",      "model.pt",          "model.pth",
                                 "pytorch_model.pt",  "pytorch_model.pth"};
  const std::string name = file.filename().string();
  return file.extension() == ".safetensors" || name == "model.safetensors.index.json" ||
         name == "pytorch_model.bin.index.json" || std::ranges::find(kNames, name) != kNames.end();
}

/// Whether a folder, which is no artifact, has a config.json and weights beside it.
bool holds_checkpoint(const fs::path& folder) {
  std::error_code ignored;
  if (!fs::is_regular_file(folder / "config.json", ignored) &&
      !fs::is_regular_file(folder / "adapter_config.json", ignored))
    return false;
  return std::ranges::any_of(entries(folder), [&](const fs::path& entry) {
    return is_called_weights(entry) && fs::is_regular_file(entry, ignored);
  });
}

/// Adds links to artifacts that were not found by another name, and names links to folders outside.
void add_links(const fs::path& folder, const std::vector<fs::path>& links, FoundArtifacts& found) {
  std::error_code ignored;
  const auto place_of = [&](const fs::path& path) { return fs::weakly_canonical(path, ignored); };
  const Places inside{place_of(folder)};
  Places known;
  for (const fs::path& path : found.paths) known.insert(place_of(path));
  std::vector<std::pair<fs::path, fs::path>> by_place;  // what holds others comes before them
  for (const fs::path& link : links) by_place.emplace_back(place_of(link), link);
  std::ranges::sort(by_place);
  for (const auto& [place, link] : by_place) {
    if (is_artifact(link) || is_package_name(link)) {
      if (lie_in_any(place, known)) continue;
      known.insert(place);
      found.paths.push_back(link);
    } else if (fs::is_directory(link, ignored) && !lie_in_any(place, inside) &&
               !lie_in_any(place, known)) {
      found.links_not_followed.push_back(link);
    }
  }
  std::ranges::sort(found.links_not_followed);
}

}  // namespace

bool is_artifact(const fs::path& path) {
  return package::form_of(path) || is_there(path / "anemone.json") || is_there(path / "meta.yaml");
}

Result<std::unique_ptr<ModelView>> open_model(const fs::path& path) {
  auto model = std::make_unique<ModelView>();
  model->path = path;
  if (const auto form = package::form_of(path)) {
    model->form = package::to_string(*form);
    ANEMONE_TRY(package::Package package, package::open(path));
    add(*model, std::move(package), "");
    return model;
  }
  if (!is_there(path)) return fail(ErrorCode::not_found, "{}: there is no model", path.string());
  model->layers = layers_of(path);
  if (is_there(path / "meta.yaml")) {
    model->form = "anemll";
    ANEMONE_RETURN_IF_ERROR(open_anemll(*model));
    return model;
  }
  if (is_there(path / "anemone.json")) {
    model->form = "anemone";
    for (const fs::path& entry : entries(path)) {
      if (!is_package_name(entry)) continue;
      ANEMONE_TRY(package::Package package, package::open(entry));
      add_part(*model, std::move(package), entry.filename().string());
    }
    return model;
  }
  if (is_there(path / "config.json"))
    return with_hint(fail(ErrorCode::unsupported, "{}: a checkpoint has no program", path.string()),
                     "anemone convert makes one");
  return with_hint(fail(ErrorCode::not_found, "{}: there is no model", path.string()),
                   "a model is a package, a folder with meta.yaml or anemone.json, or a "
                   "checkpoint: config.json and weights");
}

std::unique_ptr<ModelView> view_of(const package::Package& package) {
  auto model = std::make_unique<ModelView>();
  model->path = package.path;
  model->form = package::to_string(package.form);
  add(*model, package, "");
  return model;
}

std::unique_ptr<ModelView> view_of(const ModelInMemory& in_memory) {
  auto model = std::make_unique<ModelView>();
  model->path = in_memory.path;
  model->form = in_memory.form;
  model->layers = in_memory.layers;
  for (const auto& [name, package] : in_memory.packages) add_part(*model, package, name);
  return model;
}

Result<FoundArtifacts> artifacts_below(const fs::path& folder, const ProgressSink& progress) {
  constexpr int kMostDepth = 8;
  FoundArtifacts found;
  std::vector<fs::path> links;
  std::vector<std::pair<fs::path, int>> folders{{folder, 0}};
  while (!folders.empty()) {
    const auto [next, depth] = folders.back();
    folders.pop_back();
    const std::string item = next.string();
    if (progress && !progress({"looking for artifacts", found.folders, 0, "folders", item}))
      return fail(ErrorCode::interrupted, "interrupted");
    ++found.folders;
    if (depth > 0 && holds_checkpoint(next)) found.checkpoints.push_back(next);
    for (const fs::path& entry : entries(next)) {
      std::error_code ignored;
      if (fs::is_symlink(entry, ignored))
        links.push_back(entry);
      else if (is_artifact(entry) || is_package_name(entry))
        found.paths.push_back(entry);
      else if (depth < kMostDepth && fs::is_directory(entry, ignored) &&
               !is_pseudo_file_system(entry, next))
        folders.emplace_back(entry, depth + 1);
    }
  }
  add_links(folder, links, found);
  std::ranges::sort(found.paths);
  std::ranges::sort(found.checkpoints);
  return found;
}

}  // namespace anemone::ane
