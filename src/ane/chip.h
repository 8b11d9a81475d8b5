#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "anemone/result.h"

/// Apple's chips as the Neural Engine's rules, placement and cost see them. One list, chips.inc.
namespace anemone::ane {

/// A constant with the one who states it and the date of that statement (of what was read, where
/// the measurement has none). `value` is 0 where nothing is published: nothing is ever assumed.
struct Figure {
  double value = 0;
  std::string_view source;
  std::string_view date;
  bool of_convolutions = false;  ///< of a peak: measured with convolutions, not with GEMMs.
  bool known() const { return value > 0; }
};

enum class Device : uint8_t { phone, mac };

/// Generations as the compiler calls them: H13 is A14 and M1 (sbryngelson/ANEForge,
/// docs/cross-chip.md; freedomtan/coreml_to_ane_hwx, README). A12 and A13 come before that
/// numbering's published part; here they continue it downwards.
enum class Generation : uint8_t { h11 = 11, h12, h13, h14, h15, h16, h17, h18 };

/// What a generation accepts. Elements; 751K/Apple-Neural-Engine-Microarchitecture-Study-M6,
/// notes/coreml_dispatch.md 3.3 (M4, 2026-10) and ANEForge docs/cross-chip.md (M1).
struct Limits {
  int64_t width = 0;            ///< of the last two axes.
  int64_t channels = 0;         ///< of any axis.
  int64_t contraction = 0;      ///< of a matmul.
  int64_t conv_width = 0;       ///< of a kernel.
  int64_t conv_height = 0;      ///< of a kernel.
  int64_t max_pool = 0;         ///< of a max_pool's window, both axes.
  int64_t tested_avg_pool = 0;  ///< of an avg_pool's window; wider ones were not tried.
};

/// A square kernel that M4 compiles, in minutes, although it is wider than its limit (751K-M6,
/// notes/coreml_dispatch.md 3.3, defects.md C9).
inline constexpr int64_t kSlowSquareKernel = 16;

struct Chip {
  std::string_view name;   ///< as `--chip` takes it: "m4max".
  std::string_view label;  ///< "M4 Max".
  Device device = Device::mac;
  Generation generation = Generation::h13;
  Figure fp16_tflops;    ///< measured peak, TFLOP/s: of convolutions where one is published.
  Figure dram;           ///< GB/s of the memory.
  Figure ane_bandwidth;  ///< GB/s that the Neural Engine reads weights at.

  const Limits& limits() const;
};

/// In the order of chips.inc: phones, then Macs, oldest first.
std::span<const Chip> all_chips();

/// Errors: invalid_argument (no chip is called so; the hint lists the names).
Result<const Chip*> find_chip(std::string_view name);

/// "H16".
std::string_view to_string(Generation generation);

/// Measurements of the large fp16 LM head, by which chips can be compared with each other.
inline constexpr std::string_view kAnemllBench = "anemll-bench, Results.MD (large fp16 LM head)";

/// Bytes of weights in one program above which it silently leaves the Neural Engine. ANEMLL's rule
/// for devices is 950 MB (docs/calc_chunk_split.md). On Macs its rule is 2 GB, but packages of more
/// than about 1.0 to 1.4 GB were seen to run elsewhere, on Macs as well, one of 1.94 GB without any
/// work on the Neural Engine and without an error (CoreML-LLM, docs/QWEN35_LESSONS.md section 3).
inline constexpr uint64_t kMostProgramBytes = 950'000'000;
inline constexpr uint64_t kMostProgramBytesOnMacs = 1'000'000'000;

}  // namespace anemone::ane
