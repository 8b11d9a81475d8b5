#include <algorithm>

#include "anemone/bench.h"
#include "base/error.h"
#include "bench/energy_meter.h"
#include "bench/machine.h"
#include "bench/thermal.h"
#include "kernels/kernels.h"

namespace anemone::bench {

Result<Surroundings> look_around(runtime::Isa isa) {
  Surroundings found{.machine = find_machine(), .isa = kernel_isa(isa)};
  for (const kernels::KernelSet& set : kernels::kernel_sets()) found.isas.emplace_back(set.isa);
  if (std::ranges::count(found.isas, found.isa) == 0)
    return fail(ErrorCode::unsupported, "this machine has no {}", found.isa);
  const auto meter = make_rapl_meter(kPowercap);
  meter->begin();
  Energy energy = meter->end();
  if (energy.joules)
    found.energy_source = std::move(energy.source);
  else
    found.energy_reason = std::move(energy.reason);
  found.celsius = hottest_zone(kThermalZones);
  return found;
}

}  // namespace anemone::bench
