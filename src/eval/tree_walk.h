#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "anemone/result.h"
#include "eval/engine.h"
#include "eval/token_tree.h"

namespace anemone::eval {

/// One way through the tree of all questions, depth first: each leaf is run with all that is new on
/// its way, then the model goes back to where the next one parts.
class TreeWalk {
 public:
  TreeWalk(ModelPath& path, const Codec& codec, size_t vocabulary,
           std::span<const Question> questions, std::span<const uint32_t> asked,
           const Engine::Answered& answered, const Engine::Told& told);

  /// Errors: as Engine::run.
  Status run();

 private:
  /// A token's score, or why it has none.
  struct Scored {
    lm::TokenScore score;
    int32_t error = -1;  ///< index in errors_.
  };

  std::vector<uint32_t> first_leaf(uint32_t child) const;
  Status run_leaf(std::span<const uint32_t> way);
  Status run_tokens(std::span<const uint32_t> way, size_t begin, size_t end);
  void want_rows(std::span<const uint32_t> way, size_t begin, size_t end);
  std::vector<size_t> copy_points(std::span<const uint32_t> way, size_t begin, size_t end) const;
  bool parts_here(uint32_t node) const;
  bool row_wanted_behind(const TokenTree::Node& node) const;
  void take_row(std::span<const float> row, size_t depth, uint32_t node);
  Scored score(std::span<const float> row, int32_t token);
  int32_t keep_error(const Error& error);

  Status answer(uint32_t node);
  Response scored_response(const Question& question) const;
  Result<std::string> generated(uint32_t node, const GenerationOptions& options);
  Status give_up(uint32_t leaf, const Error& error);
  Status tell(uint64_t extra) const;

  ModelPath& path_;
  const Codec& codec_;
  const size_t vocabulary_;
  const std::span<const Question> questions_;
  const Engine::Answered& answered_;
  const Engine::Told& told_;
  TokenTree tree_;
  uint64_t done_ = 0;
  uint64_t total_ = 0;

  std::vector<uint32_t> open_;  ///< from the root to where the walk is.
  Tokens tokens_;               ///< of the open nodes.
  std::vector<Scored> scores_;  ///< of these tokens.
  std::vector<bool> wanted_;    ///< rows behind the tokens that are run.
  std::vector<float> rows_;
  std::unordered_map<uint32_t, Scored> first_scores_;  ///< of nodes whose parent has run.
  std::unordered_map<uint32_t, Result<int32_t>> first_generated_;  ///< behind nodes.
  std::vector<Error> errors_;
};

}  // namespace anemone::eval
