#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "anemone/package.h"
#include "anemone/result.h"
#include "anemone/tensor.h"

/// Running the functions of a package, on the CPU executor or through Core ML.
namespace anemone::runtime {

/// What runs a model.
enum class Backend : uint8_t {
  cpu,        ///< our executor.
  coreml,     ///< Core ML, on macOS; where it refuses the units asked for, on its CPU.
  automatic,  ///< Core ML where it is there and takes the model, else our executor.
};
const char* to_string(Backend backend);  ///< automatic is "auto".
Result<Backend> parse_backend(std::string_view text);
/// Whether this build can use Core ML.
bool has_coreml();

/// The units that Core ML may use. Which of them runs an op, it decides itself.
enum class ComputeUnits : uint8_t { all, cpu, cpu_gpu, cpu_ane };
const char* to_string(ComputeUnits units);  ///< "all", "cpu", "cpu-gpu", "cpu-ane".
Result<ComputeUnits> parse_compute_units(std::string_view text);

/// What runs a model in the end, for reports.
struct Execution {
  Backend backend = Backend::cpu;
  /// Those that its functions were loaded for: what was asked for, or cpu where Core ML refused
  /// that for every function loaded so far.
  ComputeUnits compute_units = ComputeUnits::cpu;
  /// What differs from what was asked for, and why; calls that were repeated; variables that were
  /// set. One line each.
  std::vector<std::string> notes;
};

/// What arithmetic the executor follows. Every result that is kept says which.
enum class Numerics : uint8_t {
  fp16,  ///< Core ML's fp16 program: products summed in fp32, each op's result rounded to its MIL
         ///< type.
  fp32,  ///< fp16 values of the program are kept as fp32; nothing is rounded to fp16 but constants.
  /// What the Neural Engine would make of the program's fp16 ops, simulated after public
  /// measurements (docs/ane-numerics.md): sums of products in fixed point that become infinite at
  /// 32768, functions from tables, halves rounded away from zero. Other ops as fp16.
  ane,
};
const char* to_string(Numerics numerics);
Result<Numerics> parse_numerics(std::string_view text);

enum class Isa : uint8_t { automatic, scalar, avx2, avx512, neon };
const char* to_string(Isa isa);
Result<Isa> parse_isa(std::string_view text);

/// A value that a function has just made.
struct Observation {
  const package::Package& package;
  std::string_view function;
  std::string_view value;
  const Tensor& tensor;  ///< of the storage dtype; valid during the call alone.
};

/// Sees values inside functions while they run: what calibration and comparisons of layers need.
class Observer {
 public:
  virtual ~Observer() = default;
  /// Names of the values of this function that are wanted; asked when the function is prepared.
  /// Inputs may be named. Names that the function does not have, constants and values inside nested
  /// blocks are never seen.
  virtual std::vector<std::string> wanted(const package::Package& package,
                                          std::string_view function) = 0;
  /// Called in each run as soon as a wanted value is there, in the order of the program, on the
  /// thread that runs. An error ends the run with that error.
  virtual Status observe(const Observation& observation) = 0;
};

struct Options {
  Backend backend = Backend::cpu;
  /// Of Core ML alone.
  ComputeUnits compute_units = ComputeUnits::all;
  Numerics numerics = Numerics::fp16;
  int threads = 0;  ///< worker threads; 0: one per core.
  Isa isa = Isa::automatic;
  /// Most bytes that the buffers, the states and the computed constants of one plan may take
  /// together; the weights in the package's files do not count. 0: the machine's main memory.
  uint64_t memory_limit_bytes = 0;
  /// Null: nothing is observed, and runs cost nothing more. What is wanted is computed even where
  /// no result needs it; all other results stay what they are, bit by bit.
  std::shared_ptr<Observer> observer;
};

class ThreadPool;

/// Where a backend holds the contents of a State between its runs.
class StateHome {
 public:
  virtual ~StateHome() = default;
  /// The tensors are about to be read, and `written` too: brings them up to date. After an error
  /// they are not.
  virtual Status visit(bool written) = 0;
};

/// The contents of a program's states: named tensors, zero at first. Copying shares; `clone` is
/// deep.
class State {
 public:
  State() = default;
  explicit State(std::vector<NamedTensor> tensors) : tensors_(std::move(tensors)) {}
  /// Both bring contents that a backend holds up to date first. Where it cannot, they are stale:
  /// the state and its clones are lost until `reset`, and no backend runs on them.
  std::span<NamedTensor> tensors();
  std::span<const NamedTensor> tensors() const;
  NamedTensor* find(std::string_view name);
  State clone() const;
  void reset();
  uint64_t size_bytes() const;

