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

bool is_package(const fs::path& path) {
  std::error_code ignored;
  return path.extension() == ".mlpackage" || path.extension() == ".mlmodelc" ||
         fs::exists(path / "Manifest.json", ignored) || fs::exists(path / "model.mil", ignored);
}

}  // namespace

OpenedModel LanguageModel::open(const fs::path& path, const Options& options) {
  std::error_code ignored;
  if (!fs::exists(path, ignored))
    return fail(ErrorCode::not_found, "{}: no such file or directory", path.string());
  if (!is_package(path)) {
    if (is_anemone(path)) return open_anemone(path, options);
    if (is_checkpoint(path)) return open_checkpoint(path, options);
    return open_anemll(path, options);
  }
  auto package = package::open(path);
  if (!package.ok()) return std::move(package).error();
  for (const Form& form : kForms) {
    if (!form.recognises(*package)) continue;
    ANEMONE_TRY(
        auto model,
        runtime::Model::load(*std::move(package), options.runtime).in(path.filename().string()));
    return form.open(std::move(model), options);
  }
  return unknown_form(*package);
}

}  // namespace anemone::lm
