#include "lm/forms.h"

#include <fmt/ranges.h>

#include <array>

#include "base/error.h"
#include "lm/loader.h"

namespace anemone::lm {
namespace {

namespace fs = std::filesystem;

struct Form {
  bool (*recognises)(const package::Package& package);
  OpenedModel (*open)(std::shared_ptr<runtime::Model> package,
                      const LanguageModel::Options& options);
};

constexpr std::array kForms = {
    Form{is_static_cache, open_static_cache},
    Form{is_flexible_state, open_flexible_state},
    Form{is_plain, open_plain},
};

std::vector<std::string> names(const std::vector<package::Feature>& features) {
  std::vector<std::string> result;
  for (const package::Feature& feature : features) result.push_back(feature.name);
  return result;
}

Error unknown_form(const package::Package& package) {
  std::string found;
  for (const auto& function : package.functions)
    found += fmt::format("{}{}: {} -> {}, states {}", found.empty() ? "" : "; ", function.name,
                         names(function.inputs), names(function.outputs), names(function.states));
  return with_hint(
      fail(ErrorCode::unsupported, "{}: not a language model in a known form; found {}",
           package.path.filename().string(), found),
      "known forms take input_ids and give logits; `anemone predict` runs any function");
}

/// The first package by name in a directory, empty when there is none.
fs::path package_inside(const fs::path& directory) {
  std::error_code error;
  fs::path first;
  for (auto entry = fs::directory_iterator(directory, error);
       !error && entry != fs::directory_iterator(); entry.increment(error))
    if (package::form_of(entry->path()) && (first.empty() || entry->path() < first))
      first = entry->path();
  return first;
}

/// Packages are finished: nothing is merged into them and their context is fixed.
Status check_options(const fs::path& path, const LanguageModel::Options& options) {
  if (!options.adapter.empty())
    return with_hint(fail(ErrorCode::invalid_argument, "{}: not a checkpoint that could take {}",
                          path.string(), options.adapter.string()),
                     "give the checkpoint with the adapter, or convert both together");
  if (options.context != 0)
    return with_hint(
        fail(ErrorCode::invalid_argument, "{}: a context of {} for packages, which carry their own",
             path.string(), options.context),
        "only of a checkpoint the context can be chosen");
  return {};
}

Error no_model(const fs::path& path) {
  return with_hint(
      fail(ErrorCode::not_found, "{}: there is no model", path.string()),
      "a model is a folder that `anemone convert` or ANEMLL made (anemone.json, meta.yaml), a "
      "package, or a checkpoint: config.json and weights");
}

}  // namespace

OpenedModel LanguageModel::open(const fs::path& path, const Options& options) {
  std::error_code ignored;
  if (!fs::exists(path, ignored))
    return fail(ErrorCode::not_found, "{} does not exist", path.string());
  const bool is_package = package::form_of(path).has_value();
  if (!is_package && !is_anemone(path) && is_checkpoint(path))
    return open_checkpoint(path, options);
  ANEMONE_RETURN_IF_ERROR(check_options(path, options));
  if (!is_package) {
    if (is_anemone(path)) return open_anemone(path, options);
    if (!fs::exists(path / "meta.yaml", ignored)) {
      if (const fs::path package = package_inside(path); !package.empty())
        return with_hint(fail(ErrorCode::not_found,
                              "{}: there is neither anemone.json nor meta.yaml, which say how "
                              "packages join",
                              path.string()),
                         "give the package itself: " + package.string());
      return no_model(path);
    }
    return open_anemll(path, options);
  }
  auto package = package::open(path);
  if (!package.ok()) return std::move(package).error();
  for (const Form& form : kForms) {
    if (!form.recognises(*package)) continue;
    ANEMONE_TRY(auto model, runtime::Model::load(*std::move(package), options.runtime));
    return form.open(std::move(model), options);
  }
  return unknown_form(*package);
}

}  // namespace anemone::lm
