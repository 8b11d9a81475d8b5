#include <algorithm>
#include <array>
#include <fstream>

#include "base/error.h"
#include "convert/layouts.h"
#include "mil/builder.h"

namespace anemone::converter {
namespace {

using models::FunctionSpec;

/// What ANEMLL calls a family, how many parts it cuts the head into, and the least rows of its
/// cache. Source: its converters, version 0.3.5.
struct Family {
  std::string_view architecture;
  std::string_view prefix;
  int64_t head_parts;
  int64_t least_state_rows;
};
constexpr std::array kFamilies = {
    Family{"llama", "llama", 8, 512}, Family{"qwen2", "qwen25", 16, 256},
    Family{"qwen3", "qwen", 16, 256}, Family{"gemma3", "gemma3", 16, 256},
    Family{"gemma3_text", "gemma3", 16, 256}};
constexpr const char* kVersion = "0.3.5";  ///< of the directory's form.

/// Embeddings, chunks with the functions infer and prefill over one cache of the whole model, and
/// a head in parts, as ANEMLL's tools expect them.
class AnemllLayout {
 public:
  /// `window`: of the layers that have a cache of their own; 0: none.
  AnemllLayout(const Source& source, const Settings& settings, const Family& family, int64_t window)
      : source_(source),
        settings_(settings),
        family_(family),
        layers_(source.decoder.layers.size()),
        window_(window),
        block_(std::min(settings.prefill.at(0), window > 0 ? window : settings.context)) {}

  Result<Plan> plan() {
    ANEMONE_RETURN_IF_ERROR(add_embeddings());
    ANEMONE_RETURN_IF_ERROR(add_chunks());
    ANEMONE_RETURN_IF_ERROR(add_head());
    plan_.manifest = {{"vocab_size", source_.decoder.vocab_size},
                      {"context_length", settings_.context},
                      {"prefill_tokens", block_}};
    plan_.blocks = {block_};
    plan_.texts = {{"meta.yaml", meta()}, {"config.json", config()}};
    plan_.copies_config = false;
    return std::move(plan_);
  }

 private:
  std::string file(std::string_view part) const {
    return fmt::format("{}_{}", family_.prefix, part);
  }

  PlannedPackage start(const std::string& name, std::string_view part) const {
    auto planned = new_package(name + ".mlpackage", source_, settings_);
    auto& metadata = planned.package.metadata;
    metadata["com.anemll.info"] = fmt::format("Anemone: {}", part);
    metadata["com.anemll.context_length"] = std::to_string(settings_.context);
    planned.package.default_function = "main";
    return planned;
  }

  FunctionSpec spec() const {
    FunctionSpec spec = base_spec(settings_);
    spec.embedding = false;
    spec.final_norm = false;
    spec.head = FunctionSpec::Head::none;
    spec.layer_count = 0;
    spec.hidden_rows_first = true;
    spec.state = "model_model_kv_cache_0";
    spec.whole_state = true;
    if (window_ == 0) {
      spec.state_rows = std::max(settings_.context, family_.least_state_rows);
      return spec;
    }
    spec.state = "model_model_kv_cache_global";
    spec.window_state = "model_model_kv_cache_local";
    spec.window_cache = FunctionSpec::WindowCache::fills;
    return spec;
  }

  /// `input_ids` [1, 1] or [1, block] -> `hidden_states` [1, S, H].
  Status add_embeddings() {
    const models::Decoder& decoder = source_.decoder;
    const FunctionSpec base = spec();
    mil::Builder builder("main", base.opset);
    models::WeightTable table;
    const mil::Var ids = builder.input("input_ids", DType::int32, {1, kUnknownDim});
    const Shape shape{decoder.vocab_size, decoder.hidden_size};
    const mil::Var weight = builder.deferred(
        "tokens",
        std::string(models::kCheckpointPath) + table.add(decoder.embedding, base.dtype, shape),
        base.dtype, shape);
    mil::Var rows = builder.add("gather", "rows",
                                {{"x", weight},
                                 {"indices", ids},
                                 {"axis", 0},
                                 {"batch_dims", 0},
                                 {"validate_indices", false}});
    const double scale = decoder.embedding_scale * base.residual_scale;
    if (scale != 1)
      rows = builder.add("mul", "scaled", {{"x", rows}, {"y", builder.scalar(base.dtype, scale)}});
    builder.output("hidden_states", rows);
    package::Feature input;
    input.name = "input_ids";
    input.dtype = DType::int32;
    input.shape = {1, 1};
    input.enumerated_shapes = {{1, 1}, {1, block_}};
    auto planned = start(file("embeddings"), "embeddings");
    ANEMONE_RETURN_IF_ERROR(
        add_built(std::move(builder).finish(), table, std::span(&input, 1), plan_, planned));
    plan_.packages.push_back(std::move(planned));
    return {};
  }

