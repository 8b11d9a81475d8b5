#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/bounded_bytes.h"
#include "base/error.h"
#include "checkpoint/pickle.h"

namespace anemone::checkpoint {

/// What the opcodes of a pickle work on: its bytes, and a stack, marks and a memo that stay within
/// the bounds which parse_pickle states. Errors, where nothing else is said: corrupt, limit.
class PickleMachine {
 public:
  using Bytes = std::span<const std::byte>;
  using Index = PickleValue::Index;
  using Indices = std::vector<Index>;

  explicit PickleMachine(Bytes bytes) : bytes_(bytes) {}

  size_t position() const { return position_; }
  /// What was read, when the stack's top is its root.
  Result<Pickle> finish();

  Result<Bytes> take(uint64_t count);
  template <typename T>
  Result<T> number() {
    ANEMONE_TRY(const Bytes bytes, take(sizeof(T)));
    return *load_at<T>(bytes, 0);
  }
  /// Text or bytes whose length, of type T, stands before.
  template <typename T>
  Result<std::string> counted() {
    ANEMONE_TRY(const T size, number<T>());
    ANEMONE_TRY(const Bytes bytes, take(size));
    return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  Result<std::string> line();

  Status push(PickleValue value);
  /// Pushes what a reader gave.
  template <typename T>
  Status push(Result<T> value) {
    if (!value.ok()) return std::move(value).error();
    return push(PickleValue{std::move(value).value()});
  }
  Status push_again();  ///< the top of the stack.
  Result<Indices> pop(size_t count);
  Status mark();
  Result<Indices> pop_to_mark();

  /// Appends to the list, or the set, on top of the stack.
  Status extend(const Indices& items);
  static Status add_pairs(PickleValue::Dict& dict, const Indices& items);
  Status set_items(const Indices& items);

  /// Errors: unsupported (a name that is not allowed).
  Status global(const std::string& module, const std::string& name);
  Status global_of_stack();
  /// What a call would give: nothing is called. Errors: also unsupported.
  Status call();
  /// Sets attributes; of what is read here only an OrderedDict has some ("_metadata"), which say
  /// nothing about tensors. Errors: also unsupported.
  Status build();
  Status persistent();

  size_t memo_size() const { return memo_.size(); }
  Status put(uint64_t key);
  Status get(uint64_t key);

 private:
  /// Values above the last mark belong to what the mark opened.
  Status need(size_t count) const;

  Bytes bytes_;
  size_t position_ = 0;
  Pickle pickle_;
  size_t held_bytes_ = 0;
  Indices stack_;
  std::vector<size_t> marks_;
  std::unordered_map<uint64_t, Index> memo_;
};

}  // namespace anemone::checkpoint
