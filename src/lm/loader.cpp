#include "lm/loader.h"

#include <algorithm>
#include <charconv>
#include <vector>

#include "anemone/coreml.h"
#include "base/blake3.h"
#include "base/error.h"
#include "runtime/load_on.h"

namespace anemone::lm {

namespace fs = std::filesystem;

Result<std::shared_ptr<runtime::Model>> load_package(
    const fs::path& path, const runtime::Options& options,
    const std::shared_ptr<runtime::ThreadPool>& pool) {
  auto package = package::open(path);
  if (!package.ok()) return std::move(package).error();
  return runtime::load_on(pool, *std::move(package), options);
}

namespace {

/// The inputs that a pipeline fills by their role have the dtype and size that filling assumes.
Status check_inputs(const Pipeline::Stage& stage, int64_t rows) {
  runtime::Runner& runner = *stage.runner;
  const Interface& interface = stage.interface;
  const auto wrong = [&](const std::string& name, const Tensor& tensor, std::string_view expected) {
    return fail(ErrorCode::mismatch, "{}: input {} is {} {}, expected {}", stage.label, name,
                to_string(tensor.dtype()), tensor.shape().to_string(), expected);
  };
  for (const std::string& name : {interface.input_ids, interface.targets})
    if (const Tensor* ids = runner.input(name);
        ids != nullptr && (ids->dtype() != DType::int32 || ids->element_count() != rows))
      return wrong(name, *ids, fmt::format("int32 of {} tokens", rows));
  for (const auto& [name, count] :
       {std::pair{&interface.position_ids, rows}, std::pair{&interface.current_pos, int64_t{1}}})
    if (const Tensor* tensor = runner.input(*name);
        tensor != nullptr && (!is_integer(tensor->dtype()) || tensor->element_count() != count))
      return wrong(*name, *tensor, fmt::format("{} integers", count));
  const auto is_mask = [](const Tensor& mask) {
    return (mask.dtype() == DType::fp16 || mask.dtype() == DType::fp32) && mask.shape().rank() > 0;
  };
  for (const std::string& name : {interface.causal_mask, interface.window_mask})
    if (const Tensor* mask = runner.input(name))
      if (!is_mask(*mask) ||
          mask->element_count() != rows * mask->shape()[mask->shape().rank() - 1])
        return wrong(name, *mask, fmt::format("fp16 or fp32 [.., {}, columns]", rows));
  if (const Tensor* mask = runner.input(interface.update_mask))
    if (!is_mask(*mask) || mask->shape()[mask->shape().rank() - 1] != rows)
      return wrong(interface.update_mask, *mask, fmt::format("fp16 or fp32 [.., slots, {}]", rows));
  return {};
}

}  // namespace

Result<Pipeline::Stage> make_stage(runtime::Model& model,
                                   const package::FunctionDescription& function, int64_t rows,
                                   std::string label) {
  Pipeline::Stage stage{std::move(label), nullptr, read_interface(function)};
  if (!stage.interface.unknown_inputs.empty())
    return with_hint(
        fail(ErrorCode::unsupported, "{}: function {}: input '{}' has no known role",
             model.package().path.filename().string(), function.name,
             stage.interface.unknown_inputs[0]),
        "known are input_ids, hidden_states, position_ids, causal_mask, window_mask, current_pos, "
        "update_mask and targets");
  std::vector<runtime::Model::InputShape> shapes;
  if (const package::Feature* ids = function.find_input(stage.interface.input_ids);
      ids != nullptr && is_flexible(*ids))
    shapes.push_back({ids->name, Shape{1, rows}});
  stage.another = [&model, name = function.name, shapes, label = stage.label] {
    return model.prepare(name, shapes).in(label);
  };
  ANEMONE_TRY(stage.runner, stage.another());
  ANEMONE_RETURN_IF_ERROR(check_inputs(stage, rows));
  stage.interface.rows = rows;
  stage.is_head = !stage.interface.hidden_states.empty() && function.states.empty();
  if (!stage.interface.window_mask.empty()) {
    const auto& metadata = model.package().metadata;
    const auto found = metadata.find(kWindowKey);
    const std::string text = found == metadata.end() ? "" : found->second;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), stage.window);
    if (error != std::errc() || end != text.data() + text.size() || stage.window < 1)
      return fail(ErrorCode::mismatch,
                  "{}: takes {}, but {} in the metadata is '{}', expected a number of tokens",
                  stage.label, stage.interface.window_mask, kWindowKey, text);
  }
  return stage;
}

