#include <algorithm>
#include <limits>
#include <map>
#include <set>

#include "runtime/draft.h"

namespace anemone::runtime {
namespace {

constexpr size_t kNever = std::numeric_limits<size_t>::max();

class StatePlanner {
 public:
  StatePlanner(std::vector<PlanValue>& values, std::vector<Draft>& drafts,
               std::span<const ValueId> outputs)
      : values_(values), drafts_(drafts), uses_(values.size()), producer_(values.size(), kNever) {
    for (size_t at = 0; at < drafts.size(); ++at) note(at);
    for (const ValueId output : outputs) uses_[index(output)].push_back(drafts.size());
  }

  void plan() {
    while (!decide()) {
    }
    apply();
  }

 private:
  struct Alias {
    ValueId root = kNoValue;
    uint64_t offset_bytes = 0;
    size_t since = 0;  ///< the time from which it has its contents, when `root` is a state.
  };

  static size_t index(ValueId id) { return static_cast<size_t>(id); }
  bool is_state(ValueId id) const { return values_[index(id)].place == Place::state; }

  void note(size_t at) {
    const Draft& draft = drafts_[at];
    if (draft.kind == Draft::Kind::run) {
      for (const ValueId operand : draft.step.operands) uses_[index(operand)].push_back(at);
      for (size_t i = 0; i < draft.step.output_count; ++i)
        producer_[index(draft.step.first_output) + i] = at;
    } else {
      uses_[index(draft.source)].push_back(at);
      if (draft.kind == Draft::Kind::view) producer_[index(draft.target)] = at;
    }
  }

  /// One attempt. False when an update turned out not to be possible in place: it is then in
  /// `refused_`, and the rest has to be decided again without it.
  bool decide() {
    modifications_.clear();
    updates_.clear();
    copying_.clear();
    aliases_.clear();
    for (size_t at = 0; at < drafts_.size(); ++at) {
      const Draft& draft = drafts_[at];
      if (draft.kind == Draft::Kind::write && !update_in_place(at)) {
        copying_.insert(at);
        modifications_[draft.target].push_back(at);
      }
      if (draft.kind == Draft::Kind::run && draft.step.kind == StepKind::control)
        for (const ValueId operand : draft.step.operands)
          if (is_state(operand)) modifications_[operand].push_back(at);
    }
    for (auto& [state, times] : modifications_) std::ranges::sort(times);
    for (size_t at = 0; at < drafts_.size(); ++at)
      if (!resolve(at)) return false;
    return true;
  }

  size_t slice_update_behind(ValueId id) const {
    const size_t at = producer_[index(id)];
    if (at == kNever || drafts_[at].kind != Draft::Kind::run) return kNever;
    const Step& step = drafts_[at].step;
    return step.kind == StepKind::reference && step.op->name == "slice_update" ? at : kNever;
  }

  /// True when the write at `at` stores the result of slice_updates that started from the state's
  /// present contents, and nothing looks at the state in between. They then work on its bytes.
  bool update_in_place(size_t at) {
    const ValueId state = drafts_[at].target;
    std::vector<size_t> chain;
    ValueId data = drafts_[at].source;
    for (size_t update = slice_update_behind(data); update != kNever;
         update = slice_update_behind(data)) {
      if (refused_.contains(update) || updates_.contains(update)) return false;
      // Between two updates of a chain, only the next one may read the value.
      if (!chain.empty() && uses_[index(data)].size() != 1) return false;
      chain.push_back(update);
      data = drafts_[update].step.operands_of("x")[0];
    }
    const size_t read = producer_[index(data)];
    if (chain.empty() || read == kNever || drafts_[read].kind != Draft::Kind::view ||
        drafts_[read].source != state)
      return false;
    const size_t first = chain.back();
    for (const size_t time : modifications_[state])
      if (time > read) return false;
    for (const size_t time : uses_[index(state)])
      if (time > first && time < at) return false;
    for (const size_t update : chain) {
      updates_[update] = state;
      modifications_[state].push_back(update);
    }
    return true;
  }

  /// An in-place update does not use the value it changes, but the state itself.
  bool is_real_use(ValueId id, size_t at) const {
    if (!updates_.contains(at)) return true;
    const Step& step = drafts_[at].step;
    const size_t changed = step.flat("x");
    for (size_t i = 0; i < step.operands.size(); ++i)
      if (i != changed && step.operands[i] == id) return true;
    return step.operands[changed] != id;
  }

  bool is_used_after_change(ValueId id, const Alias& alias) {
    size_t change = kNever;
    for (const size_t time : modifications_[alias.root])
      if (time > alias.since) change = std::min(change, time);
    return std::ranges::any_of(
        uses_[index(id)], [&](size_t time) { return time >= change && is_real_use(id, time); });
  }

  /// Drafts come in program order, so the source of a view is settled before the view.
  bool resolve(size_t at) {
    const Draft& draft = drafts_[at];
    if (const auto update = updates_.find(at); update != updates_.end()) {
      const Alias alias{.root = update->second, .since = at};
      if (is_used_after_change(draft.step.first_output, alias)) {
        refused_.insert(at);
        return false;
      }
      aliases_[draft.step.first_output] = alias;
    }
    if (draft.kind != Draft::Kind::view) return true;
    Alias alias{.root = draft.source, .offset_bytes = draft.offset_bytes, .since = at};
    if (const auto source = aliases_.find(draft.source); source != aliases_.end()) {
      alias.root = source->second.root;
      alias.offset_bytes += source->second.offset_bytes;
      alias.since = source->second.since;
    }
    if (is_state(alias.root) && is_used_after_change(draft.target, alias))
      copying_.insert(at);
    else
      aliases_[draft.target] = alias;
    return true;
  }

  void apply() {
    for (const size_t at : copying_) {
      drafts_[at].copies = true;
      if (drafts_[at].kind == Draft::Kind::view)
        values_[index(drafts_[at].target)].place = Place::arena;
    }
    for (const auto& [at, state] : updates_) {
      Step& step = drafts_[at].step;
      step.kind = StepKind::update;
      step.operands[step.flat("x")] = state;
    }
    for (const auto& [id, alias] : aliases_) {
      PlanValue& value = values_[index(id)];
      value.place = Place::alias;
      value.root = alias.root;
      value.offset_bytes = alias.offset_bytes;
    }
  }

  std::vector<PlanValue>& values_;
  std::vector<Draft>& drafts_;
  std::vector<std::vector<size_t>> uses_;  ///< by value: drafts that read it.
  std::vector<size_t> producer_;           ///< by value: the draft that defines it.
  std::set<size_t> refused_;

  std::map<ValueId, std::vector<size_t>> modifications_;  ///< by state.
  std::map<size_t, ValueId> updates_;                     ///< in place, with their state.
  std::set<size_t> copying_;                              ///< views and writes.
  std::map<ValueId, Alias> aliases_;
};

}  // namespace

void plan_states(std::vector<PlanValue>& values, std::vector<Draft>& drafts,
                 std::span<const ValueId> outputs) {
  StatePlanner(values, drafts, outputs).plan();
}

}  // namespace anemone::runtime
