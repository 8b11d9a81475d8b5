#pragma once

#include <optional>
#include <string_view>

#include "anemone/program.h"
#include "anemone/state_report.h"

namespace anemone::runtime {

/// Operations whose results hold what their operands held, in another place or order.
bool only_moves(std::string_view operation);

/// FunctionStates::expected, of the program alone.
std::optional<StateTraffic> expected_traffic(const mil::Function& function, Numerics numerics);

/// Makes `runner` count what its runs move of states, in lockstep with others apart. False of
/// Runners that are none of ours.
bool count_states(Runner& runner);
/// Of the last run.
StateTraffic counted_states(const Runner& runner);

}  // namespace anemone::runtime
