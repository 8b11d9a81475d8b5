#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "anemone/result.h"
#include "checkpoint/pickle.h"

namespace anemone::checkpoint {

/// Whether a pickle may name this global ("torch.FloatStorage").
bool is_allowed_global(std::string_view name);

/// What a call of an allowed global would give, told from its arguments alone.
/// Errors: corrupt (arguments that the real one never gets), unsupported (a class that is no call).
Result<PickleValue> call_global(const Pickle& pickle, std::string_view name,
                                const std::vector<PickleValue::Index>& arguments);

/// The storage that torch's persistent ids name: ("storage", type, key, location, count).
Result<PickleValue> persistent_storage(const Pickle& pickle,
                                       const std::vector<PickleValue::Index>& id);

}  // namespace anemone::checkpoint
