#pragma once

#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "ane/model_view.h"

/// Sizes that are known at run time only: whether the shapes of the inputs decide them or values
/// do, and how long they count.
namespace anemone::ane {

class UnknownSizes {
 public:
  /// Unknown dimensions of inputs count as `length`. The view outlives this.
  explicit UnknownSizes(const FunctionView& function, double length = 1);

  /// Whether the size of a value depends on values: that of what non_zero finds, of bounds and
  /// shapes that are worked out at run time from more than shapes, and of what comes of such.
  /// Where all inputs have known shapes every unknown size is one.
  bool is_of_values(std::string_view value) const { return of_values_.contains(value); }
  /// Whether the op reads or makes such a value.
  bool is_of_values(const OpView& op) const;

  /// What an unknown dimension of a value counts as: that of the longest value it is made of. A
  /// change of shape keeps the number of elements.
  double length(std::string_view value) const;

 private:
  bool makes_size_of_values(const OpView& op) const;
  bool takes_size_of_values(const OpView& op) const;
  bool is_worked_out_of_values(const OpView& op) const;
  double length_of_output(const OpView& op, const mil::TensorType& type) const;

  const FunctionView* function_;
  double length_;
  std::unordered_set<std::string_view> from_values_;  ///< whose contents are not of shapes alone.
  std::unordered_set<std::string_view> of_values_;
  std::unordered_map<std::string_view, double> lengths_;  ///< where not `length_`.
};

}  // namespace anemone::ane
