#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "mil/op.h"

namespace anemone::runtime {

/// The operands of one operation by parameter name, for code that is not beside the op's definition
/// and so does not know its parameter indices.
class Arguments {
 public:
  Arguments(const mil::OpDef& op, const mil::Operands& operands) : op_(op), operands_(operands) {}

  /// CHECKs that the op has such a parameter.
  size_t index(std::string_view parameter) const;
  bool has(std::string_view parameter) const { return operands_.has(index(parameter)); }
  size_t count(std::string_view parameter) const { return operands_.count(index(parameter)); }
  /// Position in the flat list of operands.
  size_t flat(std::string_view parameter, size_t i = 0) const;
  const mil::TensorType& type(std::string_view parameter, size_t i = 0) const {
    return operands_.type(index(parameter), i);
  }
  const Shape& shape(std::string_view parameter, size_t i = 0) const {
    return type(parameter, i).shape;
  }
  const Tensor* value(std::string_view parameter, size_t i = 0) const {
    return operands_.value(index(parameter), i);
  }
  int64_t integer(std::string_view parameter, int64_t absent) const {
    return operands_.integer(index(parameter), absent);
  }
  double number(std::string_view parameter, double absent) const {
    return operands_.number(index(parameter), absent);
  }
  bool boolean(std::string_view parameter, bool absent) const {
    return operands_.boolean(index(parameter), absent);
  }
  std::string_view text(std::string_view parameter, std::string_view absent) const {
    return operands_.text(index(parameter), absent);
  }
  std::optional<std::vector<int64_t>> integers(std::string_view parameter) const {
    return operands_.integers(index(parameter));
  }
  /// True when the parameter is absent or its value is known.
  bool is_known(std::string_view parameter) const { return !has(parameter) || value(parameter); }
  const mil::Operands& operands() const { return operands_; }

 private:
  const mil::OpDef& op_;
  const mil::Operands& operands_;
};

}  // namespace anemone::runtime
