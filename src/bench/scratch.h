#pragma once

#include <filesystem>

#include "anemone/result.h"

namespace anemone::bench {

/// A new folder among the system's temporary ones; whoever asks for it removes it. Errors: io.
Result<std::filesystem::path> make_scratch();

}  // namespace anemone::bench
