#include <fmt/format.h>

#include "models/blocks.h"

namespace anemone::models {
namespace {

/// The length of an axis of x, as int32 [1].
Var length_of(Builder& builder, const std::string& name, Var x, int64_t axis) {
  const Var shape = builder.add("shape", name + "_shape", {{"x", x}});
  return builder.add("slice_by_index", name,
                     {{"x", shape},
                      {"begin", std::vector<int64_t>{axis}},
                      {"end", std::vector<int64_t>{axis + 1}}});
}

/// kHidden where `hides` holds, else 0.
Var mask_of(const BlockContext& context, const std::string& name, Var hides) {
  const std::string number(to_string(context.spec.dtype));
  const Var flags =
      context.builder.add("cast", name + "_flags", {{"x", hides}, {"dtype", number.c_str()}});
  return context.times(name, flags, kHidden);
}

}  // namespace

Var bounded_mask(const BlockContext& context, const std::string& name, Var mask) {
  if (!mask.defined()) return mask;
  return context.builder.add("maximum", name, {{"x", mask}, {"y", context.scalar(kHidden)}});
}

Var constant_mask(const BlockContext& context, std::string_view name, int64_t columns,
                  int64_t first, int64_t window) {
  const int64_t rows = context.spec.rows;
  const DType dtype = context.spec.dtype;
  const std::string key =
      fmt::format("mask {} {} {} {} {}", to_string(dtype), rows, columns, first, window);
  const Tensor mask = context.decoder.computed.get(key, [&] {
    Tensor made = Tensor::zeros(dtype, {1, 1, rows, columns});
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t column = 0; column < columns; ++column)
        if (column > first + row || column <= first + row - window)
          made.set(row * columns + column, kHidden);
    return made;
  });
  return context.builder.constant(name, mask);
}

void share_flexible(const BlockContext& context, Var input_ids, Var causal_mask, int64_t window,
                    Shared& shared) {
  Builder& builder = context.builder;
  Tensor all = Tensor::zeros(DType::int32, {context.spec.context});
  for (int64_t i = 0; i < all.element_count(); ++i) all.set(i, static_cast<double>(i));
  const Var places = builder.constant("places", all);
  const Var zero = builder.constant("place", Tensor::zeros(DType::int32, {1}));
  const auto range = [&](const char* hint, Var begin, Var end) {
    return builder.add("slice_by_index", hint, {{"x", places}, {"begin", begin}, {"end", end}});
  };
  const Var count = length_of(builder, "count", input_ids, 1);
  shared.end_pos = causal_mask.defined() ? length_of(builder, "end_pos", causal_mask, 3) : count;
  shared.current_pos = causal_mask.defined() ? builder.add("sub", "current_pos",
                                                           {{"x", shared.end_pos}, {"y", count}})
                                             : zero;
  shared.positions = range("positions", shared.current_pos, shared.end_pos);
  const Var row = context.reshape("row_positions", shared.positions, {1, 1, kUnknownDim, 1});
  const Var column = context.reshape("column_positions", range("columns", zero, shared.end_pos),
                                     {1, 1, 1, kUnknownDim});
  if (causal_mask.defined())
    shared.causal_mask = bounded_mask(context, "causal_mask_bounded", causal_mask);
  else
    shared.causal_mask = mask_of(context, "causal_mask",
                                 builder.add("greater", "is_later", {{"x", column}, {"y", row}}));
  if (window == 0) return;
  Tensor reach = Tensor::zeros(DType::int32, {});
  reach.set(0, static_cast<double>(window));
  const Var last_hidden =
      builder.add("sub", "last_hidden", {{"x", row}, {"y", builder.constant("window", reach)}});
  const Var is_old = builder.add("less_equal", "is_old", {{"x", column}, {"y", last_hidden}});
  shared.window_mask =
      builder.add("minimum", "window_mask",
                  {{"x", shared.causal_mask}, {"y", mask_of(context, "old_mask", is_old)}});
}

}  // namespace anemone::models
