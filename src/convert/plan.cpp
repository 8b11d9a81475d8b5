#include "convert/plan.h"

#include <algorithm>

#include "anemone/version.h"
#include "base/check.h"
#include "base/error.h"
#include "base/utf8.h"

namespace anemone::converter {
namespace {

/// Axes beyond this run nowhere on A14 to A16 and M1 (ANE rule "any single dimension").
constexpr int64_t kWidestAxis = 16384;

/// Constants below this many bytes are no tables, and count for nothing.
constexpr size_t kLeastTable = 4096;

std::string path_of(const models::WeightEntry& entry) {
  return std::string(models::kCheckpointPath) + models::weight_key(entry.ref, entry.dtype, {});
}

uint64_t byte_count(DType dtype, const Shape& shape) {
  return static_cast<uint64_t>(checked_byte_count(dtype, shape.element_count()).value_or(0));
}

}  // namespace

models::FunctionSpec base_spec(const Settings& settings) {
  models::FunctionSpec spec;
  spec.opset = settings.opset;
  spec.dtype = settings.dtype;
  spec.context = settings.context;
  spec.residual_scale = settings.residual_scale;
  return spec;
}

std::string name_of(const checkpoint::Checkpoint& checkpoint) {
  return to_utf8(checkpoint.path.filename().string());
}

PlannedPackage new_package(std::string name, const Source& source, const Settings& settings) {
  PlannedPackage result;
  result.name = std::move(name);
  auto& metadata = result.package.metadata;
  metadata["description"] = fmt::format("{} language model, converted from {}",
                                        source.decoder.architecture, name_of(source.checkpoint));
  metadata["author"] = fmt::format("Converted with Anemone {}", version());
  metadata["license"] = "That of the source model";
  metadata["version"] = std::string(version());
  metadata[std::string(kSourceKey)] = source.hash;
  nlohmann::ordered_json record = {
      {"layout", settings.layout},          {"context", settings.context},
      {"prefill", settings.prefill},        {"lengths", settings.lengths},
      {"dtype", to_string(settings.dtype)}, {"residual_scale", settings.residual_scale}};
  if (settings.monolith) record.update({{"monolith", true}, {"argmax", settings.argmax}});
  if (settings.any_length) record["any_length"] = true;
  if (!settings.quantize_text.empty()) record["quantize"] = settings.quantize_text;
  metadata[std::string(kSettingsKey)] = record.dump();
  return result;
}

Status add_built(mil::Function function, const models::WeightTable& table,
                 std::span<const package::Feature> given, Plan& plan, PlannedPackage& package) {
  for (mil::Operation& operation : function.block.operations)
    for (auto& attribute : operation.attributes) {
      mil::Value& value = attribute.second;
      if (value.blob == nullptr || !value.blob->path.starts_with(models::kCheckpointPath)) continue;
      const models::WeightEntry* entry =
          table.find(std::string_view(value.blob->path).substr(models::kCheckpointPath.size()));
      ANEMONE_CHECK(entry != nullptr, "the table has every weight of the function");
      mil::BlobReference reference{path_of(*entry), 0};
      plan.weights.try_emplace(reference.path, *entry);
      value.blob = std::make_shared<const mil::BlobReference>(std::move(reference));
    }
  ANEMONE_TRY(auto description, package::describe(function, given));
  package.package.functions.push_back(std::move(description));
  auto& functions = package.package.program.functions;
  functions.insert(std::ranges::upper_bound(functions, function.name, {}, &mil::Function::name),
                   std::move(function));
  return {};
}

Status add_function(const Source& source, const models::FunctionSpec& spec, Plan& plan,
                    PlannedPackage& package, std::span<const package::Feature> given) {
  models::WeightTable table;
  ANEMONE_TRY(auto function, models::build_function(source.decoder, spec, table));
  return add_built(std::move(function), table, given, plan, package);
}

Result<FunctionBytes> measure_function(const Source& source, const models::FunctionSpec& spec) {
  models::WeightTable table;
  ANEMONE_TRY(const auto function, models::build_function(source.decoder, spec, table));
  FunctionBytes bytes;
  for (const auto& [key, entry] : table.entries())
    bytes.constants[path_of(entry)] = byte_count(entry.dtype, entry.shape);
  for (const mil::Operation& operation : function.block.operations)
    for (const auto& attribute : operation.attributes) {
      const Tensor& constant = attribute.second.tensor;
      if (!constant.defined() || constant.bytes().size() < kLeastTable) continue;
      const auto contents = constant.bytes();
      const std::string_view text(reinterpret_cast<const char*>(contents.data()), contents.size());
      bytes.tables[fmt::format("{} {:x}", text.size(), std::hash<std::string_view>()(text))] =
          text.size();
    }
  for (const mil::NamedType& input : function.inputs)
    if (input.type.kind == mil::ValueType::Kind::state)
      bytes.state += byte_count(input.type.tensor.dtype, input.type.tensor.shape);
  return bytes;
}

int64_t head_parts(int64_t vocab_size) { return (vocab_size + kWidestAxis - 1) / kWidestAxis; }

Status check_blocks(const Settings& settings) {
  if (!settings.prefill.empty()) return {};
  return fail(ErrorCode::invalid_argument, "the layout {} needs a block", settings.layout);
}

package::WeightStream weight_stream(const Source& source, const Plan& plan) {
  return [&source, &plan](const mil::BlobReference& reference, const mil::TensorType& type,
                          const package::WeightSink& add) -> Status {
    const auto found = plan.weights.find(reference.path);
    ANEMONE_CHECK(found != plan.weights.end(), "the plan has every weight of its programs");
    models::WeightEntry entry = found->second;
    entry.shape = type.shape;
    return models::stream_weight(*source.checkpoint.weights, entry, add);
  };
}

}  // namespace anemone::converter
