#include "convert/anemll_palettes.h"

#include <algorithm>

#include "base/error.h"
#include "compress/spec.h"
#include "package/anemll_meta.h"

namespace anemone::converter {
namespace {

namespace fs = std::filesystem;
using compress::PaletteSize;

constexpr std::string_view kLutBits = "com.anemll.lut_bits";

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

std::string name_of_part(compress::Part part) {
  return std::string(compress::kPartNames[static_cast<size_t>(part)]);
}

/// Lines `key: value` below `parameters:`, which keep their comments and their order.
class Parameters {
 public:
  explicit Parameters(std::string_view text) {
    for (size_t begin = 0; begin < text.size();) {
      const size_t end = std::min(text.find('\n', begin), text.size() - 1) + 1;
      lines_.emplace_back(text.substr(begin, end - begin));
      begin = end;
    }
    if (!lines_.empty() && lines_[0].ends_with("\r\n")) line_end_ = "\r\n";
    if (!lines_.empty() && !lines_.back().ends_with('\n')) lines_.back() += line_end_;
    const auto head = std::ranges::find_if(
        lines_, [](const std::string& line) { return key_of(line) == "parameters"; });
    first_ = std::min(static_cast<size_t>(head - lines_.begin()) + 1, lines_.size());
    end_ = first_;
    while (end_ < lines_.size() && key_of(lines_[end_]).empty()) ++end_;
    if (end_ == lines_.size()) return;
    indent_ = lines_[end_].substr(0, indent_of(lines_[end_]));
    while (end_ < lines_.size() &&
           (says_nothing(lines_[end_]) || indent_of(lines_[end_]) >= indent_.size()))
      ++end_;
  }

  /// Puts the value in place of the key's own, or behind the line of `after`, or first.
  void set(std::string_view key, std::string_view value, std::string_view after) {
    const std::string line = fmt::format("{}{}: {}", indent_, key, value);
    if (const auto at = find(key)) {
      const size_t comment = std::min(lines_[*at].find(" #"), lines_[*at].size());
      const std::string_view kept = std::string_view(lines_[*at]).substr(comment);
      lines_[*at] = line + (kept.empty() ? line_end_ : std::string(kept));
      return;
    }
    const size_t place = find(after).value_or(first_ - 1) + 1;
    lines_.insert(lines_.begin() + static_cast<int64_t>(place), line + line_end_);
    ++end_;
  }

  /// Lines of this key.
  size_t count(std::string_view key) const {
    size_t lines = 0;
    for (size_t i = first_; i < end_; ++i) lines += is_line_of(lines_[i], key) ? 1U : 0U;
    return lines;
  }

  std::string text() const {
    std::string text;
    for (const std::string& line : lines_) text += line;
    return text;
  }

 private:
  static size_t indent_of(std::string_view line) {
    return std::min(line.find_first_not_of(' '), line.size());
  }
  /// A blank line, or a comment.
  static bool says_nothing(std::string_view line) {
    const size_t begin = line.find_first_not_of(" \t\r\n");
    return begin == std::string_view::npos || line[begin] == '#';
  }
  /// Without quotes and blanks; empty where the line says nothing.
  static std::string_view key_of(std::string_view line) {
    const size_t begin = indent_of(line);
    const size_t colon = line.find(':', begin);
    if (colon == std::string_view::npos || says_nothing(line)) return "";
    std::string_view key = line.substr(begin, colon - begin);
    while (key.ends_with(' ')) key.remove_suffix(1);
    const bool is_quoted =
        key.size() > 1 && (key[0] == '"' || key[0] == '\'') && key.back() == key[0];
    return is_quoted ? key.substr(1, key.size() - 2) : key;
  }
  bool is_line_of(std::string_view line, std::string_view key) const {
    return indent_of(line) == indent_.size() && key_of(line) == key;
  }
  std::optional<size_t> find(std::string_view key) const {
    for (size_t i = first_; i < end_; ++i)
      if (is_line_of(lines_[i], key)) return i;
    return std::nullopt;
  }

  std::vector<std::string> lines_;
  size_t first_ = 0;  ///< of the parameters.
  size_t end_ = 0;    ///< behind them: a line of less indent.
  std::string indent_ = "    ";
  std::string line_end_ = "\n";
};

/// What meta.yaml is to say: keys, values, and the keys that they stand behind.
struct Line {
  std::string key;
  std::string value;
  std::string after;
};

class Changes {
 public:
  Changes(const package::AnemllDirectory& directory, const std::vector<CompressedWeight>& weights)
      : directory_(directory), weights_(weights) {
    if (directory.monolithic) {
      add_monolith();
      return;
    }
    add_package("lut_embeddings", "embeddings", {directory.embeddings});
    std::vector<fs::path> chunks = directory.chunks;
    chunks.insert(chunks.end(), directory.rotate_chunks.begin(), directory.rotate_chunks.end());
    add_package("lut_ffn", "ffn", chunks);
    add_package("lut_lmhead", "lm_head", {directory.lm_head});
  }

