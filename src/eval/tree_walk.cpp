#include "eval/tree_walk.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/error.h"
#include "eval/generate_until.h"

namespace anemone::eval {
TreeWalk::TreeWalk(lm::LanguageModel& model, std::span<ModelPath> paths, const Codec& codec,
                   std::span<const Question> questions, std::span<const uint32_t> asked,
                   size_t most_logits, const Engine::Answered& answered, WalkProgress& progress)
    : model_(model),
      vocabulary_(static_cast<size_t>(model.info().vocab_size)),
      most_rows_(std::max(kMostRows, most_logits / vocabulary_)),
      lockstep_(dynamic_cast<const lm::Lockstep*>(&model)),
      blocks_give_rows_(lockstep_ != nullptr && lockstep_->blocks_give_rows()),
      joins_positions_(lockstep_ != nullptr && lockstep_->joins_positions()),
      codec_(codec),
      questions_(questions),
      answered_(answered),
      progress_(progress),
      tree_(questions, asked),
      book_(tree_),
      lanes_(lanes_on(paths)),
      schedule_(tree_, lanes_) {
  progress_.expect(tree_.input_tokens());
  for (const uint32_t index : asked)
    if (questions[index].generates())
      progress_.expect(static_cast<uint64_t>(questions[index].generation->most_tokens));
}

std::vector<Lane> TreeWalk::lanes_on(std::span<ModelPath> paths) {
  std::vector<Lane> lanes;
  for (ModelPath& path : paths) lanes.emplace_back(path, tree_, questions_, book_);
  return lanes;
}

Status TreeWalk::run() {
  for (;;) {
    ANEMONE_RETURN_IF_ERROR(progress_.tell());
    ANEMONE_RETURN_IF_ERROR(take_ways());
    if (std::ranges::none_of(lanes_, &Lane::is_busy)) return progress_.tell();
    ANEMONE_RETURN_IF_ERROR(run_round());
  }
}

Status TreeWalk::take_ways() {
  for (const bool beside_others : {false, true})
    for (Lane& lane : lanes_)
      while (!lane.is_busy()) {
        auto way = schedule_.next_way(lane);
        if (!way && beside_others) way = schedule_.way_beside_others(lane);
        if (!way) break;
        const Status started = lane.start(*std::move(way));
        if (!started.ok()) {
          ANEMONE_RETURN_IF_ERROR(give_up(lane, started.error()));
        } else if (lane.is_at_end()) {
          ANEMONE_RETURN_IF_ERROR(finish(lane));
        }
      }
  return {};
}

Status TreeWalk::run_round() {
  const auto busy = static_cast<size_t>(std::ranges::count_if(lanes_, &Lane::is_busy));
  const size_t lane_rows = std::max<size_t>(most_rows_ / busy, 1);
  size_t fewest = busy == 1 ? SIZE_MAX : lane_rows;
  blocks_.clear();
  steps_.clear();
  for (Lane& lane : lanes_) {
    if (!lane.is_busy()) continue;
    Lane::Piece piece = lane.next_piece(joins_positions_ ? lane_rows : kMostRows);
    if (busy > 1 && cut_to_blocks(lane, piece)) {
      blocks_.push_back({&lane, piece});
      if (piece.rows) ANEMONE_RETURN_IF_ERROR(run_together(blocks_));
      continue;
    }
    steps_.push_back({&lane, piece});
    fewest = std::min(fewest, piece.count);
  }
  if (!joins_positions_)
    for (Step& step : steps_) step.piece.count = fewest;
  ANEMONE_RETURN_IF_ERROR(run_together(blocks_));
  ANEMONE_RETURN_IF_ERROR(run_together(steps_));
  for (Lane& lane : lanes_)
    if (lane.is_busy() && lane.is_at_end()) ANEMONE_RETURN_IF_ERROR(finish(lane));
  return {};
}

bool TreeWalk::cut_to_blocks(const Lane& lane, Lane::Piece& piece) const {
  const auto block = static_cast<size_t>(model_.info().prefill_block_tokens);
  if (block == 0 || piece.count < block || (piece.rows && !blocks_give_rows_)) return false;
  if (!lane.path().forgets_at(piece.begin + block)) return false;  // where a window rotates
  piece.count -= piece.count % block;
  return true;
}

Status TreeWalk::run_together(std::vector<Step>& steps) {
  size_t rows = 0;
  for (const Step& step : steps) rows += step.piece.rows ? step.piece.count : 0;
  if (rows_.size() < rows * vocabulary_) rows_.resize(rows * vocabulary_);
  extensions_.clear();
  size_t row = 0;
  for (const auto& [lane, piece] : steps) {
    const size_t wanted = piece.rows ? piece.count : 0;
    extensions_.push_back(
        lane->path().extension(lane->tokens(piece), piece.rows ? lm::Rows::all : lm::Rows::none,
                               std::span(rows_).subspan(row * vocabulary_, wanted * vocabulary_)));
    row += wanted;
  }
  model_.extend_many(extensions_);
  const auto take = [&](size_t i) {
    if (extensions_[i].status.ok()) steps[i].lane->take(steps[i].piece, extensions_[i].logits);
  };
  if (lockstep_ != nullptr)
    lockstep_->share_work(steps.size(), take);
  else
    for (size_t i = 0; i < steps.size(); ++i) take(i);
  for (size_t i = 0; i < steps.size(); ++i)
    if (!extensions_[i].status.ok())
      ANEMONE_RETURN_IF_ERROR(give_up(*steps[i].lane, extensions_[i].status.error()));
  steps.clear();
  return {};
}

Status TreeWalk::finish(Lane& lane) {
  const std::vector<uint32_t> way(lane.way().begin(), lane.way().end());
  lane.finish();
  for (const uint32_t node : way)
    progress_.add(tree_.input_end(tree_.node(node)) - tree_.node(node).begin);
  schedule_.pass(way);
  for (auto node = way.rbegin(); node != way.rend(); ++node)
    ANEMONE_RETURN_IF_ERROR(answer(lane, *node));
  return {};
}

/// The questions of a leaf fail; those that end before it are tried without it.
Status TreeWalk::give_up(Lane& lane, const Error& error) {
  const std::vector<uint32_t> way(lane.way().begin(), lane.way().end());
  lane.give_up();
  const bool leaf = schedule_.is_leaf(way.back());
  schedule_.put_back(way);
  if (!leaf) return {};
  const TokenTree::Node& node = tree_.node(way.back());
  progress_.add(tree_.input_end(node) - node.begin);
  book_.forget_first_score(way.back());
  for (uint32_t q = node.first_question; q != TokenTree::kNone; q = tree_.next_question(q)) {
    Response response;
    response.error = error;
    ANEMONE_RETURN_IF_ERROR(answered_(q, std::move(response)));
  }
  return {};
}

Response TreeWalk::scored(const Lane& lane, const Question& question) const {
  Response response;
  response.greedy = true;
  for (size_t depth = question.context().size(); depth < question.size(); ++depth) {
    const ScoredToken& token = lane.score(depth);
    if (token.error >= 0) {
      response.error = book_.error(token);
      return response;
    }
    response.log_likelihood += token.score.log_probability;
    response.greedy = response.greedy && token.score.greedy;
  }
  return response;
}

Response TreeWalk::generated(Lane& lane, uint32_t node, const Result<int32_t>& first,
                             const GenerationOptions& options) {
  Response response;
  const uint32_t end = tree_.node(node).end;
  const auto generate = [&]() -> Result<std::string> {
    if (!first.ok()) return first.error();
    ANEMONE_RETURN_IF_ERROR(lane.path().move_to(lane.tokens().first(end)));
    const auto most = static_cast<size_t>(options.most_tokens);
    if (!schedule_.is_leaf(node) && !lane.path().forgets_at(end + most)) lane.path().keep();
    if (rows_.size() < vocabulary_) rows_.resize(vocabulary_);
    const auto row = std::span(rows_).first(vocabulary_);
    uint64_t count = 0;
    if (!options.json_schema.empty()) {
      // The first token is not the one that the tree has found.
      const auto next = [&](int32_t token) -> Status {
        ANEMONE_RETURN_IF_ERROR(progress_.tell(++count));
        return lane.path().extend(std::span(&token, 1), lm::Rows::last, row);
      };
      ANEMONE_RETURN_IF_ERROR(lane.path().move_to(lane.tokens().first(end - 1)));
      ANEMONE_RETURN_IF_ERROR(
          lane.path().extend(lane.tokens().subspan(end - 1, 1), lm::Rows::last, row));
      return generate_constrained(options, codec_, row, next);
    }
    return generate_until(options, codec_, *first, [&](int32_t token) -> Result<int32_t> {
      ANEMONE_RETURN_IF_ERROR(progress_.tell(++count));
      ANEMONE_RETURN_IF_ERROR(lane.path().extend(std::span(&token, 1), lm::Rows::last, row));
      return lm::best_token(row);
    });
  };
  auto text = generate();
  if (text.ok()) {
    response.text = *std::move(text);
    response.generated_tokens = lane.path().length() - end;
  } else {
    response.error = text.error();
  }
  return response;
}

Status TreeWalk::answer(Lane& lane, uint32_t index) {
  const TokenTree::Node& node = tree_.node(index);
  std::optional<Result<int32_t>> first;
  if (node.generates) first = book_.take_generated(index);
  const GenerationOptions* before = nullptr;
  Response text;
  for (uint32_t q = node.first_question; q != TokenTree::kNone; q = tree_.next_question(q)) {
    const Question& question = questions_[q];
    Response response;
    if (question.generates()) {
      if (before == nullptr || !(*before == *question.generation)) {
        before = question.generation.get();
        text = generated(lane, index, *first, *before);
        if (text.error && text.error->code == ErrorCode::interrupted) return *text.error;
      }
      response = text;
      progress_.add(static_cast<uint64_t>(question.generation->most_tokens));
    } else {
      response = scored(lane, question);
    }
    response.tokens_run = lane.path().take_tokens_run();
    ANEMONE_RETURN_IF_ERROR(answered_(q, std::move(response)));
  }
  return {};
}

}  // namespace anemone::eval
