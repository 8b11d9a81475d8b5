#include "package/write_model.h"

#include <limits>

#include "base/error.h"
#include "package/program_values.h"
#include "package/wire_fields.h"
#include "package/write_description.h"
#include "package/write_program.h"
#include "package/write_tensor_value.h"

namespace anemone::package {
namespace {

constexpr uint64_t kMostBytes = std::numeric_limits<int32_t>::max();

Error too_large(uint64_t bytes) {
  return with_hint(
      fail(ErrorCode::limit, "the program takes {} bytes without its weight file, at most {}",
           bytes, kMostBytes),
      "constants of bool, string and 64 bits have no place in weight files: use another dtype");
}

/// Bytes of the constants that the program itself holds; known before any of them is copied.
uint64_t constant_bytes(const mil::Program& program, const WeightPlan& plan) {
  uint64_t bytes = 0;
  for_each_value(program, [&](const mil::Value& value, ValuePlace) {
    if (value.type.kind == mil::ValueType::Kind::tensor && !plan.find(value))
      bytes += encoded_bytes(value.tensor);
  });
  return bytes;
}

}  // namespace

Result<std::string> write_model(const Package& package,
                                const std::map<std::string, std::string>& metadata,
                                int64_t specification_version, const WeightPlan& plan) {
  const uint64_t constants = constant_bytes(package.program, plan);
  if (constants > kMostBytes) return too_large(constants);
  std::string bytes;
  Writer model(bytes);
  model.add_int64(wire::Model::specificationVersion, specification_version);
  Status status;
  add_message(model, wire::Model::description, [&](Writer& description) {
    status = write_description(description, package, metadata, specification_version);
  });
  ANEMONE_RETURN_IF_ERROR(std::move(status).in("model description"));
  add_message(model, wire::Model::mlProgram,
              [&](Writer& program) { write_program(program, package.program, plan); });
  if (bytes.size() > kMostBytes) return too_large(bytes.size());
  return bytes;
}

}  // namespace anemone::package
