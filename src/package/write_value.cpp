#include "package/write_value.h"

#include "package/wire_fields.h"
#include "package/write_tensor_value.h"
#include "package/write_type.h"

namespace anemone::package {
namespace {

/// The one weight file, where coremltools puts it; "@model_path" is the folder of the model file.
constexpr const char* kWeightPath = "@model_path/weights/weight.bin";

using mil::Value;
using mil::ValueType;

void write_immediate(Writer& immediate, const Value& value, const WeightPlan& plan) {
  const auto add_value = [&](Writer& parent, uint32_t tag, const Value& inner) {
    add_message(parent, tag, [&](Writer& message) { write_value(message, inner, plan); });
  };
  const auto write_elements = [&](Writer& parent) {
    for (const Value& element : value.elements) add_value(parent, wire::Values::values, element);
  };
  switch (value.type.kind) {
    case ValueType::Kind::tensor:
    case ValueType::Kind::state:
      return add_message(immediate, wire::ImmediateValue::tensor,
                         [&](Writer& tensor) { write_tensor_value(tensor, value.tensor); });
    case ValueType::Kind::tuple:
      return add_message(immediate, wire::ImmediateValue::tuple, write_elements);
    case ValueType::Kind::list:
      return add_message(immediate, wire::ImmediateValue::list, write_elements);
    case ValueType::Kind::dictionary:
      return add_message(immediate, wire::ImmediateValue::dictionary, [&](Writer& dictionary) {
        for (const mil::ValuePair& entry : value.entries)
          add_message(dictionary, wire::Values::values, [&](Writer& pair) {
            add_value(pair, wire::KeyValuePair::key, entry.first);
            add_value(pair, wire::KeyValuePair::value, entry.second);
          });
      });
  }
}

}  // namespace

void write_value(Writer& message, const Value& value, const WeightPlan& plan) {
  add_message(message, wire::Value::type,
              [&](Writer& type) { write_value_type(type, value.type); });
  if (const auto offset = plan.find(value)) {
    add_message(message, wire::Value::blobFileValue, [&](Writer& blob) {
      blob.add_string(wire::BlobFileValue::fileName, kWeightPath);
      blob.add_uint64(wire::BlobFileValue::offset, *offset);
    });
    return;
  }
  add_message(message, wire::Value::immediateValue,
              [&](Writer& immediate) { write_immediate(immediate, value, plan); });
}

}  // namespace anemone::package
