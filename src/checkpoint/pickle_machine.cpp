#include "checkpoint/pickle_machine.h"

#include <algorithm>

#include "checkpoint/pickle_globals.h"

namespace anemone::checkpoint {
namespace {

constexpr size_t kMaxValues = size_t{1} << 21;
constexpr size_t kMaxMemo = size_t{1} << 20;
constexpr size_t kMaxMarks = 256;
constexpr size_t kMaxCopied = size_t{256} << 20;

/// Bytes that a value holds beside its fixed part.
size_t held_bytes(const PickleValue& value) {
  if (const auto* text = std::get_if<std::string>(&value.data)) return text->size();
  if (const auto* list = std::get_if<PickleValue::Sequence>(&value.data))
    return list->items.size() * sizeof(list->items[0]);
  if (const auto* dict = std::get_if<PickleValue::Dict>(&value.data))
    return dict->items.size() * sizeof(dict->items[0]);
  if (const auto* storage = std::get_if<PickleValue::Storage>(&value.data))
    return storage->key.size();
  if (const auto* tensor = std::get_if<PickleValue::Tensor>(&value.data))
    return (tensor->shape.size() + tensor->strides.size()) * sizeof(int64_t);
  return 0;
}

}  // namespace

Result<Pickle> PickleMachine::finish() {
  ANEMONE_RETURN_IF_ERROR(need(1));
  pickle_.root = stack_.back();
  pickle_.size_bytes = position_;
  return std::move(pickle_);
}

Result<PickleMachine::Bytes> PickleMachine::take(uint64_t count) {
  const auto part = slice_at(bytes_, position_, count);
  if (!part) return fail(ErrorCode::corrupt, "it ends here, {} more bytes expected", count);
  position_ += part->size();
  return *part;
}

Result<std::string> PickleMachine::line() {
  const auto rest = bytes_.subspan(position_);
  const auto end = std::ranges::find(rest, std::byte{'\n'});
  if (end == rest.end()) return fail(ErrorCode::corrupt, "a line without an end");
  ANEMONE_TRY(const Bytes bytes, take(static_cast<uint64_t>(end - rest.begin()) + 1));
  return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size() - 1);
}

Status PickleMachine::push(PickleValue value) {
  if (pickle_.values.size() >= kMaxValues)
    return fail(ErrorCode::limit, "more than {} values", kMaxValues);
  // Calls copy their arguments, and a memo can name the same large one again and again.
  held_bytes_ += held_bytes(value);
  if (held_bytes_ > kMaxCopied)
    return fail(ErrorCode::limit, "values of more than {} bytes", kMaxCopied);
  stack_.push_back(static_cast<Index>(pickle_.values.size()));
  pickle_.values.push_back(std::move(value));
  return {};
}

Status PickleMachine::push_again() {
  ANEMONE_RETURN_IF_ERROR(need(1));
  stack_.push_back(stack_.back());
  return {};
}

Status PickleMachine::need(size_t count) const {
  const size_t floor = marks_.empty() ? 0 : marks_.back();
  if (stack_.size() - floor < count) return fail(ErrorCode::corrupt, "too few values");
  return {};
}

Result<PickleMachine::Indices> PickleMachine::pop(size_t count) {
  ANEMONE_RETURN_IF_ERROR(need(count));
  const auto first = stack_.end() - static_cast<std::ptrdiff_t>(count);
  Indices items(first, stack_.end());
  stack_.erase(first, stack_.end());
  return items;
}

Status PickleMachine::mark() {
  if (marks_.size() >= kMaxMarks) return fail(ErrorCode::limit, "nested deeper than {}", kMaxMarks);
  marks_.push_back(stack_.size());
  return {};
}

Result<PickleMachine::Indices> PickleMachine::pop_to_mark() {
  if (marks_.empty()) return fail(ErrorCode::corrupt, "no mark");
  const size_t count = stack_.size() - marks_.back();
  marks_.pop_back();
  return pop(count);
}

Status PickleMachine::extend(const Indices& items) {
  ANEMONE_RETURN_IF_ERROR(need(1));
  auto& data = pickle_.values[stack_.back()].data;
  if (auto* list = std::get_if<PickleValue::Sequence>(&data))
    list->items.insert(list->items.end(), items.begin(), items.end());
  else if (!std::holds_alternative<PickleValue::Opaque>(data))
    return fail(ErrorCode::corrupt, "items for what is no list");
  return {};
}

Status PickleMachine::add_pairs(PickleValue::Dict& dict, const Indices& items) {
  if (items.size() % 2 != 0) return fail(ErrorCode::corrupt, "a key without a value");
  for (size_t i = 0; i < items.size(); i += 2) dict.items.emplace_back(items[i], items[i + 1]);
  return {};
}

Status PickleMachine::set_items(const Indices& items) {
  ANEMONE_RETURN_IF_ERROR(need(1));
  auto* dict = std::get_if<PickleValue::Dict>(&pickle_.values[stack_.back()].data);
  if (dict == nullptr) return fail(ErrorCode::corrupt, "items for what is no dict");
  return add_pairs(*dict, items);
}

Status PickleMachine::global(const std::string& module, const std::string& name) {
  std::string full = module + "." + name;
  if (!is_allowed_global(full))
    return with_hint(fail(ErrorCode::unsupported, "global {} is refused", full),
                     "a file of weights needs no such name; save a state dict, or safetensors");
  return push(PickleValue{PickleValue::Global{std::move(full)}});
}

Status PickleMachine::global_of_stack() {
  ANEMONE_TRY(const Indices names, pop(2));
  const auto* module = pickle_.get<std::string>(names[0]);
  const auto* name = pickle_.get<std::string>(names[1]);
  if (module == nullptr || name == nullptr)
    return fail(ErrorCode::corrupt, "a global whose name is no text");
  return global(*module, *name);
}

Status PickleMachine::call() {
  ANEMONE_TRY(const Indices parts, pop(2));
  const auto* callee = pickle_.get<PickleValue::Global>(parts[0]);
  const auto* arguments = pickle_.get<PickleValue::Sequence>(parts[1]);
  if (callee == nullptr || arguments == nullptr)
    return fail(ErrorCode::corrupt, "a call of what is no global");
  return push(call_global(pickle_, callee->name, arguments->items));
}

Status PickleMachine::build() {
  ANEMONE_RETURN_IF_ERROR(need(2));
  stack_.pop_back();
  if (pickle_.get<PickleValue::Dict>(stack_.back()) == nullptr)
    return fail(ErrorCode::unsupported, "attributes for what is no dict");
  return {};
}

Status PickleMachine::persistent() {
  ANEMONE_TRY(const Indices id, pop(1));
  const auto* parts = pickle_.get<PickleValue::Sequence>(id[0]);
  if (parts == nullptr) return fail(ErrorCode::corrupt, "a persistent id that is no tuple");
  return push(persistent_storage(pickle_, parts->items));
}

Status PickleMachine::put(uint64_t key) {
  ANEMONE_RETURN_IF_ERROR(need(1));
  if (memo_.size() >= kMaxMemo) return fail(ErrorCode::limit, "memo of more than {}", kMaxMemo);
  memo_[key] = stack_.back();
  return {};
}

Status PickleMachine::get(uint64_t key) {
  const auto found = memo_.find(key);
  if (found == memo_.end()) return fail(ErrorCode::corrupt, "memo {} was never set", key);
  stack_.push_back(found->second);
  return {};
}

}  // namespace anemone::checkpoint
