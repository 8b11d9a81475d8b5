#include "text/tokenizer_folder.h"

#include "base/json_document.h"

namespace anemone::text {
namespace {

namespace fs = std::filesystem;

bool has_tokenizer(const fs::path& folder) {
  std::error_code ignored;
  return fs::exists(folder / "tokenizer.json", ignored);
}

}  // namespace

fs::path tokenizer_folder(const fs::path& model) {
  const fs::path named = model.has_filename() ? model : model.parent_path();
  const auto ending = named.extension();
  if (ending == ".mlpackage" || ending == ".mlmodelc") return named.parent_path();
  if (has_tokenizer(named)) return named;
  for (const char* file : {"adapter_config.json", "config.json"}) {
    const auto config = read_json_object(named / file);
    if (!config.ok()) continue;
    for (const char* key : {"base_model_name_or_path", "model", "base_model"}) {
      const auto base = config->find(key);
      if (base == config->end() || !base->is_string()) continue;
      const fs::path folder = (named / base->get<std::string>()).lexically_normal();
      if (has_tokenizer(folder)) return folder;
    }
  }
  return named;
}

}  // namespace anemone::text
