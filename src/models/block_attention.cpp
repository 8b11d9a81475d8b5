#include "models/blocks.h"

namespace anemone::models {
namespace {

class AttentionBlock {
 public:
  AttentionBlock(const BlockContext& context, const Attention& attention, const Shared& shared,
                 const CachePlace& place)
      : context_(context),
        builder_(context.builder),
        attention_(attention),
        shared_(shared),
        place_(place),
        rows_(context.spec.rows) {}

  Var build(Var x, double factor) {
    Var q = heads("q", attention_.q, attention_.q_norm, attention_.heads, x, true);
    Var keys = heads("k", attention_.k, attention_.k_norm, attention_.kv_heads, x, true);
    Var values = heads("v", attention_.v, {}, attention_.kv_heads, x, false);
    return attend(q, cache_block(context_, attention_, shared_, place_, keys, values), factor);
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

  Var attend(Var q, const Visible& visible, double factor) {
    const double cap = attention_.softcap;
    // Scaled before the product: scores of fp16 then overflow last.
    q = context_.times("q_scaled", q, cap > 0 ? attention_.scale / cap : attention_.scale);
    Var mixed = context_.spec.is_flexible ? mix_flexible(q, visible) : mix(q, visible);
    mixed =
        context_.reshape("mixed_heads", mixed, {1, attention_.heads, rows_, attention_.head_dim});
    mixed = builder_.add("transpose", "mixed_channels",
                         {{"x", mixed}, {"perm", std::vector<int64_t>{0, 1, 3, 2}}});
    mixed = context_.reshape("mixed_flat", mixed,
                             {1, attention_.heads * attention_.head_dim, 1, rows_});
    return linear_block(context_, "o", attention_.o, mixed, factor);
  }

  /// The query heads of one key head are rows of one product, so keys and values are never copied.
  Var mix(Var q, const Visible& visible) {
    const int64_t groups = attention_.heads / attention_.kv_heads;
    const int64_t columns = visible.keys.shape()[2];
    q = context_.reshape("q_grouped", q,
                         {1, attention_.kv_heads, groups * rows_, attention_.head_dim});
    Var scores = product("scores", q, visible.keys, true);
    const Shape shape = scores.shape();
    if (groups > 1 && rows_ > 1)
      scores =
          context_.reshape("scores_by_row", scores, {attention_.kv_heads, groups, rows_, columns});
    const Var weights = context_.reshape("weights_grouped", weigh(scores, visible.mask), shape);
    return product("mixed", weights, visible.values, false);
  }

  /// The same where two lengths are unknown, which one shape cannot say: the query heads of a key
  /// head are a batch.
  Var mix_flexible(Var q, const Visible& visible) {
    const int64_t groups = attention_.heads / attention_.kv_heads;
    const Shape one{attention_.kv_heads, 1, kUnknownDim, attention_.head_dim};
    q = context_.reshape("q_grouped", q, {attention_.kv_heads, groups, rows_, attention_.head_dim});
    const Var keys = context_.reshape("keys_grouped", visible.keys, one);
    const Var values = context_.reshape("values_grouped", visible.values, one);
    return product("mixed", weigh(product("scores", q, keys, true), visible.mask), values, false);
  }

  Var product(std::string_view hint, Var x, Var y, bool transpose_y) {
    return builder_.add("matmul", hint,
                        {{"x", x}, {"y", y}, {"transpose_x", false}, {"transpose_y", transpose_y}});
  }

  Var weigh(Var scores, Var mask) {
    const double cap = attention_.softcap;
    if (cap > 0) {
      const Var bent = builder_.add("tanh", "scores_bent", {{"x", scores}});
      scores = context_.times("scores_capped", bent, cap);
    }
    if (mask.defined()) scores = builder_.add("add", "scores_masked", {{"x", scores}, {"y", mask}});
    return builder_.add("softmax", "weights", {{"x", scores}, {"axis", -1}});
  }

  const BlockContext& context_;
  Builder& builder_;
  const Attention& attention_;
  const Shared& shared_;
  CachePlace place_;
  int64_t rows_;
};

}  // namespace

Var attention_block(const BlockContext& context, const Attention& attention, Var x,
                    const Shared& shared, const CachePlace& place, double factor) {
  const Builder::NameScope scope(context.builder, "attention");
  return AttentionBlock(context, attention, shared, place).build(x, factor);
}

}  // namespace anemone::models
