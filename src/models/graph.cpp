#include "models/graph.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "base/error.h"
#include "models/blocks.h"

namespace anemone::models {
namespace {

bool is_power_of_two(double value) {
  int exponent = 0;
  return value > 0 && std::frexp(value, &exponent) == 0.5;
}

class GraphBuilder {
 public:
  GraphBuilder(const Decoder& decoder, const FunctionSpec& spec, WeightTable& weights)
      : decoder_(decoder),
        spec_(spec),
        builder_(spec.name, spec.opset),
        context_{builder_, decoder_, spec_, weights} {
    if (spec_.layer_count < 0) spec_.layer_count = layer_total() - spec_.first_layer;
    if (spec_.is_flexible)
      spec_.rows = kUnknownDim;
    else if (!spec_.cached)
      spec_.context = spec_.rows;
  }

  Result<mil::Function> build() {
    ANEMONE_RETURN_IF_ERROR(check_spec());
    ANEMONE_RETURN_IF_ERROR(check_layers());
    ANEMONE_TRY(const int64_t window, window_of(decoder_, spec_.context));
    ANEMONE_RETURN_IF_ERROR(check_masks(window));
    declare_inputs(window);
    share(window);
    Var x =
        spec_.embedding ? embedding_block(context_, input_ids_, shared_.positions) : hidden_in();
    for (int64_t i = 0; i < spec_.layer_count; ++i) x = layer(i, x);
    if (spec_.last_row_only && spec_.rows > 1) x = last_row(x);
    if (spec_.final_norm)
      x = norm_block(context_, "final_norm", decoder_.final_norm, x, 1, spec_.residual_scale);
    if (spec_.head == FunctionSpec::Head::none)
      hidden_out(x);
    else if (spec_.head == FunctionSpec::Head::logits)
      logits_block(context_, x);
    else if (spec_.head == FunctionSpec::Head::part_argmax)
      argmax_block(context_, x);
    else
      score_block(context_, x, targets_);
    mil::Function function = std::move(builder_).finish();
    ANEMONE_RETURN_IF_ERROR(check_scalars(function));
    return function;
  }

 private:
  int64_t layer_total() const { return static_cast<int64_t>(decoder_.layers.size()); }
  bool has_window_state() const {
    return spec_.cached && spec_.window_cache != FunctionSpec::WindowCache::shared;
  }
  /// Of layers [first, last), those that share the state of the windowed or of the other layers.
  int64_t count_layers(int64_t first, int64_t last, bool windowed) const {
    if (!has_window_state()) return last - first;
    int64_t count = 0;
    for (int64_t i = first; i < last; ++i)
      count += is_windowed(spec_, decoder_.layers[static_cast<size_t>(i)].attention) == windowed;
    return count;
  }
  CachePlace place_of(int64_t index) const {
    const bool windowed = is_windowed(spec_, layer_at(index).attention);
    const int64_t first = spec_.whole_state ? 0 : spec_.first_layer;
    const int64_t last = spec_.whole_state ? layer_total() : spec_.first_layer + spec_.layer_count;
    return {count_layers(first, spec_.first_layer + index, windowed),
            count_layers(first, last, windowed)};
  }
  const Layer& layer_at(int64_t index) const {
    return decoder_.layers[static_cast<size_t>(spec_.first_layer + index)];
  }

