#pragma once

#include <functional>
#include <thread>

#include "anemone/bench.h"
#include "bench/clock.h"

namespace anemone::bench {

/// Starts a thread. Throws std::system_error where the system gives none.
using StartThread = std::function<std::thread(std::function<void()> work)>;
std::thread start_thread(std::function<void()> work);

/// Nanoseconds of a round of a work that only another compiler, or other flags of it, makes faster
/// or slower: integer products in registers by `threads` threads at the same time, none of which
/// waits for another once all have begun (waking a thread takes a time that scatters more than the
/// work). Of each thread the median of
/// five slices of 10 ms counts, and of the threads the mean. What it takes longer than in another
/// run is the machine's: fewer turns of the processor, or slower ones. It reads no memory, and so
/// does not see neighbours that only take bandwidth. All threads read the clock at
/// once. Errors: limit (the system gives no more threads).
Result<double> reference_work_ns(Clock& clock, int threads,
                                 const StartThread& start = start_thread);

/// Whether its time says anything of this configuration's: other units than the CPU have a clock
/// and heat of their own.
inline bool tells_speed_of(const Configuration& one) { return one.compute_units == "cpu"; }

}  // namespace anemone::bench