  /// Layers per chunk: as even as can be, the longer ones first.
  Result<std::vector<int64_t>> chunk_lengths() {
    std::vector<uint64_t> before{0};
    for (size_t i = 0; i < layers_; ++i) {
      FunctionSpec layer = spec();
      layer.first_layer = static_cast<int64_t>(i);
      layer.layer_count = 1;
      ANEMONE_TRY(const FunctionBytes bytes, measure_function(source_, layer));
      uint64_t total = 0;
      for (const auto& constant : bytes.constants) total += constant.second;
      before.push_back(before.back() + total);
      plan_.bytes_per_token += total + (i == 0 ? bytes.state : 0);
    }
    const auto count = static_cast<int64_t>(layers_);
    const auto lengths = [&](int64_t chunks) { return models::split_vocabulary(count, chunks); };
    if (settings_.chunks) {
      if (*settings_.chunks > count)
        return fail(ErrorCode::invalid_argument, "{} chunks, expected 1 to {}", *settings_.chunks,
                    count);
      return lengths(*settings_.chunks);
    }
    const auto fits = [&](const std::vector<int64_t>& chunks) {
      size_t end = 0;
      return std::ranges::all_of(chunks, [&](int64_t length) {
        const size_t begin = end;
        end += static_cast<size_t>(length);
        return before[end] - before[begin] <= settings_.chunk_limit;
      });
    };
    int64_t chunks = 1;
    while (chunks < count && !fits(lengths(chunks))) ++chunks;
    return lengths(chunks);
  }

  Status add_chunks() {
    ANEMONE_TRY(const auto lengths, chunk_lengths());
    chunks_ = lengths.size();
    FunctionSpec chunk = spec();
    for (size_t i = 0; i < chunks_; ++i) {
      const bool is_last = i + 1 == chunks_;
      auto planned =
          start(file(fmt::format("FFN_PF_chunk_{:02}of{:02}", i + 1, chunks_)), "FFN and prefill");
      auto& metadata = planned.package.metadata;
      metadata["com.anemll.batch_size"] = std::to_string(block_);
      metadata["com.anemll.chunk_no"] = std::to_string(i + 1);
      metadata["com.anemll.num_chunks"] = std::to_string(chunks_);
      chunk.layer_count = lengths[i];
      ANEMONE_RETURN_IF_ERROR(add_pair(chunk, is_last, "", planned));
      if (window_ > 0) {
        FunctionSpec rotating = chunk;
        rotating.window_cache = FunctionSpec::WindowCache::rotates;
        ANEMONE_RETURN_IF_ERROR(add_pair(rotating, is_last, "_rotate", planned));
      }
      planned.package.default_function = "infer";
      plan_.packages.push_back(std::move(planned));
      chunk.first_layer += lengths[i];
    }
    return {};
  }

  Status add_pair(const FunctionSpec& chunk, bool is_last, std::string_view ending,
                  PlannedPackage& planned) {
    FunctionSpec infer = chunk;
    infer.name = fmt::format("infer{}", ending);
    infer.final_norm = is_last;
    ANEMONE_RETURN_IF_ERROR(add_function(source_, infer, plan_, planned));
    FunctionSpec prefill = chunk;
    prefill.name = fmt::format("prefill{}", ending);
    prefill.rows = block_;
    prefill.last_row_only = is_last;
    return add_function(source_, prefill, plan_, planned);
  }

  /// What comes in is normalised, so the head knows no residual scale.
  Status add_head() {
    FunctionSpec head = spec();
    head.residual_scale = 1;
    head.first_layer = static_cast<int64_t>(layers_);
    head.head = FunctionSpec::Head::logits;
    head.head_parts = family_.head_parts;
    ANEMONE_TRY(const FunctionBytes bytes, measure_function(source_, head));
    for (const auto& constant : bytes.constants) plan_.bytes_per_token += constant.second;
    auto planned = start(file("lm_head"), "LM head");
    auto& metadata = planned.package.metadata;
    metadata["com.anemll.vocab_size"] = std::to_string(source_.decoder.vocab_size);
    metadata["com.anemll.lm_head_chunk_sizes"] = fmt::format("{}", fmt::join(head_sizes(), ","));
    ANEMONE_RETURN_IF_ERROR(add_function(source_, head, plan_, planned));
    plan_.packages.push_back(std::move(planned));
    return {};
  }