  Status check_spec() const {
    const auto wrong = [&](std::string_view what, int64_t value, int64_t least, int64_t most) {
      return fail(ErrorCode::invalid_argument, "function {}: {} is {}, expected {} to {}",
                  spec_.name, what, value, least, most);
    };
    if (spec_.first_layer < 0 || spec_.first_layer > layer_total())
      return wrong("the first layer", spec_.first_layer, 0, layer_total());
    if (spec_.layer_count < 0 || spec_.layer_count > layer_total() - spec_.first_layer)
      return wrong("the number of layers", spec_.layer_count, 0, layer_total() - spec_.first_layer);
    if (spec_.context < 1 || spec_.context > decoder_.longest_context())
      return wrong("the context", spec_.context, 1, decoder_.longest_context());
    if (spec_.is_flexible &&
        (!spec_.embedding || spec_.layer_count != layer_total() ||
         spec_.head != FunctionSpec::Head::logits || spec_.last_row_only || has_window_state()))
      return fail(ErrorCode::unsupported,
                  "function {}: of flexible functions only those from tokens to all logits exist",
                  spec_.name);
    if (!spec_.is_flexible && (spec_.rows < 1 || spec_.rows > spec_.context))
      return wrong("the number of rows", spec_.rows, 1, spec_.context);
    if (spec_.head_parts < 1 || spec_.head_parts > decoder_.vocab_size)
      return wrong("the number of head parts", spec_.head_parts, 1, decoder_.vocab_size);
    if (spec_.dtype != DType::fp16 && spec_.dtype != DType::fp32)
      return fail(ErrorCode::invalid_argument, "function {}: dtype is {}, expected fp16 or fp32",
                  spec_.name, to_string(spec_.dtype));
    if (spec_.head != FunctionSpec::Head::none && !spec_.final_norm && spec_.residual_scale != 1)
      return fail(ErrorCode::invalid_argument,
                  "function {}: a head without the final norm cannot undo a residual scale",
                  spec_.name);
    if (spec_.head == FunctionSpec::Head::part_argmax && spec_.rows != 1)
      return wrong("the number of rows with an arg max of parts", spec_.rows, 1, 1);
    if (spec_.head == FunctionSpec::Head::score && spec_.last_row_only)
      return fail(ErrorCode::invalid_argument, "function {}: scores are of all rows", spec_.name);
    return {};
  }

  Status check_layers() const {
    if (spec_.residual_scale != 1) {
      if (!is_power_of_two(spec_.residual_scale))
        return fail(ErrorCode::invalid_argument, "the residual scale is {}, not a power of two",
                    spec_.residual_scale);
      if (const auto bare = layer_without_norms(decoder_))
        return fail(ErrorCode::unsupported,
                    "layer {} of {} takes the residual stream without a norm, so the stream "
                    "cannot be rescaled",
                    *bare, decoder_.architecture);
    }
    for (int64_t i = 1; i < spec_.layer_count && spec_.cached; ++i) {
      const Attention& first = layer_at(0).attention;
      const Attention& other = layer_at(i).attention;
      if (first.kv_heads != other.kv_heads || first.head_dim != other.head_dim)
        return fail(ErrorCode::unsupported,
                    "layers {} and {} need caches of {} x {} and {} x {}; a function has one state",
                    spec_.first_layer, spec_.first_layer + i, first.kv_heads, first.head_dim,
                    other.kv_heads, other.head_dim);
    }
    return {};
  }

  /// Numbers of the config that the dtype cannot hold.
  Status check_scalars(const mil::Function& function) const {
    for (const mil::Operation& operation : function.block.operations)
      for (const auto& [name, value] : operation.attributes) {
        const Tensor& constant = value.tensor;
        if (!constant.defined() || constant.element_count() != 1 || !is_float(constant.dtype()) ||
            std::isfinite(constant.at(0)))
          continue;
        return with_hint(
            fail(ErrorCode::out_of_range, "function {}: {} of operation {} does not fit into {}",
                 spec_.name, name, operation.display_name(), to_string(constant.dtype())),
            "does config.json hold a number that is far too large?");
      }
    return {};
  }

  /// Masks that are constants grow with the square of the rows.
  Status check_masks(int64_t window) const {
    constexpr int64_t kMostElements = int64_t{4096} * 4096;
    const bool rotates = spec_.cached && spec_.window_cache == FunctionSpec::WindowCache::rotates;
    if (spec_.is_flexible || (spec_.cached && !rotates)) return {};
    const int64_t columns = rotates ? window + spec_.rows : spec_.rows;
    if (columns <= kMostElements / spec_.rows) return {};
    return with_hint(fail(ErrorCode::limit,
                          "function {}: {} rows need a constant mask of {} columns, more than "
                          "{} elements",
                          spec_.name, spec_.rows, columns, kMostElements),
                     "give fewer rows, or take a form whose masks are inputs");
  }