  /// As `tensors` does; the error of the backend if the contents are lost.
  Status sync() const;

  /// For backends, before a run: success unless the contents are lost.
  const Status& lost() const { return lost_; }
  /// For backends: the tensors, whose contents a home may hold.
  std::span<NamedTensor> unvisited() { return tensors_; }
  /// Of the backend that ran on this state last; null when the tensors hold everything.
  const std::shared_ptr<StateHome>& home() const { return home_; }
  void set_home(std::shared_ptr<StateHome> home) { home_ = std::move(home); }

 private:
  void visit(bool written) const;

  std::vector<NamedTensor> tensors_;
  std::shared_ptr<StateHome> home_;
  mutable Status lost_;
};

/// One function prepared for one set of input shapes: memory planned, kernels chosen. Run it as
/// often as you like; on the executor a run neither allocates nor locks when all shapes are known
/// beforehand. Not thread-safe. Runners of one model may run on several threads at once, each on a
/// state of its own; Core ML takes those of one function one after the other.
class Runner {
 public:
  virtual ~Runner() = default;
  /// To fill before `run`; run_lockstep may move its bytes. Null when there is no such input. Dtype
  /// (fp32 for an fp16 input under Numerics::fp32) and shape must not be changed.
  virtual Tensor* input(std::string_view name) = 0;
  /// Runs on `state`, which must hold every state the function declares, with its shape; may be
  /// null when it declares none. States are updated in place. Errors: mismatch (state),
  /// out_of_range (indices that the program makes), unsupported.
  virtual Status run(State* state) = 0;
  /// A result of the last run; valid until the next one. Null when there is no such output.
  virtual const Tensor* output(std::string_view name) const = 0;
  virtual std::span<const std::string> output_names() const = 0;
};

/// Runs runners that one Model prepared for one function and shapes in lockstep, runner i on
/// states[i], as alone bit by bit: each weight is read once. Those that do not belong together, or
/// exceed memory_limit_bytes so, run one after the other. No runner may occur twice; neighbours may
/// share a state if each writes one row of it, the next behind the one before, and reads none past
/// its own. Allocates where Runner::run does, or for other runners than before. CHECKs that there
/// are as many states. Errors: as Runner::run; then every state may hold some of what a run writes.
Status run_lockstep(std::span<Runner* const> runners, std::span<State* const> states);

/// How one operation will be executed, for `inspect --kernels`.
struct KernelChoice {
  std::string operation;
  std::string type;
  std::string
      kernel;  ///< name of the fast binding, "reference", "constant", "alias" or "fused into …".
};

/// A package that is ready to run. Thread-safe for `prepare`; Runners are not.
class Model {
 public:
  /// Verifies the program of `package` and takes hold of its weights; Core ML, where
  /// `options.backend` says so, verifies on its own and only the files at the package's path count.
  /// Errors: corrupt with all diagnostics; unsupported naming the first op that is not implemented,
  /// its place, and how many others there are; limit when the states alone exceed the memory limit;
  /// of Core ML: unsupported with its own words.
  static Result<std::shared_ptr<Model>> load(package::Package package, const Options& options);
  virtual ~Model() = default;

  virtual const package::Package& package() const = 0;
  virtual const Options& options() const = 0;
  /// What runs it, as far as is known by now.
  virtual Execution execution() const { return {}; }

  /// A zeroed state with every state that any function of the package declares.
  virtual State new_state() const = 0;

  /// Plans `function` for the given input shapes (by name; inputs left out take their declared
  /// default shape). The last plans are cached; each call gives a Runner of its own buffers, which
  /// outlives its plan's place in the cache. Errors: not_found (function), mismatch (shape not
  /// allowed by the description), unsupported (text inputs), limit (Options::memory_limit_bytes;
  /// names the bytes needed).
  struct InputShape {
    std::string name;
    Shape shape;
  };
  virtual Result<std::unique_ptr<Runner>> prepare(std::string_view function,
                                                  std::span<const InputShape> shapes) = 0;

  /// Convenience for one-off use: prepares for the shapes of `inputs`, converts them to the storage
  /// dtype, fills defaults of optional inputs, runs, and returns copies of all outputs. Errors
  /// also: mismatch when a conversion would change the kind of number (bool, integer, float) or
  /// overflow.
  virtual Result<std::vector<NamedTensor>> predict(std::string_view function,
                                                   std::span<const NamedTensor> inputs,
                                                   State* state) = 0;

  virtual Result<std::vector<KernelChoice>> kernels(std::string_view function) = 0;
};

}  // namespace anemone::runtime
