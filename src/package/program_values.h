#pragma once

#include <cstdint>
#include <functional>

#include "anemone/program.h"

namespace anemone::package {

/// Where a constant stands. Weights are the attributes of operations and the parameters of
/// constexpr operations; coremltools expects the contents of all others in the program itself.
enum class ValuePlace : uint8_t { weight, other };

/// Calls `visit` with every constant of the program, those inside of others included, in the order
/// of the program: per function its attributes, then its operations.
void for_each_value(const mil::Program& program,
                    const std::function<void(const mil::Value&, ValuePlace)>& visit);

}  // namespace anemone::package
