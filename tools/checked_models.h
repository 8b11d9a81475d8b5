#pragma once

#include <filesystem>
#include <map>
#include <set>
#include <string>

#include "anemone/check.h"
#include "command.h"

namespace anemone::tools {

/// Programs of checkpoints, by the path of the checkpoint.
using BuiltModels = std::map<std::filesystem::path, ane::ModelInMemory>;

/// The artifacts under one name of the command line: a model, a package, a checkpoint, whose
/// programs `built` keeps, or all of a folder. Empty `chip`: all. Errors: not_found.
Result<ane::CheckReport> check_model(const std::string& model, const std::string& chip,
                                     const CommonFlags& common, BuiltModels& built);

/// Adds what another name on the command line led to; an artifact counts once, by its first name.
void add_part(ane::CheckReport part, ane::CheckReport& report,
              std::set<std::filesystem::path>& known);

}  // namespace anemone::tools
