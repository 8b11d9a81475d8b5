#include "models/blocks.h"

namespace anemone::models {
namespace {

class AttentionBlock {
 public:
  AttentionBlock(const BlockContext& context, const Attention& attention, const Shared& shared,
                 int64_t slot)
      : context_(context),
        builder_(context.builder),
        attention_(attention),
        shared_(shared),
        slot_(slot),
        rows_(context.spec.rows) {}

  Var build(Var x, double factor) {
    Var q = heads("q", attention_.q, attention_.q_norm, attention_.heads, x, true);
    Var keys = heads("k", attention_.k, attention_.k_norm, attention_.kv_heads, x, true);
    Var values = heads("v", attention_.v, {}, attention_.kv_heads, x, false);
    if (context_.spec.cached) {
      remember("keys", slot_, keys);
      remember("values", shared_.layers + slot_, values);
      const Var cache = builder_.add("read_state", "cache", {{"input", shared_.state}});
      keys = recall("keys", slot_, cache);
      values = recall("values", shared_.layers + slot_, cache);
    }
    return attend(q, keys, values, factor);
  }

 private:
  /// [1, heads, S, D]
  Var heads(const std::string& name, const Linear& linear, const std::optional<Norm>& norm,
            int64_t count, Var x, bool rotates) {
    const int64_t size = attention_.head_dim;
    Var y = linear_block(context_, name, linear, x);
    if (norm && attention_.norm_spans_heads) y = norm_block(context_, name + "_norm", *norm, y, 1);
    y = context_.reshape(name + "_heads", y, {1, count, size, rows_});
    y = builder_.add("transpose", name + "_rows",
                     {{"x", y}, {"perm", std::vector<int64_t>{0, 1, 3, 2}}});
    if (norm && !attention_.norm_spans_heads) y = norm_block(context_, name + "_norm", *norm, y, 3);
    if (rotates && attention_.rope >= 0)
      y = rotate_block(context_, name + "_rope", y, shared_.ropes.at(attention_.rope));
    return y;
  }

  Var position(int64_t value) {
    Tensor tensor = Tensor::zeros(DType::int32, {1});
    tensor.set(0, static_cast<double>(value));
    return builder_.constant("place", tensor);
  }

  void remember(const std::string& name, int64_t slot, Var rows) {
    const auto corner = [&](const std::string& hint, std::vector<Var> places) {
      return builder_.add("concat", name + hint,
                          {{"values", std::move(places)}, {"axis", 0}, {"interleave", false}});
    };
    const Var begin =
        corner("_begin", {position(slot), position(0), shared_.current_pos, position(0)});
    const Var end = corner("_end", {position(slot + 1), position(attention_.kv_heads),
                                    shared_.end_pos, position(attention_.head_dim)});
    const Var before = builder_.add("read_state", name + "_before", {{"input", shared_.state}});
    const Var after =
        builder_.add("slice_update", name + "_after",
                     {{"x", before}, {"update", rows}, {"begin", begin}, {"end", end}});
    builder_.add_all("write_state", name + "_write", 0,
                     {{"input", shared_.state}, {"data", after}});
  }

  /// [1, Hkv, C, D]
  Var recall(const std::string& name, int64_t slot, Var cache) {
    const Shape& shape = cache.shape();
    return builder_.add(
        "slice_by_index", name,
        {{"x", cache},
         {"begin", std::vector<int64_t>{slot, 0, 0, 0}},
         {"end", std::vector<int64_t>{slot + 1, shape[1], context_.spec.context, shape[3]}}});
  }

  /// The query heads of one key head are rows of one product, so keys and values are never copied.
  Var attend(Var q, Var keys, Var values, double factor) {
    const int64_t size = attention_.head_dim;
    const int64_t groups = attention_.heads / attention_.kv_heads;
    const int64_t columns = keys.shape()[2];
    const double cap = attention_.softcap;
    // Scaled before the product: scores of fp16 then overflow last.
    q = context_.times("q_scaled", q, cap > 0 ? attention_.scale / cap : attention_.scale);
    q = context_.reshape("q_grouped", q, {1, attention_.kv_heads, groups * rows_, size});
    Var scores = builder_.add(
        "matmul", "scores", {{"x", q}, {"y", keys}, {"transpose_x", false}, {"transpose_y", true}});
    const Shape product = scores.shape();
    if (groups > 1 && rows_ > 1)
      scores =
          context_.reshape("scores_by_row", scores, {attention_.kv_heads, groups, rows_, columns});
    if (cap > 0) {
      const Var bent = builder_.add("tanh", "scores_bent", {{"x", scores}});
      scores = context_.times("scores_capped", bent, cap);
    }
    const bool is_windowed = attention_.window > 0 && attention_.window < context_.spec.context;
    const Var mask = is_windowed ? shared_.window_mask : shared_.causal_mask;
    const Var masked = builder_.add("add", "scores_masked", {{"x", scores}, {"y", mask}});
    Var weights = builder_.add("softmax", "weights", {{"x", masked}, {"axis", -1}});
    weights = context_.reshape("weights_grouped", weights, product);
    Var mixed = builder_.add(
        "matmul", "mixed",
        {{"x", weights}, {"y", values}, {"transpose_x", false}, {"transpose_y", false}});
    mixed = context_.reshape("mixed_heads", mixed, {1, attention_.heads, rows_, size});
    mixed = builder_.add("transpose", "mixed_channels",
                         {{"x", mixed}, {"perm", std::vector<int64_t>{0, 1, 3, 2}}});
    mixed = context_.reshape("mixed_flat", mixed, {1, attention_.heads * size, 1, rows_});
    return linear_block(context_, "o", attention_.o, mixed, factor);
  }

  const BlockContext& context_;
  Builder& builder_;
  const Attention& attention_;
  const Shared& shared_;
  int64_t slot_;
  int64_t rows_;
};

}  // namespace

Var attention_block(const BlockContext& context, const Attention& attention, Var x,
                    const Shared& shared, int64_t slot, double factor) {
  const Builder::NameScope scope(context.builder, "attention");
  return AttentionBlock(context, attention, shared, slot).build(x, factor);
}

}  // namespace anemone::models
