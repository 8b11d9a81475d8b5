#include "package/read_program.h"

#include <algorithm>
#include <optional>

#include "package/read_value.h"
#include "package/wire_fields.h"

namespace anemone::package {
namespace {

using mil::Argument;
using mil::Binding;
using mil::Block;
using mil::Function;
using mil::NamedType;
using mil::Operation;
using mil::Value;

using Attributes = std::vector<std::pair<std::string, Value>>;

struct MapEntry {
  std::string key;
  Message value;
};

Result<MapEntry> read_entry(const Field& field, const char* value_type) {
  ANEMONE_TRY(const Message message, field.message("map entry"));
  MapEntry entry;
  entry.value = Message{{message.bytes.data(), 0}, message.file, value_type, message.depth + 1};
  ANEMONE_RETURN_IF_ERROR(read_fields(message, [&](const Field& inner) -> Status {
    switch (inner.number()) {
      case wire::MapEntry::key: {
        ANEMONE_TRY(entry.key, inner.text());
        return {};
      }
      case wire::MapEntry::value: {
        ANEMONE_TRY(entry.value, inner.message(value_type));
        return {};
      }
    }
    return inner.skip(), Status();
  }));
  return entry;
}

/// Sorts by name; an error when a name is there twice.
template <typename Items, typename Name>
Status sort_by_name(Items& items, Name name, const Message& message, const char* what) {
  std::ranges::sort(items, {}, name);
  const auto twice = std::ranges::adjacent_find(items, {}, name);
  if (twice == items.end()) return {};
  return fail(ErrorCode::corrupt, "byte {}: two {} are named '{}'",
              message.offset(message.bytes.data()), what, std::invoke(name, *twice));
}

class ProgramReader {
 public:
  explicit ProgramReader(const mil::BlobLoader& blobs) : blobs_(blobs) {}

  Result<mil::Program> program(const Message& message) const;

 private:
  Result<Function> function(const Message& message, std::string name) const;
  Result<Block> block(const Message& message) const;
  Result<Operation> operation(const Message& message) const;
  Result<NamedType> named_type(const Field& field) const;
  Result<Argument> argument(const Field& field) const;
  Result<Binding> binding(const Field& field) const;
  Status attribute(const Field& field, Attributes& attributes) const;

