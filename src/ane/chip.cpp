#include "ane/chip.h"

#include <algorithm>

#include "base/error.h"

namespace anemone::ane {
namespace {

constexpr Figure none;

constexpr Figure apple(double value) {
  return {value, "Apple, technical specifications", "2026-11"};
}
constexpr Figure anemll_bench(double value) { return {value, kAnemllBench, "2026-11"}; }
constexpr Figure aneforge(double value) {
  return {value, "sbryngelson/ANEForge, bench/results/ROOFLINES.md", "2026-11"};
}
constexpr Figure convolutions(Figure peak) {
  peak.of_convolutions = true;
  return peak;
}
constexpr Figure quoted(double value) {
  return {value, "quoted in aosama/astronomical#540", "2026-11"};
}
constexpr Figure bryngelson(double value) {
  return {value, "Bryngelson, arXiv:2606.22283", "2026-06"};
}
constexpr Figure maderix(double value) { return {value, "maderix/ANE, README.md", "2026-11"}; }
constexpr Figure study_751k(double value) {
  return {value, "751K/Apple-Neural-Engine-Microarchitecture-Study-M6", "2026-10"};
}

constexpr Chip kChips[] = {
#define CHIP(name, label, device, generation, tflops, dram, bandwidth) \
  {#name, label, Device::device, Generation::generation, tflops, dram, bandwidth},
#include "ane/chips.inc"
#undef CHIP
};

constexpr Limits kBeforeH16{16384, 65536, 16384, 13, 31, 8, 14};
constexpr Limits kFromH16{65536, 65536, 32768, 15, 31, 8, 14};

}  // namespace

const Limits& Chip::limits() const { return generation >= Generation::h16 ? kFromH16 : kBeforeH16; }

std::span<const Chip> all_chips() { return kChips; }

Result<const Chip*> find_chip(std::string_view name) {
  const auto found = std::ranges::find(kChips, name, &Chip::name);
  if (found != std::end(kChips)) return &*found;
  std::string names;
  for (const Chip& chip : kChips) names += (names.empty() ? "" : ", ") + std::string(chip.name);
  return with_hint(fail(ErrorCode::invalid_argument, "no chip is called '{}'", name),
                   "the chips are " + names);
}

std::string_view to_string(Generation generation) {
  switch (generation) {
    case Generation::h11:
      return "H11";
    case Generation::h12:
      return "H12";
    case Generation::h13:
      return "H13";
    case Generation::h14:
      return "H14";
    case Generation::h15:
      return "H15";
    case Generation::h16:
      return "H16";
    case Generation::h17:
      return "H17";
    case Generation::h18:
      return "H18";
  }
  return "";
}

}  // namespace anemone::ane
