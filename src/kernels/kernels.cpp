#include "kernels/kernels.h"

#include <algorithm>
#include <vector>

namespace anemone::kernels {

#define KERNEL_FAMILY(name, type)      \
  extern const type k_##name##_scalar; \
  extern const type k_##name##_avx2;   \
  extern const type k_##name##_avx512; \
  extern const type k_##name##_neon;
#include "kernels/families.inc"
#undef KERNEL_FAMILY

namespace {

constexpr KernelSet kScalar{
    "scalar",
#define KERNEL_FAMILY(name, type) &k_##name##_scalar,
#include "kernels/families.inc"
#undef KERNEL_FAMILY
};

#if defined(__x86_64__)
constexpr KernelSet kAvx2{
    "avx2",
#define KERNEL_FAMILY(name, type) &k_##name##_avx2,
#include "kernels/families.inc"
#undef KERNEL_FAMILY
};
constexpr KernelSet kAvx512{
    "avx512",
#define KERNEL_FAMILY(name, type) &k_##name##_avx512,
#include "kernels/families.inc"
#undef KERNEL_FAMILY
};
#elif defined(__aarch64__)
constexpr KernelSet kNeon{
    "neon",
#define KERNEL_FAMILY(name, type) &k_##name##_neon,
#include "kernels/families.inc"
#undef KERNEL_FAMILY
};
#endif

std::vector<KernelSet> find_sets() {
  std::vector<KernelSet> sets{kScalar};
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
      __builtin_cpu_supports("f16c"))
    sets.push_back(kAvx2);
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq"))
    sets.push_back(kAvx512);
#elif defined(__aarch64__)
  sets.push_back(kNeon);
#endif
  return sets;
}

}  // namespace

std::span<const KernelSet> kernel_sets() {
  static const std::vector<KernelSet> sets = find_sets();
  return sets;
}

const KernelSet* find_kernel_set(std::string_view isa) {
  const auto sets = kernel_sets();
  const auto found = std::ranges::find(sets, isa, &KernelSet::isa);
  return found == sets.end() ? nullptr : &*found;
}

}  // namespace anemone::kernels
