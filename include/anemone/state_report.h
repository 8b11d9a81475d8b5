#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "anemone/model.h"
#include "anemone/result.h"
#include "anemone/tensor.h"

/// What a package keeps between calls, and what a call costs of it.
namespace anemone::runtime {

struct StateLayout {
  std::string name;
  DType dtype = DType::fp16;  ///< as it lies in memory.
  Shape shape;
  uint64_t size_bytes = 0;
};

/// Bytes of states that one call moves.
struct StateTraffic {
  uint64_t read_bytes = 0;     ///< each byte as often as operations read it.
  uint64_t written_bytes = 0;  ///< into states.
  uint64_t copied_bytes = 0;   ///< of states' contents, to another place as they are.
  int64_t copies = 0;          ///< operations that did that.
  bool operator==(const StateTraffic&) const = default;
};

/// Calls of one set of input shapes.
struct CallStates {
  std::vector<Model::InputShape> shapes;  ///< of the inputs that may have several.
  StateTraffic counted;                   ///< on states all of whose rows may be in use.
};

/// One function on the states.
struct FunctionStates {
  std::string function;
  std::vector<std::string> states;
  /// What its operations say when every row of the states is in use: contents are read where they
  /// are first computed with, slices are written. None where it depends on values (cond,
  /// while_loop) or on shapes that are not known.
  std::optional<StateTraffic> expected;
  /// What the executor counted in a call of the default input shapes.
  CallStates least;
  /// The same on empty states, of which it passes over the rows that hold nothing.
  StateTraffic counted_empty;
  /// Where inputs may have several shapes: a call of enumerated shapes of most elements, and of
  /// ranges up to one below their ends. (At the very end a slice may be the whole of a state, and
  /// then alone needs no copy.) Errors: those of Model::prepare and Runner::run; out_of_range where
  /// a range has no end; limit where the call would take more memory or time than is worth it.
  std::optional<Result<CallStates>> large;
  /// The states lay at the same addresses after the runs.
  bool in_place = false;
};

struct StateReport {
  std::vector<StateLayout> states;
  std::vector<FunctionStates> functions;  ///< those that have states.
  uint64_t size_bytes() const;
};

/// Runs every function that has states on zeros: twice of its default input shapes, and once of
/// large ones. Errors: unsupported (a model that Core ML runs), and those of Model::prepare and
/// Runner::run for the default shapes.
Result<StateReport> report_states(Model& model);

}  // namespace anemone::runtime