  std::vector<int64_t> head_sizes() const {
    return models::split_vocabulary(source_.decoder.vocab_size, family_.head_parts);
  }

  /// File names end as ANEMLL's own do, after compiling; its loaders take the packages as well.
  std::string meta() const {
    const std::string name = source_.checkpoint.path.filename().string();
    std::string text = fmt::format(
        "model_info:\n"
        "  name: {}\n"
        "  version: {}\n"
        "  description: |\n"
        "    {} on the Apple Neural Engine\n"
        "    Context length: {}\n"
        "    Batch size: {}\n"
        "    Chunks: {}\n",
        quoted(fmt::format("anemll-{}-ctx{}", name, settings_.context)), kVersion, one_line(name),
        settings_.context, block_, chunks_);
    text += fmt::format(
        "  license: that of the source model\n"
        "  author: Anemone\n"
        "  framework: Core ML\n"
        "  language: C++\n"
        "  architecture: {}\n"
        "  parameters:\n"
        "    context_length: {}\n"
        "    batch_size: {}\n"
        "    lut_embeddings: none\n"
        "    lut_ffn: none\n"
        "    lut_lmhead: none\n"
        "    num_chunks: {}\n"
        "    model_prefix: {}\n",
        source_.decoder.architecture, settings_.context, block_, chunks_, family_.prefix);
    text += fmt::format(
        "    embeddings: {}.mlmodelc\n"
        "    lm_head: {}.mlmodelc\n"
        "    ffn: {}.mlmodelc\n"
        "    split_lm_head: {}\n"
        "    vocab_size: {}\n"
        "    lm_head_chunk_sizes: [{}]\n"
        "{}"
        "    prefill_dynamic_slice: true\n",
        file("embeddings"), file("lm_head"), file(fmt::format("FFN_PF_chunk_01of{:02}", chunks_)),
        family_.head_parts, source_.decoder.vocab_size, fmt::join(head_sizes(), ", "),
        window_ > 0 ? fmt::format("    sliding_window: {}\n", window_) : "");
    return text;
  }

  /// What ANEMLL leaves of config.json: enough to find the tokenizer.
  std::string config() const {
    nlohmann::ordered_json config = {{"tokenizer_class", tokenizer_class()}};
    config["model_type"] = source_.decoder.architecture;
    return config.dump(2) + "\n";
  }

  std::string tokenizer_class() const;

  static std::string one_line(std::string text) {
    std::ranges::replace_if(
        text, [](char c) { return static_cast<unsigned char>(c) < ' '; }, ' ');
    return text;
  }
  /// As a YAML scalar; JSON's strings are YAML's.
  static std::string quoted(const std::string& text) {
    return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  }

  const Source& source_;
  const Settings& settings_;
  const Family& family_;
  size_t layers_;
  int64_t window_;
  int64_t block_;
  size_t chunks_ = 0;
  Plan plan_;
};

std::string AnemllLayout::tokenizer_class() const {
  std::ifstream stream(source_.checkpoint.path / "tokenizer_config.json", std::ios::binary);
  const auto document = nlohmann::json::parse(stream, nullptr, false);
  const auto found = document.is_object() ? document.find("tokenizer_class") : document.end();
  if (document.is_object() && found != document.end() && found->is_string())
    return found->get<std::string>();
  return "PreTrainedTokenizerFast";
}

}  // namespace

Result<Plan> plan_anemll(const Source& source, const Settings& settings) {
  const auto family =
      std::ranges::find(kFamilies, source.decoder.architecture, &Family::architecture);
  if (family == kFamilies.end())
    return with_hint(
        fail(ErrorCode::unsupported, "ANEMLL's tools know no {}", source.decoder.architecture),
        "use --layout anemone");
  if (settings.dtype != DType::fp16)
    return fail(ErrorCode::invalid_argument, "the layout anemll is fp16, not {}",
                to_string(settings.dtype));
  ANEMONE_RETURN_IF_ERROR(check_blocks(settings));
  if (settings.prefill.size() > 1)
    return fail(ErrorCode::invalid_argument, "the layout anemll has one size of blocks, not {}",
                settings.prefill.size());
  ANEMONE_TRY(const int64_t window, models::window_of(source.decoder, settings.context));
  return AnemllLayout(source, settings, *family, window).plan();
}

}  // namespace anemone::converter
