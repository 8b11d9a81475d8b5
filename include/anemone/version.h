#pragma once

#include <string_view>

namespace anemone {

/// "0.1.0".
std::string_view version();

}  // namespace anemone