  const std::vector<Line>& lines() const { return lines_; }

 private:
  std::vector<CompressedWeight> weights_of(const std::vector<fs::path>& packages) const {
    std::vector<CompressedWeight> found;
    for (const CompressedWeight& weight : weights_)
      if (std::ranges::any_of(packages, [&](const fs::path& package) {
            return package.stem() == fs::path(weight.package).stem();
          }))
        found.push_back(weight);
    return found;
  }

  bool says_number(const std::string& key) const {
    const auto said = directory_.parameters.find(key);
    return said != directory_.parameters.end() && is_number(said->second);
  }

  void add_lut(const std::string& key, const std::optional<PaletteSize>& palette) {
    if (!palette || says_number(key)) return;
    const std::string base = key == "lut_bits" ? "lut" : key;
    lines_.push_back({key, std::to_string(palette->bits), "batch_size"});
    lines_.push_back({base + "_per_channel", std::to_string(palette->group), key});
  }

  void add_file(const std::string& key, const std::vector<fs::path>& packages) {
    if (directory_.parameters.contains(key) || packages.empty() || packages[0].empty()) return;
    lines_.push_back({key, packages[0].stem().string() + ".mlmodelc", "model_prefix"});
  }

  void add_package(const std::string& key, const std::string& file_key,
                   const std::vector<fs::path>& packages) {
    const auto palette = palette_of(weights_of(packages));
    if (!palette || says_number(key)) return;
    add_lut(key, palette);
    add_file(file_key, packages);
  }

  /// Embedding and head only where they differ.
  void add_monolith() {
    using compress::Part;
    const auto mine = weights_of(directory_.chunks);
    auto main = palette_of(mine, name_of_part(Part::ffn));
    if (!main) main = palette_of(mine, name_of_part(Part::attn));
    add_lut("lut_bits", main);
    const auto differs = [&](const std::optional<PaletteSize>& palette) {
      return palette && (!main || palette->bits != main->bits || palette->group != main->group);
    };
    for (const auto& [part, key] :
         {std::pair{Part::embed, "lut_embeddings"}, std::pair{Part::head, "lut_lmhead"}})
      if (const auto palette = palette_of(mine, name_of_part(part)); differs(palette))
        add_lut(key, palette);
    if (!lines_.empty()) add_file("monolithic_model", directory_.chunks);
  }

  const package::AnemllDirectory& directory_;
  const std::vector<CompressedWeight>& weights_;
  std::vector<Line> lines_;
};

}  // namespace

std::optional<PaletteSize> palette_of(const std::vector<CompressedWeight>& weights,
                                      std::string_view part) {
  std::map<std::pair<int, int64_t>, int64_t> elements;
  for (const CompressedWeight& weight : weights) {
    if (!part.empty() && weight.part != part) continue;
    const auto spec = compress::Spec::parse(weight.scheme);
    const compress::Scheme* scheme = spec.ok() ? spec->scheme(compress::Part::ffn) : nullptr;
    const auto palette = scheme == nullptr ? std::nullopt : scheme->palette();
    if (palette) elements[{palette->bits, palette->group}] += weight.elements;
  }
  if (elements.empty()) return std::nullopt;
  const auto most = std::ranges::max_element(elements, {}, [](const auto& e) { return e.second; });
  return PaletteSize{most->first.first, most->first.second};
}

void record_palette(const std::vector<CompressedWeight>& weights,
                    std::map<std::string, std::string>& metadata) {
  const bool is_anemll = std::ranges::any_of(
      metadata, [](const auto& entry) { return entry.first.starts_with("com.anemll."); });
  const auto palette = palette_of(weights);
  if (!is_anemll || !palette) return;
  std::string& bits = metadata[std::string(kLutBits)];
  if (!is_number(bits)) bits = std::to_string(palette->bits);
}

Result<std::optional<std::string>> meta_with_palettes(
    const package::AnemllDirectory& directory, std::string_view text,
    const std::vector<CompressedWeight>& weights) {
  const Changes changes(directory, weights);
  if (changes.lines().empty()) return std::optional<std::string>();
  Parameters parameters(text);
  auto wanted = directory.parameters;
  std::string lines;
  for (const Line& line : changes.lines()) {
    parameters.set(line.key, line.value, line.after);
    wanted[line.key] = line.value;
    lines += fmt::format("{}{}: {}", lines.empty() ? "" : ", ", line.key, line.value);
  }
  std::string changed = parameters.text();
  const auto read = package::parse_anemll_meta(changed);
  const bool is_said =
      read.ok() && read->parameters == wanted &&
      std::ranges::all_of(changes.lines(), [&](const Line& line) {
        return parameters.count(line.key) == 1;  // of two, each reader takes another
      });
  if (!is_said)
    return fail(ErrorCode::mismatch, "no place below 'parameters:' was found for {}", lines);
  return std::optional(std::move(changed));
}

}  // namespace anemone::converter
