#include <algorithm>

#include "base/error.h"
#include "convert/chunks.h"
#include "convert/layouts.h"

namespace anemone::converter {
namespace {

using models::FunctionSpec;

/// The pieces of a model that a chunk holds: 0 is the embedding, 1 … L are layers, L + 1 the head.
struct Chunk {
  size_t begin = 0;
  size_t end = 0;
};

/// A constant that several pieces have: a tied embedding, a rotary table. A chunk has it once.
struct Shared {
  uint64_t bytes = 0;
  std::vector<size_t> pieces;
};

class AnemoneLayout {
 public:
  AnemoneLayout(const Source& source, const Settings& settings)
      : source_(source), settings_(settings), layers_(source.decoder.layers.size()) {}

  Result<Plan> plan() {
    ANEMONE_TRY(window_, models::window_of(source_.decoder, settings_.context));
    ANEMONE_TRY(const auto chunks, divide_model());
    for (size_t i = 0; i < chunks.size(); ++i) {
      auto planned = new_package(fmt::format("chunk_{:02}of{:02}.mlpackage", i + 1, chunks.size()),
                                 source_, settings_);
      if (window_ > 0) planned.package.metadata["anemone.window"] = std::to_string(window_);
      ANEMONE_RETURN_IF_ERROR(add_functions(chunks[i], planned));
      planned.package.default_function = "decode";
      plan_.packages.push_back(std::move(planned));
    }
    plan_.manifest = {{"vocab_size", source_.decoder.vocab_size},
                      {"context_length", settings_.context},
                      {"prefill_tokens", settings_.prefill},
                      {"window", window_},
                      {"passes", passes_}};
    plan_.blocks = settings_.prefill;
    return std::move(plan_);
  }

 private:
  FunctionSpec spec_of(const Chunk& chunk, int64_t rows) const {
    FunctionSpec spec = base_spec(settings_);
    spec.rows = rows;
    spec.embedding = chunk.begin == 0;
    spec.first_layer = chunk.begin == 0 ? 0 : static_cast<int64_t>(chunk.begin) - 1;
    spec.layer_count = static_cast<int64_t>(std::min(chunk.end - 1, layers_)) - spec.first_layer;
    spec.final_norm = has_head(chunk);
    spec.head = has_head(chunk) ? FunctionSpec::Head::logits : FunctionSpec::Head::none;
    spec.head_parts = head_parts(source_.decoder.vocab_size);
    return spec;
  }
  bool has_head(const Chunk& chunk) const { return chunk.end == layers_ + 2; }

  Result<std::vector<Chunk>> divide_model() {
    std::vector<uint64_t> before{0};  // bytes of the pieces before each
    std::map<std::string, Shared> uses;
    for (size_t piece = 0; piece < layers_ + 2; ++piece) {
      ANEMONE_TRY(FunctionBytes bytes, measure_function(source_, spec_of({piece, piece + 1}, 1)));
      uint64_t total = 0;
      for (const auto& [constant, size] : bytes.constants) total += size;
      plan_.bytes_per_token += (piece == 0 ? 0 : total) + bytes.state;
      bytes.constants.merge(bytes.tables);
      total = 0;
      for (const auto& [constant, size] : bytes.constants) {
        total += size;
        Shared& shared = uses[constant];
        shared.bytes = size;
        shared.pieces.push_back(piece);
      }
      before.push_back(before.back() + total);
    }
    std::vector<Shared> shared;
    for (auto& use : uses)
      if (use.second.pieces.size() > 1) shared.push_back(std::move(use.second));
    ANEMONE_TRY(
        const auto ends,
        divide(layers_ + 2, settings_.chunks, settings_.chunk_limit, [&](size_t begin, size_t end) {
          uint64_t bytes = before[end] - before[begin];
          for (const Shared& constant : shared) {
            const auto inside = std::ranges::count_if(
                constant.pieces, [&](size_t piece) { return piece >= begin && piece < end; });
            if (inside > 1) bytes -= constant.bytes * static_cast<uint64_t>(inside - 1);
          }
          return bytes;
        }));
    std::vector<Chunk> chunks;
    for (const size_t end : ends) chunks.push_back({chunks.empty() ? 0 : chunks.back().end, end});
    return chunks;
  }

  Status add_functions(const Chunk& chunk, PlannedPackage& planned) {
    ANEMONE_RETURN_IF_ERROR(add(spec_of(chunk, 1), "decode", {"decode"}, planned));
    for (const int64_t rows : settings_.prefill) {
      const bool is_largest = rows == settings_.prefill.front();
      const std::string name = is_largest ? "prefill" : fmt::format("prefill_{}", rows);
      ANEMONE_RETURN_IF_ERROR(add_block(chunk, rows, name, is_largest, planned));
    }
    return {};
  }

  /// A block of a chunk without the head is the same for prefill and score, so it is one function.
  Status add_block(const Chunk& chunk, int64_t rows, const std::string& name, bool scores,
                   PlannedPackage& planned) {
    FunctionSpec block = spec_of(chunk, rows);
    if (!has_head(chunk))
      return add(block, name,
                 scores ? std::vector<std::string>{name, "score"} : std::vector<std::string>{name},
                 planned);
    if (block.layer_count > 0) {
      FunctionSpec prefill = block;
      prefill.final_norm = false;
      prefill.head = FunctionSpec::Head::none;
      prefill.last_row_only = true;
      ANEMONE_RETURN_IF_ERROR(add(prefill, name, {name}, planned));
    }
    if (!scores) return {};
    block.head = FunctionSpec::Head::score;
    return add(block, "score", {"score"}, planned);
  }

  Status add(FunctionSpec spec, const std::string& name, const std::vector<std::string>& passes,
             PlannedPackage& planned) {
    spec.name = name;
    spec.state = fmt::format("kv_cache_{:02}", plan_.packages.size() + 1);
    ANEMONE_RETURN_IF_ERROR(add_function(source_, spec, plan_, planned));
    for (const std::string& pass : passes) {
      passes_[pass]["rows"] = spec.rows;
      passes_[pass]["stages"].push_back({{"package", planned.name}, {"function", name}});
    }
    return {};
  }

  const Source& source_;
  const Settings& settings_;
  size_t layers_;
  int64_t window_ = 0;
  Plan plan_;
  nlohmann::ordered_json passes_ = nlohmann::ordered_json::object();
};

}  // namespace

Result<Plan> plan_anemone(const Source& source, const Settings& settings) {
  return AnemoneLayout(source, settings).plan();
}

}  // namespace anemone::converter
