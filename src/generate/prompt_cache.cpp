#include "anemone/prompt_cache.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "anemone/version.h"
#include "base/blake3.h"
#include "base/error.h"
#include "generate/prompt_files.h"
#include "generate/prompt_tree.h"

namespace anemone::generate {
namespace {

/// Of what a model remembers: another arithmetic or layout of the executor needs a new one.
constexpr int kVersion = 1;

std::string_view as_text(std::span<const int32_t> tokens) {
  return {reinterpret_cast<const char*>(tokens.data()), tokens.size_bytes()};
}

class KeptPrompts final : public PromptCache {
 public:
  KeptPrompts(lm::LanguageModel& model, std::string identity, uint64_t memory_bytes,
              std::optional<PromptFiles> files)
      : model_(model),
        identity_(std::move(identity)),
        token_bytes_(model.saved_token_bytes()),
        tree_(token_bytes_, memory_bytes),
        files_(std::move(files)) {}

  std::unique_ptr<lm::Sequence> find(std::span<const int32_t> tokens) override {
    size_t known = tree_.find(tokens, pieces_);
    if (files_ && read_files(tokens, known)) known = tree_.find(tokens, pieces_);
    ++stats_.lookups;
    stats_.hits += known > 0 ? 1 : 0;
    stats_.asked_tokens += tokens.size();
    stats_.found_tokens += known;
    return model_.restore(tokens.first(known), pieces_);
  }

  void keep(const lm::Sequence& sequence) override {
    if (!sequence.sync().ok()) return;  // the sequence's next call says why
    tree_.insert(sequence.tokens(), [&](size_t begin, std::span<std::byte> bytes) {
      const size_t end = begin + bytes.size() / token_bytes_;
      model_.save(sequence, static_cast<int64_t>(begin), static_cast<int64_t>(end), bytes);
    });
    if (files_) write_files(sequence);
  }

  Stats stats() const override {
    Stats stats = stats_;
    stats.memory_bytes = tree_.size_bytes();
    stats.nodes = tree_.nodes();
    stats.evicted_tokens = tree_.evicted_tokens();
    stats.rejected_files = files_ ? files_->rejected() : 0;
    return stats;
  }

 private:
  static constexpr auto kBlock = static_cast<size_t>(kFileTokens);

  /// Calls body(key, first token) for each whole block of `tokens` until it returns false. A key
  /// names the model and all tokens up to the end of the block.
  template <typename Body>
  void for_each_block(std::span<const int32_t> tokens, const Body& body) const {
    std::string key = blake3(identity_);
    for (size_t begin = 0; begin + kBlock <= tokens.size(); begin += kBlock) {
      key = blake3(key + std::string(as_text(tokens.subspan(begin, kBlock))));
      if (!body(key.substr(Blake3::kName.size()), begin)) return;
    }
  }

  /// Brings blocks behind the first `known` tokens into the tree; whether there were any.
  bool read_files(std::span<const int32_t> tokens, size_t known) {
    bool found = false;
    for_each_block(tokens, [&](const std::string& key, size_t begin) {
      const size_t end = begin + kBlock;
      if (end <= known) return true;
      const auto block = files_->read(key, kBlock * token_bytes_);
      if (!block) return false;
      tree_.insert(tokens.first(end), [&](size_t from, std::span<std::byte> bytes) {
        const auto kept = std::span(*block).subspan((from - begin) * token_bytes_, bytes.size());
        std::ranges::copy(kept, bytes.begin());
      });
      stats_.file_tokens += end - std::max(begin, known);
      found = true;
      return tree_.find(tokens.first(end), pieces_) == end;
    });
    return found;
  }

  /// As many blocks from the beginning as the folder has room for: without the first of them the
  /// others cannot be found, so the first counts as used last.
  void write_files(const lm::Sequence& sequence) {
    block_.resize(kBlock * token_bytes_);
    keys_.clear();
    for_each_block(sequence.tokens(), [&](const std::string& key, size_t begin) {
      if (!files_->has_room_for(keys_.size() + 1, block_.size())) return false;
      keys_.push_back(key);
      if (files_->holds(key)) return true;
      const auto first = static_cast<int64_t>(begin);
      model_.save(sequence, first, first + kFileTokens, block_);
      files_->write(key, block_);
      return true;
    });
    files_->use(keys_);
  }

  lm::LanguageModel& model_;
  std::string identity_;
  uint64_t token_bytes_;
  PromptTree tree_;
  std::optional<PromptFiles> files_;
  std::vector<std::span<const std::byte>> pieces_;
  std::vector<std::byte> block_;
  std::vector<std::string> keys_;
  Stats stats_;
};

}  // namespace

Result<std::unique_ptr<PromptCache>> PromptCache::open(lm::LanguageModel& model,
                                                       const Options& options) {
  const lm::ModelInfo& info = model.info();
  const uint64_t token_bytes = model.saved_token_bytes();
  if (token_bytes == 0)
    return fail(
        ErrorCode::unsupported,
        "{}: a model of form {} has no memory that can be cut by tokens, so no prompt cache",
        info.name, info.form);
  std::optional<PromptFiles> files;
  if (!options.folder.empty()) {
    if (info.hash.empty())
      return fail(ErrorCode::unsupported,
                  "{}: without a hash of the model no prompt is kept on disk", info.name);
    ANEMONE_TRY(files, PromptFiles::open(options.folder, options.folder_bytes, options.log));
  }
  std::string identity =
      fmt::format("{} {} {} {} {} {} {}", kVersion, version(), info.hash, info.form,
                  to_string(info.numerics), info.context_length, token_bytes);
  return std::unique_ptr<PromptCache>(std::make_unique<KeptPrompts>(
      model, std::move(identity), options.memory_bytes, std::move(files)));
}

}  // namespace anemone::generate
