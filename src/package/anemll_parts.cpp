#include "package/anemll_parts.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <regex>

#include "base/error.h"

namespace anemone::package {
namespace {

namespace fs = std::filesystem;

/// Name without suffix -> package.
using Listing = std::map<std::string, fs::path>;

Result<Listing> list_packages(const fs::path& folder) {
  Listing listing;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    const fs::path path = entry->path();
    const bool compiled = path.extension() == ".mlmodelc";
    std::error_code not_there;
    if (!compiled && path.extension() != ".mlpackage") continue;
    if (!fs::is_directory(path, not_there)) continue;
    if (compiled)
      listing.insert_or_assign(path.stem().string(), path);
    else
      listing.emplace(path.stem().string(), path);
  }
  if (error) return fail(ErrorCode::io, "{}: {}", folder.string(), error.message());
  return listing;
}

/// One chunk as its name says it: "<base>_chunk_<number>of<total>[_rot]".
struct Chunk {
  int64_t number = 0;
  fs::path path;
};
struct ChunkFamily {
  std::vector<Chunk> plain;
  std::vector<Chunk> rotate;
};
using FamilyKey = std::pair<std::string, int64_t>;  ///< base and total.

std::map<FamilyKey, ChunkFamily> group_chunks(const Listing& listing) {
  // Intermediate parts of a conversion may lie beside the final ones: `prefill` and `FFN_rotate`
  // chunks, which the final multi-function packages contain.
  static const std::regex kChunk("(.*FFN.*)_chunk_([0-9]{1,4})of([0-9]{1,4})(_rot)?");
  static const std::regex kSingle("(.*_)?FFN(_PF)?(_lut[0-9]+)?");
  std::map<FamilyKey, ChunkFamily> families;
  std::smatch match;
  for (const auto& [stem, path] : listing) {
    if (stem.find("FFN_rotate") != std::string::npos) continue;
    if (std::regex_match(stem, match, kChunk)) {
      ChunkFamily& family = families[{match[1], std::stoll(match[3])}];
      (match[4].matched ? family.rotate : family.plain).push_back({std::stoll(match[2]), path});
    } else if (std::regex_match(stem, kSingle)) {
      families[{stem, 1}].plain.push_back({1, path});
    }
  }
  return families;
}

class PartFinder {
 public:
  PartFinder(AnemllDirectory& model, const Listing& listing) : model_(model), listing_(listing) {}

  Status find() {
    const auto families = group_chunks(listing_);
    if (!model_.monolithic && families.empty() && has_monolith()) model_.monolithic = true;
    if (model_.monolithic) {
      ANEMONE_TRY(fs::path monolith, find_part("monolithic_full", "monolithic_model", "lut_bits"));
      model_.chunks = {std::move(monolith)};
      model_.num_chunks = 1;
      return {};
    }
    ANEMONE_TRY(model_.embeddings, find_part("embeddings", "embeddings", "lut_embeddings"));
    ANEMONE_TRY(model_.lm_head, find_part("lm_head", "lm_head", "lut_lmhead"));
    return take_chunks(families);
  }

 private:
  std::string parameter(const char* key) const {
    const auto found = model_.parameters.find(key);
    return found == model_.parameters.end() ? std::string() : found->second;
  }

  /// "llama_embeddings_lut6": the name that ANEMLL builds from prefix and bits.
  std::string built_name(const std::string& kind, const char* bits_key) const {
    const std::string prefix = parameter("model_prefix");
    const std::string bits = parameter(bits_key);
    const bool number =
        !bits.empty() && std::ranges::all_of(bits, [](char c) { return c >= '0' && c <= '9'; });
    return (prefix.empty() ? "" : prefix + "_") + kind + (number ? "_lut" + bits : "");
  }

  static std::regex kind_pattern(const std::string& kind) {
    return std::regex("(.*_)?" + kind + "(_lut[0-9]+)?");
  }

  bool has_monolith() const {
    const std::regex pattern = kind_pattern("monolithic_full");
    return std::ranges::any_of(
        listing_, [&](const auto& entry) { return std::regex_match(entry.first, pattern); });
  }

  Error missing(const std::string& name) const {
    Error error = fail(ErrorCode::not_found, "{}: neither {}.mlmodelc nor {}.mlpackage is there",
                       model_.path.string(), name, name);
    std::error_code ignored;
    if (fs::exists(model_.path / (name + ".mlmodelc.zip"), ignored))
      error.hint = "unpack " + name + ".mlmodelc.zip";
    return error;
  }

