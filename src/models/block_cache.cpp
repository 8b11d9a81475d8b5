#include "models/blocks.h"

namespace anemone::models {
namespace {

class CacheBlock {
 public:
  CacheBlock(const BlockContext& context, const Attention& attention, const Shared& shared,
             const CachePlace& place)
      : context_(context),
        builder_(context.builder),
        attention_(attention),
        shared_(shared),
        place_(place),
        windowed_(is_windowed(context.spec, attention)) {}

  Visible build(Var keys, Var values) {
    using WindowCache = FunctionSpec::WindowCache;
    const FunctionSpec& spec = context_.spec;
    const Var mask = windowed_ ? shared_.window_mask : shared_.causal_mask;
    if (!spec.cached) return {keys, values, mask};
    if (spec.is_flexible)
      return {flexible("keys", shared_.key_cache, keys),
              flexible("values", shared_.value_cache, values), mask};
    const int64_t key_slot = place_.slot;
    const int64_t value_slot = place_.layers + place_.slot;
    if (windowed_ && spec.window_cache == WindowCache::rotates)
      return {rotate("keys", key_slot, keys), rotate("values", value_slot, values), mask};
    const bool is_own = windowed_ && spec.window_cache == WindowCache::fills;
    const Var state = is_own ? shared_.window_state : shared_.state;
    const int64_t columns = is_own ? attention_.window : spec.context;
    write("keys", state, key_slot, shared_.current_pos, shared_.end_pos, keys);
    write("values", state, value_slot, shared_.current_pos, shared_.end_pos, values);
    const Var cache = builder_.add("read_state", "cache", {{"input", state}});
    return {read("keys", cache, key_slot, columns), read("values", cache, value_slot, columns),
            mask};
  }

 private:
  Var position(int64_t value) {
    Tensor tensor = Tensor::zeros(DType::int32, {1});
    tensor.set(0, static_cast<double>(value));
    return builder_.constant("place", tensor);
  }
  Var corner(const std::string& hint, std::vector<Var> places) {
    return builder_.add("concat", hint,
                        {{"values", std::move(places)}, {"axis", 0}, {"interleave", false}});
  }

  void update(const std::string& name, Var state, Var rows, Var begin, Var end) {
    const Var before = builder_.add("read_state", name + "_before", {{"input", state}});
    const Var after =
        builder_.add("slice_update", name + "_after",
                     {{"x", before}, {"update", rows}, {"begin", begin}, {"end", end}});
    builder_.add_all("write_state", name + "_write", 0, {{"input", state}, {"data", after}});
  }

  void write(const std::string& name, Var state, int64_t slot, Var first, Var last, Var rows) {
    const Var begin = corner(name + "_begin", {position(slot), position(0), first, position(0)});
    const Var end = corner(name + "_end", {position(slot + 1), position(attention_.kv_heads), last,
                                           position(attention_.head_dim)});
    update(name, state, rows, begin, end);
  }

  /// [1, Hkv, columns, D]
  Var read(const std::string& name, Var cache, int64_t slot, int64_t columns) {
    const Shape& shape = cache.shape();
    return builder_.add("slice_by_index", name,
                        {{"x", cache},
                         {"begin", std::vector<int64_t>{slot, 0, 0, 0}},
                         {"end", std::vector<int64_t>{slot + 1, shape[1], columns, shape[3]}}});
  }

  /// The oldest rows leave the cache. Rows of a block see all that it held, too: the first of them
  /// still need what the last of them push out.
  Var rotate(const std::string& name, int64_t slot, Var rows) {
    const int64_t window = attention_.window;
    const int64_t count = context_.spec.rows;
    const Var cache =
        builder_.add("read_state", name + "_cache", {{"input", shared_.window_state}});
    const Var old = read(name + "_old", cache, slot, window);
    const Var all =
        builder_.add("concat", name + "_all",
                     {{"values", std::vector{old, rows}}, {"axis", 2}, {"interleave", false}});
    const Shape& shape = all.shape();
    const Var kept = builder_.add("slice_by_index", name + "_kept",
                                  {{"x", all},
                                   {"begin", std::vector<int64_t>{0, 0, count, 0}},
                                   {"end", std::vector<int64_t>{1, shape[1], shape[2], shape[3]}}});
    write(name, shared_.window_state, slot, position(0), position(window), kept);
    return count == 1 ? kept : all;
  }

  /// [1, Hkv, P + S, D] of one cache of a flexible function.
  Var flexible(const std::string& name, Var state, Var rows) {
    const int64_t heads = attention_.kv_heads;
    const int64_t size = attention_.head_dim;
    const Var begin = corner(name + "_begin", {position(place_.slot), position(0), position(0),
                                               shared_.current_pos, position(0)});
    const Var end = corner(name + "_end", {position(place_.slot + 1), position(1), position(heads),
                                           shared_.end_pos, position(size)});
    update(name, state, context_.reshape(name + "_rows", rows, {1, 1, heads, kUnknownDim, size}),
           begin, end);
    const Var cache = builder_.add("read_state", name + "_cache", {{"input", state}});
    const Var seen = builder_.add(
        "slice_by_index", name + "_seen",
        {{"x", cache}, {"begin", std::vector<int64_t>{place_.slot, 0, 0, 0, 0}}, {"end", end}});
    return context_.reshape(name, seen, {1, heads, kUnknownDim, size});
  }

  const BlockContext& context_;
  Builder& builder_;
  const Attention& attention_;
  const Shared& shared_;
  const CachePlace& place_;
  bool windowed_;
};

}  // namespace

bool is_windowed(const FunctionSpec& spec, const Attention& attention) {
  return attention.window > 0 && attention.window < spec.context;
}

Visible cache_block(const BlockContext& context, const Attention& attention, const Shared& shared,
                    const CachePlace& place, Var keys, Var values) {
  return CacheBlock(context, attention, shared, place).build(keys, values);
}

}  // namespace anemone::models
