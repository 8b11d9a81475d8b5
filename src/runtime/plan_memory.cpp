#include <algorithm>
#include <limits>
#include <map>

#include "runtime/draft.h"

namespace anemone::runtime {
namespace {

/// A piece of the arena and the steps (inclusive) during which it is needed.
struct Piece {
  uint64_t value_bytes = 0;
  uint64_t size_bytes = 0;  ///< in the arena.
  size_t first = 0;
  size_t last = 0;
  uint64_t* offset_bytes = nullptr;
  uint64_t* lockstep_offset_bytes = nullptr;  ///< null for scratch.
};

/// Largest first; each into the lowest gap among those that live at the same time.
uint64_t place(std::vector<Piece>& pieces) {
  std::ranges::stable_sort(pieces, std::greater{}, &Piece::size_bytes);
  std::vector<const Piece*> placed;  // by offset
  uint64_t total = 0;
  for (Piece& piece : pieces) {
    uint64_t offset = 0;
    for (const Piece* other : placed) {
      if (other->last < piece.first || piece.last < other->first) continue;
      if (offset + piece.size_bytes <= *other->offset_bytes) break;
      offset = std::max(offset, *other->offset_bytes + other->size_bytes);
    }
    *piece.offset_bytes = offset;
    const auto behind = std::ranges::upper_bound(
        placed, offset, {}, [](const Piece* other) { return *other->offset_bytes; });
    placed.insert(behind, &piece);
    total = std::max(total, offset + piece.size_bytes);
  }
  return total;
}

/// In the order of their lives; each where one of the same size was, or behind all others.
Plan::LockstepArena place_for_lockstep(std::vector<Piece>& pieces) {
  struct Slot {
    uint64_t offset_bytes = 0;
    size_t last = 0;
  };
  Plan::LockstepArena arena;
  std::map<uint64_t, std::vector<Slot>> slots;
  std::ranges::stable_sort(pieces, std::less{}, &Piece::first);
  for (Piece& piece : pieces) {
    if (piece.lockstep_offset_bytes == nullptr) {
      arena.scratch_bytes = std::max(arena.scratch_bytes, piece.size_bytes);
      continue;
    }
    std::vector<Slot>& same = slots[piece.value_bytes];
    auto free =
        std::ranges::find_if(same, [&](const Slot& slot) { return slot.last < piece.first; });
    if (free == same.end()) {
      free = same.insert(same.end(), Slot{arena.scratch_offset_bytes, 0});
      arena.scratch_offset_bytes += piece.size_bytes;
    }
    free->last = piece.last;
    *piece.lockstep_offset_bytes = free->offset_bytes;
  }
  arena.bytes = arena.scratch_offset_bytes + arena.scratch_bytes;
  return arena;
}

}  // namespace

void plan_memory(Plan& plan) {
  std::vector<PlanValue>& values = plan.values;
  std::vector<Step>& steps = plan.steps;
  constexpr size_t kEnd = std::numeric_limits<size_t>::max();
  struct Life {
    size_t first = kEnd;
    size_t last = 0;
  };
  std::vector<Life> lives(values.size());
  const auto touch = [&](ValueId id, size_t time) {
    const PlanValue& value = values[static_cast<size_t>(id)];
    Life& life = lives[static_cast<size_t>(value.place == Place::alias ? value.root : id)];
    life.first = std::min(life.first, time);
    life.last = std::max(life.last, time);
  };
  for (size_t time = 0; time < steps.size(); ++time) {
    for (const ValueId operand : steps[time].operands) touch(operand, time);
    for (size_t i = 0; i < steps[time].output_count; ++i)
      touch(steps[time].first_output + static_cast<ValueId>(i), time);
  }
  for (const ValueId output : plan.outputs) touch(output, kEnd);
  for (const Shown& one : plan.shown)
    if (one.steps > 0) touch(one.value, one.steps - 1);

  std::vector<Piece> pieces;
  for (size_t id = 0; id < values.size(); ++id) {
    PlanValue& value = values[id];
    if (value.place == Place::input)
      lives[id] = Life{.first = 0, .last = kEnd};
    else if (value.place != Place::arena || lives[id].first == kEnd)
      continue;
    const auto bytes = static_cast<uint64_t>(value.size_bytes());
    pieces.push_back({bytes, aligned(bytes), lives[id].first, lives[id].last, &value.offset_bytes,
                      &value.lockstep_offset_bytes});
  }
  for (size_t time = 0; time < steps.size(); ++time)
    if (steps[time].binding && steps[time].binding->scratch_bytes() > 0)
      pieces.push_back({0, aligned(steps[time].binding->scratch_bytes()), time, time,
                        &steps[time].scratch_offset_bytes, nullptr});
  plan.arena_bytes = place(pieces);
  plan.lockstep = place_for_lockstep(pieces);
}

}  // namespace anemone::runtime