  template <typename Names>
  Error ambiguous(const std::string& part, const Names& names) const {
    return fail(ErrorCode::mismatch, "{}: several candidates for {}: {}; meta.yaml names none",
                model_.path.string(), part, fmt::join(names, ", "));
  }

  Result<fs::path> find_part(const std::string& kind, const char* name_key,
                             const char* bits_key) const {
    const std::string named = fs::path(parameter(name_key)).stem().string();
    const std::string built = built_name(kind, bits_key);
    for (const std::string& name : {named, built})
      if (const auto found = listing_.find(name); found != listing_.end()) return found->second;
    std::vector<std::string> candidates;
    const std::regex pattern = kind_pattern(kind);
    for (const auto& [stem, path] : listing_)
      if (std::regex_match(stem, pattern)) candidates.push_back(stem);
    if (candidates.size() > 1) return ambiguous(kind, candidates);
    if (candidates.empty()) return missing(named.empty() ? built : named);
    return listing_.at(candidates.front());
  }

  /// The base of the chunks' names that meta.yaml prefers.
  std::string preferred_base() const {
    const std::string named = fs::path(parameter("ffn")).stem().string();
    return named.empty() ? built_name("FFN_PF", "lut_ffn") : named.substr(0, named.find("_chunk_"));
  }

  Status take_chunks(const std::map<FamilyKey, ChunkFamily>& families) {
    const std::string base = preferred_base();
    const auto matching = [&](auto accept) {
      std::vector<const std::pair<const FamilyKey, ChunkFamily>*> found;
      for (const auto& family : families)
        if (accept(family.first)) found.push_back(&family);
      return found;
    };
    auto found = matching([&](const FamilyKey& key) { return key.first == base; });
    if (found.size() > 1 && model_.num_chunks > 0)
      found = matching([&](const FamilyKey& key) {
        return key.first == base && key.second == model_.num_chunks;
      });
    if (found.empty())
      found = matching(
          [](const FamilyKey& key) { return key.first.find("FFN_PF") != std::string::npos; });
    if (found.empty()) found = matching([](const FamilyKey&) { return true; });
    if (found.empty())
      return missing(chunk_name(base, 1, std::max<int64_t>(model_.num_chunks, 1), false));
    if (found.size() > 1) {
      std::vector<std::string> names;
      for (const auto* family : found)
        names.push_back(chunk_name(family->first.first, 1, family->first.second, false));
      return ambiguous("the chunks", names);
    }
    const auto& [key, family] = *found.front();
    if (model_.num_chunks > 0 && key.second != model_.num_chunks)
      return fail(ErrorCode::mismatch, "{}: meta.yaml says {} chunks, the files are named as {}",
                  model_.path.string(), model_.num_chunks,
                  chunk_name(key.first, 1, key.second, false));
    ANEMONE_TRY(model_.chunks, in_order(key, family.plain, false));
    if (!family.rotate.empty()) {
      ANEMONE_TRY(model_.rotate_chunks, in_order(key, family.rotate, true));
    }
    model_.num_chunks = key.second;
    return {};
  }

  static std::string chunk_name(const std::string& base, int64_t number, int64_t total,
                                bool rotate) {
    return fmt::format("{}_chunk_{:02}of{:02}{}", base, number, total, rotate ? "_rot" : "");
  }

  Result<std::vector<fs::path>> in_order(const FamilyKey& key, std::vector<Chunk> chunks,
                                         bool rotate) const {
    std::ranges::sort(chunks, {}, &Chunk::number);
    std::vector<fs::path> paths;
    for (int64_t number = 1; number <= key.second; ++number) {
      const auto chunk = std::ranges::find(chunks, number, &Chunk::number);
      if (chunk == chunks.end()) return missing(chunk_name(key.first, number, key.second, rotate));
      paths.push_back(chunk->path);
    }
    if (paths.size() != chunks.size())
      return fail(ErrorCode::mismatch, "{}: chunk {} is not between 1 and {}", model_.path.string(),
                  chunks.back().path.filename().string(), key.second);
    return paths;
  }

  AnemllDirectory& model_;
  const Listing& listing_;
};

}  // namespace

Status find_anemll_parts(AnemllDirectory& model) {
  ANEMONE_TRY(const Listing listing, list_packages(model.path));
  return PartFinder(model, listing).find();
}

}  // namespace anemone::package
