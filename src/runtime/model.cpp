#include "anemone/model.h"

#include <algorithm>
#include <mutex>
#include <set>

#include "base/check.h"
#include "base/error.h"
#include "base/physical_memory.h"
#include "mil/op.h"
#include "runtime/coreml.h"
#include "runtime/declared_states.h"
#include "runtime/input_shapes.h"
#include "runtime/lane_observer.h"
#include "runtime/load_on.h"
#include "runtime/plan_cache.h"
#include "runtime/plan_runner.h"
#include "runtime/planner.h"
#include "runtime/predict_once.h"
#include "runtime/thread_pool.h"

namespace anemone::runtime {
namespace {

struct MissingOps {
  std::string first;
  std::string place;
  int64_t count = 0;
};

void find_missing(const mil::Block& block, std::string_view function, MissingOps& missing) {
  for (size_t i = 0; i < block.operations.size(); ++i) {
    const mil::Operation& operation = block.operations[i];
    const mil::OpDef* op = mil::find_op(operation.type);
    if (op == nullptr || (op->kind == mil::OpKind::plain && op->eval == nullptr)) {
      if (missing.count++ == 0) {
        missing.first = operation.type;
        missing.place =
            fmt::format("function '{}': op {} '{}'", function, i, operation.display_name());
      }
    }
    for (const mil::Block& nested : operation.blocks) find_missing(nested, function, missing);
  }
}

Status check_ops(const mil::Program& program) {
  MissingOps missing;
  for (const mil::Function& function : program.functions)
    find_missing(function.block, function.name, missing);
  if (missing.count == 0) return {};
  return fail(ErrorCode::unsupported,
              "op '{}' is not implemented; {}; {} other operations are not either", missing.first,
              missing.place, missing.count - 1);
}

/// Deferred constants are fetched by whoever made the program.
Status check_contents(const mil::Program& program) {
  for (const mil::Function& function : program.functions)
    for (const mil::Operation& operation : function.block.operations) {
      if (operation.type != "const") continue;
      const mil::Value* value = operation.find_attribute("val");
      if (value != nullptr && value->blob != nullptr && !value->tensor.defined())
        return fail(ErrorCode::invalid_argument,
                    "{}: the contents of constant '{}' ({}) are not there", function.name,
                    operation.display_name(), value->blob->path);
    }
  return {};
}

Status check_program(const mil::Program& program) {
  const mil::Diagnostics faults = mil::verify(program);
  if (faults.empty()) return {};
  Error error = fail(ErrorCode::corrupt, "the program breaks {} constraints", faults.size());
  for (const mil::Diagnostic& fault : faults) error.message += "; " + fault.to_string();
  return error;
}

uint64_t memory_limit(const Options& options) {
  return options.memory_limit_bytes > 0 ? options.memory_limit_bytes : physical_memory_bytes();
}

/// The states that any function declares fit into memory, before anybody asks for them.
Status check_states(const mil::Program& program, const Options& options) {
  const uint64_t limit_bytes = memory_limit(options);
  uint64_t needed = 0;
  std::set<std::string_view> names;
  for (const mil::Function& function : program.functions)
    for (const mil::NamedType& input : function.inputs) {
      if (input.type.kind != mil::ValueType::Kind::state || !names.insert(input.name).second)
        continue;
      const mil::TensorType& type = input.type.tensor;
      if (type.dtype == DType::string)
        return fail(ErrorCode::unsupported, "state '{}' of function '{}' is text", input.name,
                    function.name);
      const auto bytes = checked_byte_count(storage_dtype(type.dtype, options.numerics),
                                            type.shape.element_count());
      ANEMONE_CHECK(bytes.has_value(), "the verifier bounds every type");
      needed += static_cast<uint64_t>(*bytes);
      if (needed > limit_bytes)
        return fail(ErrorCode::limit, "the states need at least {} bytes, the limit is {}", needed,
                    limit_bytes);
    }
  return {};
}

Result<const kernels::KernelSet*> choose_kernels(Isa isa) {
  if (isa == Isa::automatic) return &kernels::kernel_sets().back();
  const kernels::KernelSet* found = kernels::find_kernel_set(to_string(isa));
  if (found != nullptr) return found;
  Error error = fail(ErrorCode::unsupported, "this machine has no {}", to_string(isa));
  for (const kernels::KernelSet& set : kernels::kernel_sets())
    error.hint += (error.hint.empty() ? "it has: " : ", ") + std::string(set.isa);
  return error;
}

class CpuModel final : public Model, public std::enable_shared_from_this<CpuModel> {
 public:
  CpuModel(package::Package package, const Options& options, const kernels::KernelSet& kernels,
           std::shared_ptr<ThreadPool> pool, std::vector<std::string> notes)
      : package_(std::move(package)),
        options_(options),
        kernels_(kernels),
        pool_(std::move(pool)),
        notes_(std::move(notes)) {}