Status check_state_rows(const runtime::State& state, int64_t columns) {
  int64_t longest = 0;
  for (const NamedTensor& tensor : state.tensors()) {
    const Shape& shape = tensor.tensor.shape();
    if (shape.rank() >= 3) longest = std::max(longest, shape[shape.rank() - 2]);
  }
  if (longest < columns)
    return fail(ErrorCode::mismatch,
                "state of {} rows is shorter than the causal_mask of {} columns", longest, columns);
  return {};
}

Status join_states(runtime::State& state, const runtime::Model& model) {
  std::vector<NamedTensor> joined(state.tensors().begin(), state.tensors().end());
  const runtime::State own = model.new_state();
  for (const NamedTensor& tensor : own.tensors()) {
    const NamedTensor* known = state.find(tensor.name);
    if (known == nullptr) {
      joined.push_back(tensor);
    } else if (known->tensor.shape() != tensor.tensor.shape()) {
      return fail(ErrorCode::mismatch, "{}: state {} has shape {}, in the packages before it {}",
                  model.package().path.filename().string(), tensor.name,
                  tensor.tensor.shape().to_string(), known->tensor.shape().to_string());
    }
  }
  state = runtime::State(std::move(joined));
  return {};
}

runtime::Execution join_executions(std::span<const std::shared_ptr<runtime::Model>> packages) {
  runtime::Execution joined;
  for (const auto& model : packages) {
    const runtime::Execution own = model->execution();
    if (own.backend == runtime::Backend::coreml) {
      joined.backend = own.backend;
      if (own.compute_units != runtime::ComputeUnits::cpu) joined.compute_units = own.compute_units;
    }
    for (const std::string& note : own.notes)
      joined.notes.push_back(model->package().path.filename().string() + ": " + note);
  }
  if (joined.backend == runtime::Backend::coreml)
    for (const runtime::CoremlVariable& variable : runtime::coreml_variables())
      if (variable.concerns_coreml)
        joined.notes.push_back(fmt::format("{}={}{}", variable.name, variable.found,
                                           variable.is_set() ? "" : ", not as wanted"));
  return joined;
}

namespace {

/// The bytes of a number, least first: what stands before bytes says how many they are.
void hash_count(Blake3& hash, uint64_t count) {
  std::string bytes;
  for (int shift = 0; shift < 64; shift += 8) bytes += static_cast<char>(count >> shift & 0xff);
  hash.update(bytes);
}

Status hash_file(Blake3& hash, const std::string& name, const fs::path& file) {
  std::error_code error;
  const uint64_t size_bytes = fs::file_size(file, error);
  if (error) return fail(ErrorCode::io, "cannot read {}", file.string());
  hash_count(hash, name.size());
  hash.update(name);
  hash_count(hash, size_bytes);
  return hash.update_from(file);
}

}  // namespace

Result<std::string> hash_packages(std::span<const std::shared_ptr<runtime::Model>> packages,
                                  std::span<const fs::path> settings) {
  Blake3 hash;
  for (const auto& model : packages) {
    std::vector<fs::path> files;
    std::error_code error;
    const fs::path& root = model->package().path;
    for (auto entry = fs::recursive_directory_iterator(root, error);
         !error && entry != fs::recursive_directory_iterator(); entry.increment(error))
      if (entry->is_regular_file(error)) files.push_back(entry->path());
    if (error) return fail(ErrorCode::io, "cannot list {}: {}", root.string(), error.message());
    std::ranges::sort(files);
    hash_count(hash, files.size());
    for (const fs::path& file : files)
      ANEMONE_RETURN_IF_ERROR(
          hash_file(hash, fs::relative(file, root, error).generic_string(), file));
  }
  for (const fs::path& file : settings)
    ANEMONE_RETURN_IF_ERROR(hash_file(hash, file.filename().string(), file));
  return hash.finish();
}

}  // namespace anemone::lm