  void declare_inputs(int64_t window) {
    const int64_t hidden = decoder_.hidden_size;
    if (spec_.embedding)
      input_ids_ = builder_.input("input_ids", DType::int32, {1, spec_.rows});
    else
      hidden_ = builder_.input(
          "hidden_states", spec_.dtype,
          spec_.hidden_rows_first ? Shape{1, spec_.rows, hidden} : Shape{1, hidden, 1, spec_.rows});
    if (spec_.head == FunctionSpec::Head::score)
      targets_ = builder_.input("targets", DType::int32, {1, spec_.rows});
    if (!spec_.cached) return;
    if (spec_.is_flexible) {
      declare_flexible();
      return;
    }
    bool rotates = false;
    bool full = false;
    bool windowed = false;
    for (int64_t i = 0; i < spec_.layer_count; ++i) {
      const Attention& attention = layer_at(i).attention;
      rotates = rotates || attention.rope >= 0;
      (is_windowed(spec_, attention) ? windowed : full) = true;
    }
    if (rotates || (spec_.embedding && decoder_.position_embedding))
      shared_.positions = builder_.input("position_ids", DType::int32, {spec_.rows});
    const Shape mask{1, 1, spec_.rows, spec_.context};
    if (full || (windowed && has_window_state()))
      causal_in_ = builder_.input("causal_mask", spec_.dtype, mask);
    if (windowed && !has_window_state())
      window_in_ = builder_.input("window_mask", spec_.dtype, mask);
    if (spec_.layer_count == 0) return;
    shared_.current_pos = builder_.input("current_pos", DType::int32, {1});
    const int64_t first = spec_.whole_state ? 0 : spec_.first_layer;
    const int64_t last = spec_.whole_state ? layer_total() : spec_.first_layer + spec_.layer_count;
    const auto declare = [&](const std::string& name, bool of_windowed, int64_t positions) -> Var {
      const int64_t layers = count_layers(first, last, of_windowed);
      if (layers == 0) return {};
      const Attention& attention = layer_at(0).attention;
      const Var state = builder_.state(
          name, spec_.dtype, {2 * layers, attention.kv_heads, positions, attention.head_dim});
      // Core ML wants every declared state to be written, by chunks of other layers too.
      if (of_windowed ? !windowed : !full && has_window_state()) touch(state);
      return state;
    };
    if (has_window_state()) shared_.window_state = declare(spec_.window_state, true, window);
    shared_.state = declare(spec_.state, false, std::max(spec_.state_rows, spec_.context));
  }

  void touch(Var state) {
    const Var as_it_is = builder_.add("read_state", "untouched", {{"input", state}});
    builder_.add_all("write_state", "untouched_write", 0, {{"input", state}, {"data", as_it_is}});
  }

  void declare_flexible() {
    causal_in_ = builder_.input("causal_mask", spec_.dtype, {1, 1, kUnknownDim, kUnknownDim});
    const Attention& attention = layer_at(0).attention;
    const Shape cache{layer_total(), 1, attention.kv_heads, spec_.context, attention.head_dim};
    shared_.key_cache = builder_.state("keyCache", spec_.dtype, cache);
    shared_.value_cache = builder_.state("valueCache", spec_.dtype, cache);
  }

  /// Masks, rotary tables of the rows, the end of the rows in the cache.
  void share(int64_t window) {
    if (spec_.is_flexible) {
      share_flexible(context_, input_ids_, causal_in_, window, shared_);
    } else if (!spec_.cached) {
      shared_.causal_mask = constant_mask(context_, "causal_mask", spec_.rows, 0, spec_.rows);
      if (window > 0)
        shared_.window_mask = constant_mask(context_, "window_mask", spec_.rows, 0, window);
    } else if (spec_.layer_count > 0) {
      shared_.causal_mask = bounded_mask(context_, "causal_mask_bounded", causal_in_);
      shared_.window_mask = cached_window_mask(window);
      Tensor rows = Tensor::zeros(DType::int32, {1});
      rows.set(0, static_cast<double>(spec_.rows));
      shared_.end_pos = builder_.add(
          "add", "end_pos", {{"x", shared_.current_pos}, {"y", builder_.constant("place", rows)}});
    }
    for (int64_t i = 0; i < spec_.layer_count; ++i) {
      const int64_t rope = layer_at(i).attention.rope;
      if (rope < 0 || shared_.ropes.contains(rope)) continue;
      shared_.ropes.emplace(
          rope, rotary_block(context_, fmt::format("rope_{}", rope),
                             decoder_.ropes[static_cast<size_t>(rope)], shared_.positions));
    }
  }

  Var cached_window_mask(int64_t window) {
    if (spec_.window_cache == FunctionSpec::WindowCache::shared)
      return bounded_mask(context_, "window_mask_bounded", window_in_);
    if (spec_.window_cache == FunctionSpec::WindowCache::rotates)
      return spec_.rows == 1
                 ? Var()
                 : constant_mask(context_, "window_mask", window + spec_.rows, window, window);
    return builder_.add("slice_by_index", "window_mask",
                        {{"x", shared_.causal_mask},
                         {"begin", std::vector<int64_t>{0, 0, 0, 0}},
                         {"end", std::vector<int64_t>{1, 1, spec_.rows, window}}});
  }

