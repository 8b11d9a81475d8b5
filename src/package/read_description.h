#pragma once

#include <map>
#include <string>
#include <vector>

#include "anemone/package.h"
#include "package/wire.h"

namespace anemone::package {

/// A `ModelDescription` message.
struct ModelDescription {
  FunctionDescription top;  ///< inputs, outputs and states outside of any function; no name.
  std::vector<FunctionDescription> functions;
  std::string default_function;
  std::map<std::string, std::string> metadata;
};

/// Errors: corrupt, unsupported (ranks above Shape::kMaxRank).
Result<ModelDescription> read_description(const Message& message);

}  // namespace anemone::package
