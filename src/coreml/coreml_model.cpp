#include "coreml/coreml_model.h"

#include <algorithm>
#include <thread>

#include "base/error.h"
#include "base/physical_memory.h"
#include "coreml/busy.h"
#include "coreml/coreml_runner.h"
#include "runtime/coreml.h"
#include "runtime/declared_states.h"
#include "runtime/input_shapes.h"
#include "runtime/predict_once.h"

namespace anemone::coreml {

namespace fs = std::filesystem;
using package::Feature;
using package::FunctionDescription;

CoremlModel::CoremlModel(package::Package package, const runtime::Options& options,
                         CompiledCache cache)
    : package_(std::move(package)), options_(options), cache_(std::move(cache)) {}

Result<std::shared_ptr<runtime::Model>> CoremlModel::open(package::Package package,
                                                          const runtime::Options& options) {
  const auto model = std::make_shared<CoremlModel>(
      std::move(package), options, CompiledCache(default_cache_folder(), system_version()));
  const FunctionDescription* first =
      model->package_.find_function(model->package_.default_function);
  if (first == nullptr && !model->package_.functions.empty()) first = &model->package_.functions[0];
  if (first == nullptr) return fail(ErrorCode::corrupt, "the package describes no function");
  ANEMONE_TRY(const auto loaded, model->function_of(*first));
  return std::shared_ptr<runtime::Model>(model);
}

runtime::Execution CoremlModel::execution() const {
  const std::lock_guard lock(mutex_);
  runtime::Execution execution{runtime::Backend::coreml, options_.compute_units, notes_};
  if (!functions_.empty() && std::ranges::all_of(functions_, [](const auto& function) {
        return function.second->units() == runtime::ComputeUnits::cpu;
      }))
    execution.compute_units = runtime::ComputeUnits::cpu;
  if (repeats_ > 0)
    execution.notes.push_back(
        fmt::format("{} calls were repeated, as the Neural Engine was busy", repeats_));
  return execution;
}

void CoremlModel::count_repeats(uint64_t repeats) {
  const std::lock_guard lock(mutex_);
  repeats_ += repeats;
}

runtime::State CoremlModel::new_state() const {
  return runtime::declared_states(package_.program, runtime::Numerics::fp16);
}

Result<CompiledCache::Entry> CoremlModel::compiled() {
  if (!compiled_.model.empty()) return compiled_;
  if (package_.form == package::Form::mlmodelc) {
    compiled_.model = package_.path;
    return compiled_;
  }
  ANEMONE_TRY(compiled_, cache_.find_or_make(package_.path, compile));
  return compiled_;
}

Result<std::shared_ptr<Function>> CoremlModel::load(const FunctionDescription& description) {
  ANEMONE_TRY(const CompiledCache::Entry entry, compiled());
  auto loaded = load_from(entry.model, description);
  if (loaded.ok() || !entry.was_there || entry.is_refused) return loaded;
  // What was kept may have been damaged.
  auto remade = cache_.remake(package_.path, compile);
  if (!remade.ok()) {
    Error error = std::move(loaded).error();
    error.context.push_back("compiling it anew: " + remade.error().to_string());
    return error;
  }
  compiled_ = *std::move(remade);
  auto again = load_from(compiled_.model, description);
  // It was as it should be: the next process need not compile it once more.
  if (!again.ok()) cache_.note_refusal(compiled_);
  return again;
}

std::string CoremlModel::coreml_name(const FunctionDescription& description) const {
  // A package without functions has one nameless one, which is described as main.
  const bool is_only = package_.functions.size() == 1 && description.name == "main";
  return is_only ? "" : description.name;
}

Result<std::shared_ptr<Function>> CoremlModel::load_on(const fs::path& compiled,
                                                       runtime::ComputeUnits units,
                                                       const std::string& name) {
  std::shared_ptr<Function> function;
  const auto load_once = [&]() -> Status {
    ANEMONE_TRY(function, Function::load(compiled, units, name));
    return {};
  };
  uint64_t repeats = 0;
  Status status = call_patiently(
      Patience(), load_once,
      [](std::chrono::milliseconds pause) { std::this_thread::sleep_for(pause); }, repeats);
  if (repeats > 0) count_repeats(repeats);
  if (!status.ok()) return std::move(status).error();
  return function;
}

Result<std::shared_ptr<Function>> CoremlModel::load_from(const fs::path& compiled,
                                                         const FunctionDescription& description) {
  const std::string name = coreml_name(description);
  auto loaded = load_on(compiled, options_.compute_units, name);
  if (loaded.ok() || options_.compute_units == runtime::ComputeUnits::cpu) return loaded;
  auto on_cpu = load_on(compiled, runtime::ComputeUnits::cpu, name);
  if (!on_cpu.ok()) return loaded;
  execution_.notes.push_back(
      fmt::format("function '{}' {} on {}: {}", description.name, runtime::kRefusedUnits,
                  runtime::to_string(options_.compute_units), loaded.error().to_string()));
  return on_cpu;
}

std::shared_ptr<Function> CoremlModel::known_function(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const auto known = functions_.find(name);
  return known == functions_.end() ? nullptr : known->second;
}

Result<std::shared_ptr<Function>> CoremlModel::function_of(const FunctionDescription& description) {
  if (auto known = known_function(description.name)) return known;
  const std::lock_guard loading(loading_);
  if (auto known = known_function(description.name)) return known;
  ANEMONE_TRY(auto loaded, load(description).in(fmt::format("function '{}'", description.name)));
  const std::lock_guard lock(mutex_);
  notes_ = execution_.notes;
  return functions_.emplace(description.name, std::move(loaded)).first->second;
}

Result<Tensor> CoremlModel::buffer(const std::string& name, DType dtype, const Shape& shape) const {
  const uint64_t limit =
      options_.memory_limit_bytes > 0 ? options_.memory_limit_bytes : physical_memory_bytes();
  const auto count = checked_element_count(shape.dims());
  const auto bytes = count ? checked_byte_count(dtype, *count) : std::nullopt;
  if (!bytes || static_cast<uint64_t>(*bytes) > limit)
    return fail(ErrorCode::limit, "array '{}' {} {} is larger than the limit of {} bytes", name,
                to_string(dtype), shape.to_string(), limit);
  return Tensor::zeros(dtype, shape);
}

namespace {

Status check_kind(const Feature& feature, const char* role) {
  if (feature.kind == Feature::Kind::multi_array) return {};
  return with_hint(fail(ErrorCode::unsupported,
                        "{} '{}' is no array: the Core ML backend knows arrays and states only",
                        role, feature.name),
                   "--backend cpu");
}

bool has_one_shape(const Feature& feature) {
  return feature.enumerated_shapes.empty() && feature.ranges.empty();
}

}  // namespace

Result<std::unique_ptr<runtime::Runner>> CoremlModel::prepare(std::string_view name,
                                                              std::span<const InputShape> shapes) {
  const mil::Function* const program = package_.program.find_function(name);
  const FunctionDescription* const description = package_.find_function(name);
  if (program == nullptr || description == nullptr) {
    Error error = fail(ErrorCode::not_found, "no function '{}'", name);
    for (const FunctionDescription& other : package_.functions)
      error.hint += (error.hint.empty() ? "there are: " : ", ") + other.name;
    return error;
  }
  ANEMONE_TRY(const std::vector<Shape> chosen,
              runtime::choose_input_shapes(*program, description, shapes));
  std::vector<NamedTensor> inputs;
  std::vector<DeclaredState> states;
  std::string key(name);
  bool is_flexible = false;
  for (const mil::NamedType& input : program->inputs) {
    if (input.type.kind == mil::ValueType::Kind::state) {
      states.push_back({input.name, input.type.tensor.dtype, input.type.tensor.shape});
      continue;
    }
    if (const Feature* feature = description->find_input(input.name)) {
      ANEMONE_RETURN_IF_ERROR(check_kind(*feature, "input"));
      is_flexible = is_flexible || !has_one_shape(*feature);
    }
    const Shape& shape = chosen[inputs.size()];
    key += shape.to_string();
    ANEMONE_TRY(Tensor zeros, buffer(input.name, input.type.tensor.dtype, shape));
    inputs.push_back({input.name, std::move(zeros)});
  }
  std::ranges::sort(states, {}, &DeclaredState::name);
  const std::vector<Shape> known = known_shapes(key);
  std::vector<Call::Output> outputs;
  bool has_all_shapes = true;
  for (const Feature& feature : description->outputs) {
    ANEMONE_RETURN_IF_ERROR(check_kind(feature, "output"));
    Call::Output output{feature.name, feature.dtype, {}};
    if (!known.empty()) {
      ANEMONE_TRY(output.tensor, buffer(feature.name, feature.dtype, known[outputs.size()]));
    } else if (!is_flexible && has_one_shape(feature) && !feature.shape.empty()) {
      ANEMONE_TRY(output.tensor, buffer(feature.name, feature.dtype, Shape(feature.shape)));
    }
    has_all_shapes = has_all_shapes && output.tensor.defined();
    outputs.push_back(std::move(output));
  }
  ANEMONE_TRY(auto function, function_of(*description));
  ANEMONE_TRY(auto call, Call::make(function, std::move(inputs), std::move(outputs)));
  auto runner = std::make_unique<CoremlRunner>(shared_from_this(), std::move(function),
                                               std::move(call), std::move(states));
  if (!has_all_shapes) ANEMONE_RETURN_IF_ERROR(show_shapes(key, *runner));
  return std::unique_ptr<runtime::Runner>(std::move(runner));
}

std::vector<Shape> CoremlModel::known_shapes(const std::string& key) const {
  const std::lock_guard lock(mutex_);
  const auto found = result_shapes_.find(key);
  return found == result_shapes_.end() ? std::vector<Shape>() : found->second;
}

Status CoremlModel::show_shapes(const std::string& key, runtime::Runner& runner) {
  // More sets of shapes than the lengths that a package allows by name. A mask that grows with
  // every token has another shape in every call: beyond this, results get theirs in the run that is
  // asked for.
  constexpr size_t kMostTried = 16;
  {
    const std::lock_guard lock(mutex_);
    if (result_shapes_.size() >= kMostTried) return {};
  }
  runtime::State state = new_state();
  ANEMONE_RETURN_IF_ERROR(runner.run(&state));
  std::vector<Shape> shapes;
  for (const std::string& output : runner.output_names())
    shapes.push_back(runner.output(output)->shape());
  const std::lock_guard lock(mutex_);
  result_shapes_.emplace(key, std::move(shapes));
  return {};
}

Result<std::vector<NamedTensor>> CoremlModel::predict(std::string_view function,
                                                      std::span<const NamedTensor> inputs,
                                                      runtime::State* state) {
  return runtime::predict_once(*this, function, inputs, state);
}

Result<std::vector<runtime::KernelChoice>> CoremlModel::kernels(std::string_view name) {
  const FunctionDescription* const description = package_.find_function(name);
  if (description == nullptr) return fail(ErrorCode::not_found, "no function '{}'", name);
  ANEMONE_TRY(const auto loaded, function_of(*description));
  const std::lock_guard loading(loading_);
  ANEMONE_TRY(const CompiledCache::Entry entry, compiled());
  ANEMONE_TRY(const auto plan, load_plan(entry.model, loaded->units(), coreml_name(*description)));
  const auto function = std::ranges::find(plan, name, &PlannedFunction::name);
  if (function == plan.end())
    return fail(ErrorCode::not_found, "Core ML's plan has no function '{}'", name);
  std::vector<runtime::KernelChoice> choices;
  for (const PlannedOperation& operation : function->operations)
    choices.push_back({operation.outputs.empty() ? operation.type : operation.outputs[0],
                       operation.type, operation.preferred.empty() ? "none" : operation.preferred});
  return choices;
}

}  // namespace anemone::coreml
