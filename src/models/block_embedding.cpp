#include "models/blocks.h"

namespace anemone::models {

Var embedding_block(const BlockContext& context, Var input_ids, Var positions) {
  Builder& builder = context.builder;
  const FunctionSpec& spec = context.spec;
  const Decoder& decoder = context.decoder;
  const Builder::NameScope scope(builder, "embedding");
  const std::string number(to_string(spec.dtype));
  const auto rows_of = [&](const std::string& name, Var table, Var indices) {
    const Var rows = builder.add("gather", name,
                                 {{"x", table},
                                  {"indices", indices},
                                  {"axis", 0},
                                  {"batch_dims", 0},
                                  {"validate_indices", false}});
    if (rows.dtype() == spec.dtype) return rows;
    return builder.add("cast", name + "_cast", {{"x", rows}, {"dtype", number.c_str()}});
  };
  const int64_t hidden = decoder.hidden_size;
  const Var table = context.matrix("tokens", decoder.embedding, {decoder.vocab_size, hidden});
  Var x = rows_of("rows", table, input_ids);
  x = context.times("scaled", x, decoder.embedding_scale * spec.residual_scale);
  if (decoder.position_embedding) {
    WeightRef ref = *decoder.position_embedding;
    ref.rows = spec.context;
    ref.scale *= spec.residual_scale;
    const Var learned =
        spec.cached || spec.is_flexible
            ? context.reshape(
                  "position",
                  rows_of("position_rows", context.matrix("positions", ref, {spec.context, hidden}),
                          positions),
                  {1, spec.rows, hidden})
            : context.vector("positions", ref, {1, spec.rows, hidden});
    x = builder.add("add", "with_position", {{"x", x}, {"y", learned}});
  }
  x = builder.add("transpose", "channels", {{"x", x}, {"perm", std::vector<int64_t>{0, 2, 1}}});
  return builder.add("expand_dims", "hidden", {{"x", x}, {"axes", std::vector<int64_t>{2}}});
}

}  // namespace anemone::models