  const package::Package& package() const override { return package_; }
  const Options& options() const override { return options_; }
  Execution execution() const override { return {.notes = notes_}; }

  State new_state() const override { return declared_states(package_.program, options_.numerics); }

  Result<std::unique_ptr<Runner>> prepare(std::string_view function,
                                          std::span<const InputShape> shapes) override {
    ANEMONE_TRY(auto plan, plan_for(function, shapes));
    return std::unique_ptr<Runner>(
        std::make_unique<PlanRunner>(std::move(plan), *pool_, shared_from_this()));
  }

  Result<std::vector<NamedTensor>> predict(std::string_view function,
                                           std::span<const NamedTensor> inputs,
                                           State* state) override {
    return predict_once(*this, function, inputs, state);
  }

  Result<std::vector<KernelChoice>> kernels(std::string_view function) override {
    ANEMONE_TRY(const auto plan, plan_for(function, {}));
    return plan->choices;
  }

 private:
  Result<std::shared_ptr<const Plan>> plan_for(std::string_view name,
                                               std::span<const InputShape> shapes) {
    const mil::Function* function = package_.program.find_function(name);
    if (function == nullptr) {
      Error error = fail(ErrorCode::not_found, "no function '{}'", name);
      for (const mil::Function& other : package_.program.functions)
        error.hint += (error.hint.empty() ? "there are: " : ", ") + other.name;
      return error;
    }
    ANEMONE_TRY(const std::vector<Shape> known,
                choose_input_shapes(*function, package_.find_function(name), shapes));
    std::string key(name);
    for (const Shape& shape : known) key += shape.to_string();

    const std::lock_guard lock(mutex_);
    if (auto kept = plans_.find(key)) return kept;
    PlanRequest request{.function = *function,
                        .input_shapes = known,
                        .numerics = options_.numerics,
                        .kernels = &kernels_,
                        .weights = &weights_,
                        .threads = pool_->threads(),
                        .memory_limit_bytes = memory_limit(options_)};
    if (options_.observer != nullptr) {
      request.observed = options_.observer->wanted(package_, name);
      request.shows_first_lane =
          dynamic_cast<const LaneObserver*>(options_.observer.get()) != nullptr;
      request.show = [this, function](std::string_view value, const Tensor& tensor) {
        return options_.observer->observe({package_, function->name, value, tensor});
      };
    }
    ANEMONE_TRY(auto plan, make_plan(request));
    plans_.keep(std::move(key), plan);
    return plan;
  }

  package::Package package_;
  Options options_;
  const kernels::KernelSet& kernels_;
  std::shared_ptr<ThreadPool> pool_;
  std::vector<std::string> notes_;
  std::mutex mutex_;
  Weights weights_;
  PlanCache plans_;
};

Result<std::shared_ptr<Model>> load_cpu(std::shared_ptr<ThreadPool> pool, package::Package package,
                                        const Options& options, std::vector<std::string> notes) {
  ANEMONE_TRY(const kernels::KernelSet* kernels, choose_kernels(options.isa));
  const auto load = [&]() -> Result<std::shared_ptr<Model>> {
    ANEMONE_RETURN_IF_ERROR(check_ops(package.program));
    ANEMONE_RETURN_IF_ERROR(check_program(package.program));
    ANEMONE_RETURN_IF_ERROR(check_states(package.program, options));
    ANEMONE_RETURN_IF_ERROR(check_contents(package.program));
    return std::shared_ptr<Model>(std::make_shared<CpuModel>(std::move(package), options, *kernels,
                                                             std::move(pool), std::move(notes)));
  };
  const std::string path = package.path.string();
  auto model = load();
  return path.empty() ? std::move(model) : std::move(model).in(path);
}

}  // namespace

std::shared_ptr<ThreadPool> make_thread_pool(const Options& options) {
  return std::make_shared<ThreadPool>(options.threads > 0
                                          ? options.threads
                                          : static_cast<int>(std::thread::hardware_concurrency()));
}

Result<std::shared_ptr<Model>> Model::load(package::Package package, const Options& options) {
  return load_on(make_thread_pool(options), std::move(package), options);
}

Result<std::shared_ptr<Model>> load_on(std::shared_ptr<ThreadPool> pool, package::Package package,
                                       const Options& options) {
  if (options.backend == Backend::cpu || (options.backend == Backend::automatic && !has_coreml()))
    return load_cpu(std::move(pool), std::move(package), options, {});
  auto model = load_coreml(package, options);
  if (model.ok() || options.backend == Backend::coreml) return model;
  return load_cpu(
      std::move(pool), std::move(package), options,
      {fmt::format("runs on the CPU executor, because: {}", model.error().to_string())});
}

}  // namespace anemone::runtime
