#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "anemone/simulate.h"
#include "command.h"

namespace anemone::tools {

/// What a text does to the model in the Neural Engine's arithmetic; none where `text`, a file, is
/// not named. The programs of a checkpoint are written to a temporary folder for it.
Result<std::optional<simulate::Report>> simulation_of(const std::filesystem::path& model,
                                                      const std::string& text,
                                                      const std::string& tokenizer_folder,
                                                      const CommonFlags& common);

}  // namespace anemone::tools
