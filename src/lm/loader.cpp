#include "lm/loader.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <vector>

#include "base/error.h"
#include "base/sha256.h"

namespace anemone::lm {

namespace fs = std::filesystem;

Result<std::shared_ptr<runtime::Model>> load_package(const fs::path& path,
                                                     const runtime::Options& options) {
  auto package = package::open(path);
  if (!package.ok()) return std::move(package).error();
  return runtime::Model::load(*std::move(package), options).in(path.filename().string());
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
  if (const Tensor* ids = runner.input(interface.input_ids);
      ids != nullptr && (ids->dtype() != DType::int32 || ids->element_count() != rows))
    return wrong(interface.input_ids, *ids, fmt::format("int32 of {} tokens", rows));
  for (const std::string& name : {interface.position_ids, interface.current_pos})
    if (const Tensor* tensor = runner.input(name);
        tensor != nullptr && !is_integer(tensor->dtype()))
      return wrong(name, *tensor, "integers");
  for (const std::string& name :
       {interface.causal_mask, interface.window_mask, interface.update_mask})
    if (const Tensor* mask = runner.input(name);
        mask != nullptr && ((mask->dtype() != DType::fp16 && mask->dtype() != DType::fp32) ||
                            mask->shape().rank() == 0))
      return wrong(name, *mask, "fp16 or fp32 [.., rows, columns]");
  return {};
}

}  // namespace

Result<Pipeline::Stage> make_stage(runtime::Model& model,
                                   const package::FunctionDescription& function, int64_t rows,
                                   std::string label) {
  Pipeline::Stage stage{std::move(label), nullptr, read_interface(function)};
  std::vector<runtime::Model::InputShape> shapes;
  if (const package::Feature* ids = function.find_input(stage.interface.input_ids);
      ids != nullptr && is_flexible(*ids))
    shapes.push_back({ids->name, Shape{1, rows}});
  auto runner = model.prepare(function.name, shapes);
  if (!runner.ok()) return std::move(runner).in(stage.label).error();
  stage.runner = *std::move(runner);
  ANEMONE_RETURN_IF_ERROR(check_inputs(stage, rows));
  stage.interface.rows = rows;
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

namespace {

Status hash_file(Sha256& hash, const std::string& name, const fs::path& file) {
  hash.update(name);
  hash.update(std::string_view("\0", 1));
  std::ifstream stream(file, std::ios::binary);
  if (!stream) return fail(ErrorCode::io, "cannot read {}", file.string());
  std::vector<char> buffer(1 << 20);
  while (stream.read(buffer.data(), static_cast<std::streamsize>(buffer.size())) ||
         stream.gcount() > 0)
    hash.update(std::string_view(buffer.data(), static_cast<size_t>(stream.gcount())));
  if (stream.bad()) return fail(ErrorCode::io, "cannot read {}", file.string());
  return {};
}

}  // namespace

Result<std::string> hash_packages(std::span<const std::shared_ptr<runtime::Model>> packages,
                                  std::span<const fs::path> settings) {
  Sha256 hash;
  for (const auto& model : packages) {
    std::vector<fs::path> files;
    std::error_code error;
    const fs::path& root = model->package().path;
    for (auto entry = fs::recursive_directory_iterator(root, error);
         !error && entry != fs::recursive_directory_iterator(); entry.increment(error))
      if (entry->is_regular_file(error)) files.push_back(entry->path());
    if (error) return fail(ErrorCode::io, "cannot list {}: {}", root.string(), error.message());
    std::ranges::sort(files);
    for (const fs::path& file : files)
      ANEMONE_RETURN_IF_ERROR(
          hash_file(hash, fs::relative(file, root, error).generic_string(), file));
  }
  for (const fs::path& file : settings)
    ANEMONE_RETURN_IF_ERROR(hash_file(hash, file.filename().string(), file));
  return hash.finish();
}

}  // namespace anemone::lm