  /// x += factor * post(branch(pre(x))), the factor where it costs nothing and rounds nothing.
  Var branch(const std::string& name, const std::optional<Norm>& pre,
             const std::optional<Norm>& post, double multiplier, Var x,
             const std::function<Var(Var, double)>& compute) {
    const double factor = multiplier * spec_.residual_scale;
    const double folded = is_power_of_two(factor) ? factor : spec_.residual_scale;
    Var y = pre ? norm_block(context_, name + "_pre_norm", *pre, x, 1, spec_.residual_scale) : x;
    y = compute(y, post ? 1 : folded);
    if (post) y = norm_block(context_, name + "_post_norm", *post, y, 1, 1, folded);
    y = context_.times(name + "_multiplied", y, factor / folded);
    return builder_.add("add", name + "_sum", {{"x", x}, {"y", y}});
  }

  Var layer(int64_t index, Var x) {
    const Layer& layer = layer_at(index);
    const Builder::NameScope scope(builder_, fmt::format("layer_{}", spec_.first_layer + index));
    x = branch("attention", layer.attention_pre_norm, layer.attention_post_norm,
               layer.residual_multiplier, x, [&](Var y, double factor) {
                 return attention_block(context_, layer.attention, y, shared_, place_of(index),
                                        factor);
               });
    return branch("mlp", layer.mlp_pre_norm, layer.mlp_post_norm, layer.residual_multiplier, x,
                  [&](Var y, double factor) {
                    return layer.mlp ? mlp_block(context_, *layer.mlp, y, factor)
                                     : mixture_block(context_, *layer.experts, y, factor);
                  });
  }

  Var hidden_in() {
    if (!spec_.hidden_rows_first) return hidden_;
    const Var channels = builder_.add("transpose", "hidden_channels",
                                      {{"x", hidden_}, {"perm", std::vector<int64_t>{0, 2, 1}}});
    return builder_.add("expand_dims", "hidden_in",
                        {{"x", channels}, {"axes", std::vector<int64_t>{2}}});
  }

  void hidden_out(Var x) {
    if (spec_.hidden_rows_first) {
      x = builder_.add("squeeze", "hidden_flat", {{"x", x}, {"axes", std::vector<int64_t>{2}}});
      x = builder_.add("transpose", spec_.hidden_output,
                       {{"x", x}, {"perm", std::vector<int64_t>{0, 2, 1}}});
    }
    builder_.output(spec_.hidden_output, x);
  }

  Var last_row(Var x) {
    return builder_.add("slice_by_index", "last_row",
                        {{"x", x},
                         {"begin", std::vector<int64_t>{0, 0, 0, spec_.rows - 1}},
                         {"end", std::vector<int64_t>{1, decoder_.hidden_size, 1, spec_.rows}}});
  }

  const Decoder& decoder_;
  FunctionSpec spec_;
  Builder builder_;
  BlockContext context_;
  Shared shared_;
  Var input_ids_;
  Var hidden_;
  Var targets_;
  Var causal_in_;
  Var window_in_;
};

}  // namespace

Result<int64_t> window_of(const Decoder& decoder, int64_t context) {
  std::set<int64_t> windows;
  for (const Layer& layer : decoder.layers)
    if (layer.attention.window > 0 && layer.attention.window < context)
      windows.insert(layer.attention.window);
  if (windows.size() > 1)
    return fail(ErrorCode::unsupported,
                "layers with windows of {} and {} tokens; one window for all windowed layers is "
                "supported",
                *windows.begin(), *windows.rbegin());
  return windows.empty() ? 0 : *windows.begin();
}

std::optional<size_t> layer_without_norms(const Decoder& decoder) {
  for (size_t i = 0; i < decoder.layers.size(); ++i)
    if (!decoder.layers[i].attention_pre_norm || !decoder.layers[i].mlp_pre_norm) return i;
  return std::nullopt;
}

Result<mil::Function> build_function(const Decoder& decoder, const FunctionSpec& spec,
                                     WeightTable& weights) {
  return GraphBuilder(decoder, spec, weights).build();
}

}  // namespace anemone::models
