#include "lm/pipeline.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>

#include "base/check.h"
#include "base/error.h"
#include "lm/logits_row.h"
#include "runtime/share_work.h"
#include "runtime/used_rows.h"

namespace anemone::lm {
namespace {

constexpr size_t kNoLane = static_cast<size_t>(-1);

/// Row i of the mask belongs to position `first + i`: the last `window` columns up to that position
/// are 0, all others hidden.
void fill_mask(Tensor& mask, int64_t first, int64_t window) {
  const int64_t columns = mask.shape()[mask.shape().rank() - 1];
  const int64_t rows = columns == 0 ? 0 : mask.element_count() / columns;
  const auto fill = [&]<typename T>(std::span<T> values, T hidden) {
    for (int64_t row = 0; row < rows; ++row) {
      const auto line =
          values.subspan(static_cast<size_t>(row * columns), static_cast<size_t>(columns));
      const int64_t end = std::clamp<int64_t>(first + row + 1, 0, columns);
      const int64_t begin = std::clamp<int64_t>(first + row + 1 - window, 0, end);
      std::ranges::fill(line, hidden);
      std::ranges::fill(line.subspan(static_cast<size_t>(begin), static_cast<size_t>(end - begin)),
                        T{0});
    }
  };
  constexpr uint16_t kMinusInfinityFp16 = 0xfc00;
  if (mask.dtype() == DType::fp16)
    fill(mask.mutable_values<uint16_t>(), kMinusInfinityFp16);
  else
    fill(mask.mutable_values<float>(), -std::numeric_limits<float>::infinity());
}

/// Column j is the one-hot of the cache slot that row j writes.
void fill_update_mask(Tensor& mask, int64_t first) {
  const int64_t columns = mask.shape()[mask.shape().rank() - 1];
  for (int64_t i = 0; i < mask.element_count(); ++i)
    mask.set(i, i / columns == first + i % columns ? 1 : 0);
}

void fill_integers(Tensor& tensor, int64_t first) {
  for (int64_t i = 0; i < tensor.element_count(); ++i)
    tensor.set(i, static_cast<double>(first + i));
}

std::vector<std::string> logits_outputs(const Interface& interface) {
  if (!interface.logits_parts.empty()) return interface.logits_parts;
  if (!interface.logits.empty()) return {interface.logits};
  return {};
}

/// A pass that scores gives one number of each kind for every row.
Status check_scores(const Pipeline::Stage& last, int64_t rows) {
  const Interface& interface = last.interface;
  if (!interface.gives_scores()) return {};
  for (const std::string& name :
       {interface.max_logit, interface.log_sum, interface.target_gap, interface.argmax}) {
    const Tensor* output = last.runner->output(name);
    const bool is_right = output != nullptr && output->element_count() == rows &&
                          (name == interface.argmax) == is_integer(output->dtype());
    if (!is_right)
      return fail(ErrorCode::mismatch, "{}: output {} is not one {} for each of {} tokens",
                  last.label, name, name == interface.argmax ? "integer" : "number", rows);
  }
  return {};
}

}  // namespace

Result<Pipeline> Pipeline::make(int64_t rows, std::vector<Stage> stages) {
  Pipeline pipeline;
  pipeline.rows_ = rows;
  const Stage* previous = nullptr;
  for (const Stage& stage : stages) {
    if (previous != nullptr) {
      const Tensor* given = previous->runner->output(previous->interface.output_hidden_states);
      const Tensor* taken = stage.runner->input(stage.interface.hidden_states);
      if (given == nullptr || taken == nullptr)
        return fail(ErrorCode::mismatch, "{} and {} are not joined by hidden states",
                    previous->label, stage.label);
      if (given->shape() != taken->shape() || given->dtype() != taken->dtype())
        return fail(ErrorCode::mismatch, "hidden states: {} gives {} {}, {} takes {} {}",
                    previous->label, to_string(given->dtype()), given->shape().to_string(),
                    stage.label, to_string(taken->dtype()), taken->shape().to_string());
    }
    previous = &stage;
  }
  const Stage& first = stages.front();
  if (first.interface.input_ids.empty())
    return fail(ErrorCode::unsupported, "{}: no input_ids", first.label);
  if (!first.interface.hidden_states.empty())
    return fail(ErrorCode::unsupported, "{}: nothing gives its input {}", first.label,
                first.interface.hidden_states);
  const Stage& last = stages.back();
  ANEMONE_RETURN_IF_ERROR(check_scores(last, rows));
  for (const std::string& name : logits_outputs(last.interface)) {
    const Tensor* part = last.runner->output(name);
    ANEMONE_CHECK(part != nullptr, "the interface names outputs of the runner");
    if (part->shape().rank() == 0)
      return fail(ErrorCode::mismatch, "{}: output {} is a scalar, expected [.., V]", last.label,
                  name);
    const int64_t width = part->shape()[part->shape().rank() - 1];
    const int64_t part_rows = width == 0 ? 0 : part->element_count() / width;
    if (part_rows == 0 || (pipeline.vocab_size_ > 0 && part_rows != pipeline.logits_rows_))
      return fail(ErrorCode::mismatch, "{}: output {} has shape {}, the parts before it {} rows",
                  last.label, name, part->shape().to_string(), pipeline.logits_rows_);
    pipeline.vocab_size_ += width;
    pipeline.logits_rows_ = part_rows;
  }
  pipeline.logits_outputs_ = logits_outputs(last.interface);
  for (const Stage& stage : stages) pipeline.lanes_.push_back({stage.runner.get()});
  pipeline.stages_ = std::move(stages);
  return pipeline;
}

void Pipeline::feed_inputs(const Stage& stage, runtime::Runner& runner, const Lane& lane) const {
  const int64_t position = lane.position;
  const Interface& interface = stage.interface;
  if (Tensor* ids = runner.input(interface.input_ids))
    std::ranges::copy(lane.tokens, ids->mutable_values<int32_t>().begin());
  if (Tensor* wanted = runner.input(interface.targets))
    std::ranges::copy(lane.targets, wanted->mutable_values<int32_t>().begin());
  if (Tensor* positions = runner.input(interface.position_ids)) fill_integers(*positions, position);
  if (Tensor* current = runner.input(interface.current_pos)) fill_integers(*current, position);
  if (Tensor* mask = runner.input(interface.causal_mask))
    fill_mask(*mask, position, position + rows_);
  if (Tensor* mask = runner.input(interface.window_mask)) fill_mask(*mask, position, stage.window);
  if (Tensor* mask = runner.input(interface.update_mask)) fill_update_mask(*mask, position);
}

void Pipeline::feed(size_t at, std::span<const Lane> lanes) const {
  const Stage& stage = stages_[at];
  const auto feed_one = [&](size_t i) {
    const Lane& lane = lanes[fed_[i]];
    runtime::Runner& runner = *runners_[i];
    feed_inputs(stage, runner, lane);
    if (lane.used_rows >= 0) runtime::promise_used_rows(runner, lane.used_rows);
    if (at == 0) return;
    const auto hidden =
        lanes_[at - 1][fed_[i]]->output(stages_[at - 1].interface.output_hidden_states)->bytes();
    Tensor* input = runner.input(stage.interface.hidden_states);
    std::memcpy(input->mutable_bytes().data(), hidden.data(), hidden.size());
  };
  runtime::share_work(*stage.runner, fed_.size(), std::ref(feed_one));
}

void Pipeline::share_work(size_t count, const std::function<void(size_t)>& body) const {
  runtime::share_work(*stages_.back().runner, count, body);
}

Status Pipeline::reserve(size_t lanes) {
  for (size_t stage = 0; stage < stages_.size(); ++stage)
    while (lanes_[stage].size() < lanes) {
      ANEMONE_TRY(auto runner, stages_[stage].another());
      lanes_[stage].push_back(runner.get());
      more_.push_back(std::move(runner));
    }
  return {};
}

Status Pipeline::run(std::span<const Lane> lanes) {
  ANEMONE_CHECK(!lanes.empty() && lanes.size() <= lanes_[0].size(), "lanes have buffers");
  for (const Lane& lane : lanes)
    ANEMONE_CHECK(static_cast<int64_t>(lane.tokens.size()) == rows_ &&
                      (!gives_scores() || lane.targets.size() == lane.tokens.size()),
                  "a pipeline takes its own number of rows");
  logits_lanes_.assign(lanes.size(), kNoLane);
  for (size_t at = 0; at < stages_.size(); ++at) {
    const Stage& stage = stages_[at];
    const bool is_last = at + 1 == stages_.size();
    runners_.clear();
    states_.clear();
    fed_.clear();
    for (size_t lane = 0; lane < lanes.size(); ++lane) {
      if (is_head(at) && !lanes[lane].wants_logits) continue;
      if (is_last) logits_lanes_[lane] = runners_.size();
      runners_.push_back(lanes_[at][runners_.size()]);
      states_.push_back(lanes[lane].state);
      fed_.push_back(lane);
    }
    if (runners_.empty()) continue;
    feed(at, lanes);
    Status status = runtime::run_lockstep(runners_, states_);
    if (!status.ok()) return std::move(status).in(stage.label);
  }
  return {};
}

bool Pipeline::carries_positions() const {
  return rows_ == 1 && std::ranges::all_of(stages_, [](const Stage& stage) {
           return runtime::passes_over_unused_rows(*stage.runner);
         });
}

const runtime::Runner& Pipeline::logits_runner(size_t lane) const {
  ANEMONE_CHECK(logits_lanes_[lane] != kNoLane, "the lane wanted logits");
  return *lanes_.back()[logits_lanes_[lane]];
}

int64_t Pipeline::used_rows(size_t lane) const {
  int64_t used = 0;
  for (size_t stage = 0; stage < lanes_.size(); ++stage)
    if (!is_head(stage)) used = std::max(used, runtime::used_rows(*lanes_[stage][lane]));
  return used;
}

int64_t Pipeline::logits_parts() const { return static_cast<int64_t>(logits_outputs_.size()); }

void Pipeline::copy_logits(int64_t row, std::span<float> logits, size_t lane) const {
  size_t offset = 0;
  for (const std::string& name : logits_outputs_) {
    const Tensor& part = *logits_runner(lane).output(name);
    const int64_t width = part.shape()[part.shape().rank() - 1];
    copy_logits_row(part, row, width, logits.subspan(offset, static_cast<size_t>(width)));
    offset += static_cast<size_t>(width);
  }
}

Result<TokenScore> Pipeline::score(int64_t row, int32_t target, size_t lane) const {
  const Stage& last = stages_.back();
  const auto number = [&](const std::string& name) {
    return logits_runner(lane).output(name)->at(row);
  };
  const double highest = number(last.interface.max_logit);
  const double log_sum = number(last.interface.log_sum);
  if (std::isnan(highest) || std::isnan(log_sum))
    return fail(ErrorCode::out_of_range, "the model's logits hold one that is not a number");
  if (std::isinf(highest)) return fail(ErrorCode::out_of_range, "the model's logits are infinite");
  // Rounding may put the sum of all powers below the one of the maximum, which is 1.
  const double log_probability = -(number(last.interface.target_gap) + std::max(log_sum, 0.0));
  if (!std::isfinite(log_probability))
    return fail(ErrorCode::out_of_range, "the model gives token {} no probability", target);
  return TokenScore{log_probability, number(last.interface.argmax) == static_cast<double>(target)};
}

Status Pipeline::check_argmax(std::span<const int64_t> part_sizes) const {
  const Stage& last = stages_.back();
  const auto parts = static_cast<int64_t>(part_sizes.size());
  for (const std::string& name : {last.interface.argmax_index, last.interface.argmax_value}) {
    const Tensor* tensor = last.runner->output(name);
    if (tensor == nullptr || tensor->element_count() != parts || parts == 0)
      return fail(ErrorCode::mismatch, "{}: output '{}' has {} values, the vocabulary {} parts",
                  last.label, name, tensor == nullptr ? 0 : tensor->element_count(), parts);
  }
  return {};
}

Result<int32_t> Pipeline::argmax(std::span<const int64_t> part_sizes, size_t lane) const {
  const Interface& interface = stages_.back().interface;
  const Tensor& indices = *logits_runner(lane).output(interface.argmax_index);
  const Tensor& values = *logits_runner(lane).output(interface.argmax_value);
  int64_t best = 0;
  for (int64_t part = 0; part < values.element_count(); ++part) {
    if (std::isnan(values.at(part)))
      return fail(ErrorCode::out_of_range,
                  "the largest logit of part {} is NaN: the model's numbers overflowed", part + 1);
    if (values.at(part) > values.at(best)) best = part;
  }
  const double index = indices.at(best);
  if (!(index >= 0 && index < static_cast<double>(part_sizes[static_cast<size_t>(best)])) ||
      index != std::floor(index))
    return fail(ErrorCode::out_of_range, "arg max {} of part {} is none of its {} tokens", index,
                best + 1, part_sizes[static_cast<size_t>(best)]);
  int64_t offset = 0;
  for (int64_t part = 0; part < best; ++part) offset += part_sizes[static_cast<size_t>(part)];
  return static_cast<int32_t>(offset + static_cast<int64_t>(index));
}

}  // namespace anemone::lm
