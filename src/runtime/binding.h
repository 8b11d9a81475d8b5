#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>

#include "anemone/model.h"
#include "mil/op.h"
#include "runtime/thread_pool.h"

namespace anemone::runtime {

/// What is known of the matrices of a state [.., rows, width] while a function runs.
struct StateRows {
  int64_t rows = 0;
  int64_t width = 0;
  int64_t used = 0;  ///< all rows from this on are zeros, in every matrix.
};

/// What a binding gets when it runs. Operands are in the order of mil::Operands; all shapes are
/// those it was bound for. `scratch` has the size it asked for and holds nothing between runs.
/// `state_rows`, by operand: of one that is whole matrices of a state, else null.
struct RunContext {
  std::span<const mil::Operand> operands;
  std::span<Tensor> outputs;
  std::span<std::byte> scratch;
  ThreadPool& pool;
  std::span<const StateRows* const> state_rows;
};

/// One Runner's part in an operation that several of them run together.
struct Lane {
  std::span<const mil::Operand> operands;
  std::span<Tensor> outputs;
  std::span<const StateRows* const> state_rows;
};

/// Runners whose buffers lie side by side: every operand and output of one of them is as far behind
/// the one before as that of the second behind that of the first.
struct Neighbours {
  Lane first;
  Lane second;  ///< of nobody where there is one Runner.
  int64_t count = 0;

  const std::byte* operand(size_t at) const { return first.operands[at].value->bytes().data(); }
  std::byte* output(size_t at) const { return first.outputs[at].mutable_bytes().data(); }
  /// In bytes; 0: one for all.
  int64_t operand_stride(size_t at) const {
    return count == 1 ? 0 : second.operands[at].value->bytes().data() - operand(at);
  }
  int64_t output_stride(size_t at) const {
    return count == 1 ? 0 : second.outputs[at].bytes().data() - output(at);
  }
};

/// An operation bound to a kernel: everything that shapes and constants decide is decided.
/// Immutable; runs of several Runners may overlap.
class Binding {
 public:
  virtual ~Binding() = default;
  /// What `inspect --kernels` prints.
  virtual std::string name() const = 0;
  virtual size_t scratch_bytes() const { return 0; }
  /// Allocates nothing unless it fails.
  virtual Status run(const RunContext& context) const = 0;

  /// Bytes of scratch with which `run_lanes` does for all lanes at once, bit by bit, what `run`
  /// does for each, by lane; nothing where that is no faster.
  virtual std::optional<size_t> lane_scratch_bytes() const { return std::nullopt; }
  virtual void run_lanes(std::span<const Lane>, std::span<std::byte>, ThreadPool&) const {}
  /// Whether `run_neighbours` does, bit by bit, what `run` does for each of some neighbours. It
  /// gets the scratch of `run_lanes`, if any.
  virtual bool joins_neighbours() const { return false; }
  virtual void run_neighbours(const Neighbours&, std::span<std::byte>, ThreadPool&) const {}
  /// Bytes of weights that a run reads.
  virtual int64_t weight_bytes() const { return 0; }
};

}  // namespace anemone::runtime