  const mil::BlobLoader& blobs_;
};

Result<NamedType> ProgramReader::named_type(const Field& field) const {
  ANEMONE_TRY(const Message message, field.message("NamedValueType"));
  NamedType result;
  bool typed = false;
  ANEMONE_RETURN_IF_ERROR(read_fields(message, [&](const Field& inner) -> Status {
    switch (inner.number()) {
      case wire::NamedValueType::name: {
        ANEMONE_TRY(result.name, inner.text());
        return {};
      }
      case wire::NamedValueType::type: {
        ANEMONE_TRY(const Message type, inner.message("ValueType"));
        ANEMONE_TRY(result.type, read_value_type(type));
        typed = true;
        return {};
      }
    }
    return inner.skip(), Status();
  }));
  if (!typed) return field.wrong(fmt::format("'{}' has no type", result.name));
  return result;
}

Status ProgramReader::attribute(const Field& field, Attributes& attributes) const {
  ANEMONE_TRY(MapEntry entry, read_entry(field, "Value"));
  auto value = read_value(entry.value, blobs_);
  if (!value.ok()) return std::move(value).in(fmt::format("attribute '{}'", entry.key)).error();
  attributes.emplace_back(std::move(entry.key), std::move(value).value());
  return {};
}

Result<Binding> ProgramReader::binding(const Field& field) const {
  ANEMONE_TRY(const Message message, field.message("Binding"));
  std::optional<Binding> result;
  ANEMONE_RETURN_IF_ERROR(read_fields(message, [&](const Field& inner) -> Status {
    switch (inner.number()) {
      case wire::Binding::name: {
        ANEMONE_TRY(std::string name, inner.text());
        result = Binding{std::move(name)};
        return {};
      }
      case wire::Binding::value: {
        ANEMONE_TRY(const Message value, inner.message("Value"));
        ANEMONE_TRY(Value read, read_value(value, blobs_));
        result = Binding{std::move(read)};
        return {};
      }
    }
    return inner.skip(), Status();
  }));
  if (!result) return field.wrong("a parameter bound to nothing");
  return std::move(*result);
}

Result<Argument> ProgramReader::argument(const Field& field) const {
  ANEMONE_TRY(MapEntry entry, read_entry(field, "Argument"));
  if (entry.key.empty()) return field.wrong("a parameter without a name");
  Argument result{std::move(entry.key), {}, false};
  auto status = read_fields(entry.value, [&](const Field& inner) -> Status {
    if (inner.number() != wire::Argument::arguments) return inner.skip(), Status();
    ANEMONE_TRY(Binding bound, binding(inner));
    result.bindings.push_back(std::move(bound));
    return {};
  });
  if (!status.ok())
    return std::move(status).in(fmt::format("parameter '{}'", result.parameter)).error();
  result.is_tuple = result.bindings.size() > 1;
  return result;
}

Result<Operation> ProgramReader::operation(const Message& message) const {
  Operation result;
  auto status = read_fields(message, [&](const Field& field) -> Status {
    switch (field.number()) {
      case wire::Operation::type: {
        ANEMONE_TRY(result.type, field.text());
        return {};
      }
      case wire::Operation::inputs: {
        ANEMONE_TRY(Argument input, argument(field));
        result.inputs.push_back(std::move(input));
        return {};
      }
      case wire::Operation::outputs: {
        ANEMONE_TRY(NamedType output, named_type(field));
        result.outputs.push_back(std::move(output));
        return {};
      }
      case wire::Operation::blocks: {
        ANEMONE_TRY(const Message inner, field.message("Block"));
        ANEMONE_TRY(Block nested, block(inner));
        result.blocks.push_back(std::move(nested));
        return {};
      }
      case wire::Operation::attributes:
        return attribute(field, result.attributes);
    }
    return field.skip(), Status();
  });
  if (status.ok())
    status = sort_by_name(result.inputs, &Argument::parameter, message, "parameters");
  if (status.ok())
    status = sort_by_name(result.attributes, &Attributes::value_type::first, message, "attributes");
  if (!status.ok())
    return std::move(status)
        .in(fmt::format("'{}' ({})", result.display_name(), result.type))
        .error();
  return result;
}

Result<Block> ProgramReader::block(const Message& message) const {
  Block result;
  ANEMONE_RETURN_IF_ERROR(read_fields(message, [&](const Field& field) -> Status {
    switch (field.number()) {
      case wire::Block::inputs: {
        ANEMONE_TRY(NamedType input, named_type(field));
        result.inputs.push_back(std::move(input));
        return {};
      }
      case wire::Block::outputs: {
        ANEMONE_TRY(std::string name, field.text());
        result.outputs.push_back(std::move(name));
        return {};
      }
      case wire::Block::operations: {
        ANEMONE_TRY(const Message inner, field.message("Operation"));
        auto read = operation(inner);
        if (!read.ok())
          return std::move(read).in(fmt::format("op {}", result.operations.size())).error();
        result.operations.push_back(std::move(read).value());
        return {};
      }
      case wire::Block::attributes:
        return attribute(field, result.attributes);
    }
    return field.skip(), Status();
  }));
  ANEMONE_RETURN_IF_ERROR(
      sort_by_name(result.attributes, &Attributes::value_type::first, message, "attributes"));
  return result;
}

Result<Function> ProgramReader::function(const Message& message, std::string name) const {
  Function result;
  result.name = std::move(name);
  std::vector<MapEntry> specializations;
  ANEMONE_RETURN_IF_ERROR(read_fields(message, [&](const Field& field) -> Status {
    switch (field.number()) {
      case wire::Function::inputs: {
        ANEMONE_TRY(NamedType input, named_type(field));
        result.inputs.push_back(std::move(input));
        return {};
      }
      case wire::Function::opset: {
        ANEMONE_TRY(result.opset, field.text());
        return {};
      }
      case wire::Function::block_specializations: {
        ANEMONE_TRY(MapEntry entry, read_entry(field, "Block"));
        specializations.push_back(std::move(entry));
        return {};
      }
      case wire::Function::attributes:
        return attribute(field, result.attributes);
    }
    return field.skip(), Status();
  }));
  ANEMONE_RETURN_IF_ERROR(
      sort_by_name(result.attributes, &Attributes::value_type::first, message, "attributes"));
  ANEMONE_RETURN_IF_ERROR(sort_by_name(specializations, &MapEntry::key, message, "blocks"));
  const auto live = std::ranges::find(specializations, result.opset, &MapEntry::key);
  if (live == specializations.end())
    return fail(ErrorCode::corrupt, "byte {}: no block for opset '{}'; there are {}{}",
                message.offset(message.bytes.data()), result.opset, specializations.size(),
                specializations.empty() ? "" : ", the first for " + specializations[0].key);
  ANEMONE_TRY(result.block, block(live->value));
  return result;
}

Result<mil::Program> ProgramReader::program(const Message& message) const {
  mil::Program result;
  ANEMONE_RETURN_IF_ERROR(read_fields(message, [&](const Field& field) -> Status {
    switch (field.number()) {
      case wire::Program::version: {
        ANEMONE_TRY(result.version, field.integer());
        return {};
      }
      case wire::Program::functions: {
        ANEMONE_TRY(MapEntry entry, read_entry(field, "Function"));
        auto read = function(entry.value, entry.key);
        if (!read.ok()) return std::move(read).in(fmt::format("function '{}'", entry.key)).error();
        result.functions.push_back(std::move(read).value());
        return {};
      }
      case wire::Program::docString: {
        ANEMONE_TRY(result.doc, field.text());
        return {};
      }
      case wire::Program::attributes:
        return attribute(field, result.attributes);
    }
    return field.skip(), Status();
  }));
  ANEMONE_RETURN_IF_ERROR(sort_by_name(result.functions, &Function::name, message, "functions"));
  ANEMONE_RETURN_IF_ERROR(
      sort_by_name(result.attributes, &Attributes::value_type::first, message, "attributes"));
  return result;
}

}  // namespace

Result<mil::Program> read_program(const Message& message, const mil::BlobLoader& blobs) {
  return ProgramReader(blobs).program(message);
}

}  // namespace anemone::package
