#pragma once

#include <filesystem>

namespace anemone::text {

/// The folder whose tokenizer files belong to `model`: the folder itself, the one that holds a
/// package, and of an adapter without a tokenizer that of the base that its config names.
std::filesystem::path tokenizer_folder(const std::filesystem::path& model);

}  // namespace anemone::text
