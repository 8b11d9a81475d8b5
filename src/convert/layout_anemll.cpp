#include <algorithm>

#include "base/error.h"
#include "convert/anemll_form.h"
#include "convert/layouts.h"
#include "mil/builder.h"

namespace anemone::converter {
namespace {

using compress::Part;
using models::FunctionSpec;

/// Embeddings, chunks with the functions infer and prefill over one cache of the whole model, and
/// a head in parts, as ANEMLL's tools expect them.
class AnemllLayout {
 public:
  explicit AnemllLayout(const AnemllForm& form)
      : form_(form), source_(form.source), layers_(form.source.decoder.layers.size()) {}

  Result<Plan> plan() {
    ANEMONE_RETURN_IF_ERROR(add_embeddings());
    ANEMONE_RETURN_IF_ERROR(add_chunks());
    ANEMONE_RETURN_IF_ERROR(add_head());
    form_.finish(plan_, fmt::format("Chunks: {}", chunks_), parameters(), "");
    return std::move(plan_);
  }

 private:
  /// `input_ids` [1, 1] or [1, block] -> `hidden_states` [1, S, H].
  Status add_embeddings() {
    const models::Decoder& decoder = source_.decoder;
    const FunctionSpec base = form_.spec();
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
    input.enumerated_shapes = {{1, 1}, {1, form_.block}};
    auto planned = form_.start(form_.file("embeddings", Part::embed), "embeddings", Part::embed);
    ANEMONE_RETURN_IF_ERROR(
        add_built(std::move(builder).finish(), table, std::span(&input, 1), plan_, planned));
    plan_.packages.push_back(std::move(planned));
    return {};
  }

  /// Layers per chunk: as even as can be, the longer ones first.
  Result<std::vector<int64_t>> chunk_lengths() {
    std::vector<uint64_t> before{0};
    std::map<std::string, uint64_t> tables;  // counted for every chunk
    for (size_t i = 0; i < layers_; ++i) {
      FunctionSpec layer = form_.spec();
      layer.first_layer = static_cast<int64_t>(i);
      layer.layer_count = 1;
      ANEMONE_TRY(const FunctionBytes bytes, measure_function(source_, layer));
      uint64_t total = 0;
      for (const auto& constant : bytes.constants) total += constant.second;
      before.push_back(before.back() + total);
      tables.insert(bytes.tables.begin(), bytes.tables.end());
      plan_.bytes_per_token += total + (i == 0 ? bytes.state : 0);
    }
    uint64_t table_bytes = 0;
    for (const auto& table : tables) table_bytes += table.second;
    const auto count = static_cast<int64_t>(layers_);
    const auto lengths = [&](int64_t chunks) { return models::split_vocabulary(count, chunks); };
    if (form_.settings.chunks) {
      if (*form_.settings.chunks > count)
        return fail(ErrorCode::invalid_argument, "{} chunks, expected 1 to {}",
                    *form_.settings.chunks, count);
      return lengths(*form_.settings.chunks);
    }
    const auto fits = [&](const std::vector<int64_t>& chunks) {
      size_t end = 0;
      return std::ranges::all_of(chunks, [&](int64_t length) {
        const size_t begin = end;
        end += static_cast<size_t>(length);
        return before[end] - before[begin] + table_bytes <= form_.settings.chunk_limit;
      });
    };
    int64_t chunks = 1;
    while (chunks < count && !fits(lengths(chunks))) ++chunks;
    return lengths(chunks);
  }

  Status add_chunks() {
    ANEMONE_TRY(const auto lengths, chunk_lengths());
    chunks_ = lengths.size();
    FunctionSpec chunk = form_.spec();
    for (size_t i = 0; i < chunks_; ++i) {
      const bool is_last = i + 1 == chunks_;
      auto planned = form_.start(chunk_file(i + 1), "FFN and prefill", Part::ffn);
      auto& metadata = planned.package.metadata;
      metadata["com.anemll.batch_size"] = std::to_string(form_.block);
      metadata["com.anemll.chunk_no"] = std::to_string(i + 1);
      metadata["com.anemll.num_chunks"] = std::to_string(chunks_);
      chunk.layer_count = lengths[i];
      ANEMONE_RETURN_IF_ERROR(add_pair(chunk, is_last, "", planned));
      if (form_.window > 0) {
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
    prefill.rows = form_.block;
    prefill.last_row_only = is_last;
    return add_function(source_, prefill, plan_, planned);
  }

  /// What comes in is normalised, so the head knows no residual scale.
  Status add_head() {
    FunctionSpec head = form_.spec();
    head.residual_scale = 1;
    head.first_layer = static_cast<int64_t>(layers_);
    head.head = FunctionSpec::Head::logits;
    head.head_parts = form_.family.head_parts;
    ANEMONE_TRY(const FunctionBytes bytes, measure_function(source_, head));
    for (const auto& constant : bytes.constants) plan_.bytes_per_token += constant.second;
    auto planned = form_.start(form_.file("lm_head", Part::head), "LM head", Part::head);
    form_.describe_head(planned);
    ANEMONE_RETURN_IF_ERROR(add_function(source_, head, plan_, planned));
    plan_.packages.push_back(std::move(planned));
    return {};
  }

  std::string chunk_file(size_t number) const {
    return fmt::format("{}_chunk_{:02}of{:02}", form_.file("FFN_PF", Part::ffn), number, chunks_);
  }

  /// Lines of meta.yaml.
  std::string parameters() const {
    return form_.lut_lines("lut_embeddings", Part::embed) + form_.lut_lines("lut_ffn", Part::ffn) +
           form_.lut_lines("lut_lmhead", Part::head) +
           fmt::format(
               "    num_chunks: {}\n"
               "    model_prefix: {}\n"
               "    embeddings: {}.mlmodelc\n"
               "    lm_head: {}.mlmodelc\n"
               "    ffn: {}.mlmodelc\n",
               chunks_, form_.family.prefix, form_.file("embeddings", Part::embed),
               form_.file("lm_head", Part::head), chunk_file(1));
  }

  const AnemllForm& form_;
  const Source& source_;
  size_t layers_;
  size_t chunks_ = 0;
  Plan plan_;
};

}  // namespace

Result<Plan> plan_anemll(const Source& source, const Settings& settings) {
  ANEMONE_TRY(const AnemllForm form, AnemllForm::make(source, settings));
  return settings.monolith ? plan_anemll_monolith(form) : AnemllLayout(form).plan();
}

}  // namespace anemone::converter
