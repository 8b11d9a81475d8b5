// What a program moves of its states, by its text: no plan is asked.

#include <algorithm>
#include <array>
#include <map>

#include "mil/op.h"
#include "runtime/declared_states.h"
#include "runtime/state_traffic.h"

namespace anemone::runtime {
namespace {

class ProgramTraffic {
 public:
  ProgramTraffic(const mil::Function& function, Numerics numerics)
      : function_(function), numerics_(numerics) {}

  std::optional<StateTraffic> find() {
    for (const mil::NamedType& input : function_.inputs) {
      types_[input.name] = &input.type;
      if (input.type.kind == mil::ValueType::Kind::state) states_[input.name] = &input.type;
    }
    for (const mil::Operation& operation : function_.block.operations) {
      for (const mil::NamedType& output : operation.outputs) types_[output.name] = &output.type;
      if (!add(operation)) return std::nullopt;
    }
    return traffic_;
  }

 private:
  /// Contents of a state under a name.
  struct Contents {
    uint64_t bytes = 0;    ///< that differ: rows that a tile repeats count once.
    bool updated = false;  ///< by slices, which were counted.
  };

  static const std::string* name_of(const mil::Operation& operation, std::string_view parameter) {
    const mil::Argument* argument = operation.find_input(parameter);
    if (argument == nullptr || argument->bindings.empty() || !argument->bindings[0].is_name())
      return nullptr;
    return &argument->bindings[0].name();
  }

  std::optional<uint64_t> bytes_of(const mil::ValueType& type) const {
    if (!type.tensor.shape.is_known() || type.tensor.variable_rank) return std::nullopt;
    const auto bytes = checked_byte_count(storage_dtype(type.tensor.dtype, numerics_),
                                          type.tensor.shape.element_count());
    if (!bytes) return std::nullopt;
    return static_cast<uint64_t>(*bytes);
  }
  std::optional<uint64_t> bytes_of(const std::string* name) const {
    const auto found = name == nullptr ? types_.end() : types_.find(*name);
    return found == types_.end() ? std::nullopt : bytes_of(*found->second);
  }

  /// False where the program does not say it.
  bool add(const mil::Operation& operation) {
    if (operation.type == "read_state") {
      const std::string* state = name_of(operation, "input");
      const auto bytes = bytes_of(state);
      if (!bytes || operation.outputs.empty()) return false;
      contents_[operation.outputs[0].name] = {*bytes};
      return true;
    }
    if (operation.type == "write_state") return add_write(operation);
    if (!operation.blocks.empty()) return states_.empty();
    if (operation.type == "slice_update" && find(name_of(operation, "x")) != nullptr) {
      const std::string* const update = name_of(operation, "update");
      const auto bytes = bytes_of(update);
      if (!bytes) return false;
      if (const Contents* moved = find(update)) traffic_.read_bytes += moved->bytes;
      traffic_.written_bytes += *bytes;
      contents_[operation.outputs[0].name] = {find(name_of(operation, "x"))->bytes, true};
      return true;
    }
    return only_moves(operation.type) ? add_move(operation) : add_reads(operation);
  }

  bool add_write(const mil::Operation& operation) {
    const Contents* const data = find(name_of(operation, "data"));
    if (data != nullptr && data->updated) return true;
    const auto bytes = bytes_of(name_of(operation, "input"));
    if (!bytes) return false;
    if (data != nullptr) traffic_.read_bytes += data->bytes;
    traffic_.written_bytes += *bytes;
    return true;
  }

  bool add_move(const mil::Operation& operation) {
    uint64_t bytes = 0;
    for (const mil::Argument& argument : operation.inputs)
      for (const mil::Binding& binding : argument.bindings)
        if (const Contents* const moved = binding.is_name() ? find(&binding.name()) : nullptr)
          bytes += moved->bytes;
    if (bytes == 0) return true;
    for (const mil::NamedType& output : operation.outputs) {
      const auto made = bytes_of(output.type);
      if (!made) return false;
      contents_[output.name] = {std::min(bytes, *made)};
    }
    return true;
  }

  bool add_reads(const mil::Operation& operation) {
    for (const mil::Argument& argument : operation.inputs)
      for (const mil::Binding& binding : argument.bindings)
        if (const Contents* const read = binding.is_name() ? find(&binding.name()) : nullptr)
          traffic_.read_bytes += read->bytes;
    return true;
  }

  const Contents* find(const std::string* name) const {
    const auto found = name == nullptr ? contents_.end() : contents_.find(*name);
    return found == contents_.end() ? nullptr : &found->second;
  }

  const mil::Function& function_;
  Numerics numerics_;
  std::map<std::string, const mil::ValueType*> types_;
  std::map<std::string, const mil::ValueType*> states_;
  std::map<std::string, Contents> contents_;
  StateTraffic traffic_;
};

}  // namespace

bool only_moves(std::string_view operation) {
  static constexpr std::array<std::string_view, 21> kMoves = {"cast",
                                                              "concat",
                                                              "expand_dims",
                                                              "flatten2d",
                                                              "gather",
                                                              "gather_along_axis",
                                                              "gather_nd",
                                                              "identity",
                                                              "pad",
                                                              "reshape",
                                                              "reshape_like",
                                                              "reverse",
                                                              "slice_by_index",
                                                              "slice_by_size",
                                                              "slice_update",
                                                              "sliding_windows",
                                                              "split",
                                                              "squeeze",
                                                              "stack",
                                                              "tile",
                                                              "transpose"};
  return std::ranges::find(kMoves, operation) != kMoves.end();
}

std::optional<StateTraffic> expected_traffic(const mil::Function& function, Numerics numerics) {
  return ProgramTraffic(function, numerics).find();
}

}  // namespace anemone::runtime
