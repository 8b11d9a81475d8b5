#include "anemone/variants.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <string_view>

#include "base/error.h"

namespace anemone::package {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kStem = "model_seq";

std::optional<int64_t> length_of(const fs::path& path) {
  if (path.extension() != ".mlpackage" && path.extension() != ".mlmodelc") return std::nullopt;
  const std::string stem = path.stem().string();
  if (!stem.starts_with(kStem)) return std::nullopt;
  int64_t length = 0;
  const char* const end = stem.data() + stem.size();
  const auto [stop, error] = std::from_chars(stem.data() + kStem.size(), end, length);
  if (error != std::errc() || stop != end || length < 1) return std::nullopt;
  return length;
}

}  // namespace

Result<std::vector<Variant>> list_variants(const fs::path& folder) {
  std::error_code error;
  if (!fs::is_directory(folder, error))
    return fail(ErrorCode::not_found, "{} is no folder", folder.string());
  std::map<int64_t, fs::path> found;
  for (auto entry = fs::directory_iterator(folder, error);
       !error && entry != fs::directory_iterator(); entry.increment(error)) {
    const auto length = length_of(entry->path());
    if (!length) continue;
    fs::path& path = found[*length];
    if (path.empty() || entry->path().extension() == ".mlmodelc") path = entry->path();
  }
  if (error) return fail(ErrorCode::io, "cannot list {}: {}", folder.string(), error.message());
  if (found.empty())
    return with_hint(
        fail(ErrorCode::not_found, "{}: there is no model_seq*.mlpackage", folder.string()),
        "anemone convert MODEL -o FOLDER --layout plain --lengths 64,128,256,512");
  std::vector<Variant> variants;
  for (auto& [length, path] : found) variants.push_back({length, std::move(path)});
  return variants;
}

Result<Variant> choose_variant(std::span<const Variant> variants, int64_t tokens) {
  const Variant* chosen = nullptr;
  int64_t longest = 0;
  for (const Variant& variant : variants) {
    longest = std::max(longest, variant.length);
    if (variant.length >= tokens && (chosen == nullptr || variant.length < chosen->length))
      chosen = &variant;
  }
  if (chosen != nullptr) return *chosen;
  return fail(ErrorCode::out_of_range, "{} tokens are more than the longest variant takes, {}",
              tokens, longest);
}

}  // namespace anemone::package
