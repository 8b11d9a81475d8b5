#pragma once

#include <memory>
#include <span>
#include <string>

#include "anemone/model.h"
#include "mil/op.h"
#include "runtime/thread_pool.h"

namespace anemone::runtime {

/// What a binding gets when it runs. Operands are in the order of mil::Operands; all shapes are
/// those it was bound for. `scratch` has the size it asked for and holds nothing between runs.
struct RunContext {
  std::span<const mil::Operand> operands;
  std::span<Tensor> outputs;
  std::span<std::byte> scratch;
  ThreadPool& pool;
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
};

}  // namespace anemone::runtime
