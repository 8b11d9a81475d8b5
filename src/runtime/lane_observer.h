#pragma once

#include "anemone/model.h"

namespace anemone::runtime {

/// An observer to whom one of the Runners in lockstep is as good as another, such as a timer: they
/// run in lockstep beside it, as without it, and it sees the values of the first. Beside any other
/// observer they run one after the other, and it sees the values of each.
class LaneObserver : public Observer {};

}  // namespace anemone::runtime
