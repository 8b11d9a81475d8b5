#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

/// Where Core ML's segmenter would put each op, given what each op costs on each side. Findings by
/// 751K-M6 (notes/coreml_dispatch.md 2, 482 models): a shortest path, with constants for launches,
/// changes of side, and outputs. Knows nothing of programs.
namespace anemone::ane {

enum class Backend : uint8_t { cpu, neural_engine };

struct OpChoice {
  double cpu_ms = 0;
  std::optional<double> engine_ms;  ///< absent: it does not run there.
  std::vector<size_t> operands;  ///< ops that come before: those that make or write what it reads.
  size_t outputs = 0;            ///< of the graph that this op makes.
};

struct Placement {
  std::vector<size_t> order;      ///< in which the path visits the ops.
  std::vector<Backend> backends;  ///< of each op.
  size_t segments = 0;            ///< runs of ops on the Neural Engine.
  size_t changes = 0;             ///< of side.
  double launch_ms = 0;           ///< of segments, changes and outputs.
  double total_ms = 0;            ///< launches and the ops.
};

/// An order of all ops, each after its operands, that changes least often between ops that run on
/// the Neural Engine and ops that do not. Operands have smaller indices than their op.
std::vector<size_t> order_for_segments(std::span<const OpChoice> ops);

/// The assignment of least cost along that order: launch of a segment 0.125 ms, change of side
/// 0.125 ms, output of the graph on the Neural Engine 0.125 ms. At a tie the Neural Engine.
Placement place(std::span<const OpChoice> ops);

}  // namespace anemone::ane
