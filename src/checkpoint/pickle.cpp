#include "checkpoint/pickle.h"

#include <algorithm>
#include <bit>
#include <optional>
#include <unordered_map>

#include "base/bounded_bytes.h"
#include "base/error.h"
#include "checkpoint/pickle_globals.h"

namespace anemone::checkpoint {
namespace {

using Bytes = std::span<const std::byte>;
using Index = PickleValue::Index;
using Indices = std::vector<Index>;

constexpr size_t kMaxBytes = size_t{64} << 20;
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

class Machine {
 public:
  explicit Machine(Bytes bytes) : bytes_(bytes) {}

  Result<Pickle> run() {
    while (!done_) {
      const size_t place = position_;
      Status status = step();
      if (!status.ok()) return std::move(status).in(fmt::format("pickle at {}", place)).error();
    }
    pickle_.size_bytes = position_;
    return std::move(pickle_);
  }

 private:
  Result<Bytes> take(uint64_t count) {
    const auto part = slice_at(bytes_, position_, count);
    if (!part) return fail(ErrorCode::corrupt, "it ends here, {} more bytes expected", count);
    position_ += part->size();
    return *part;
  }

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

  Result<std::string> line() {
    const auto rest = bytes_.subspan(position_);
    const auto end = std::ranges::find(rest, std::byte{'\n'});
    if (end == rest.end()) return fail(ErrorCode::corrupt, "a line without an end");
    ANEMONE_TRY(const Bytes bytes, take(static_cast<uint64_t>(end - rest.begin()) + 1));
    return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size() - 1);
  }

  Status push(PickleValue value) {
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

  /// Pushes what a reader gave.
  template <typename T>
  Status push(Result<T> value) {
    if (!value.ok()) return std::move(value).error();
    return push(PickleValue{std::move(value).value()});
  }

  /// Values above the last mark belong to what the mark opened.
  Status need(size_t count) const {
    const size_t floor = marks_.empty() ? 0 : marks_.back();
    if (stack_.size() - floor < count) return fail(ErrorCode::corrupt, "too few values");
    return {};
  }

  Indices pop(size_t count) {
    const auto first = stack_.end() - static_cast<std::ptrdiff_t>(count);
    Indices items(first, stack_.end());
    stack_.erase(first, stack_.end());
    return items;
  }

  Result<Indices> pop_to_mark() {
    if (marks_.empty()) return fail(ErrorCode::corrupt, "no mark");
    const size_t count = stack_.size() - marks_.back();
    marks_.pop_back();
    return pop(count);
  }

  Status make_tuple(size_t count) {
    ANEMONE_RETURN_IF_ERROR(need(count));
    return push(PickleValue{PickleValue::Sequence{pop(count)}});
  }

  /// Appends to the list, or the set, on top of the stack.
  Status extend(const Indices& items) {
    ANEMONE_RETURN_IF_ERROR(need(1));
    auto& data = pickle_.values[stack_.back()].data;
    if (auto* list = std::get_if<PickleValue::Sequence>(&data))
      list->items.insert(list->items.end(), items.begin(), items.end());
    else if (!std::holds_alternative<PickleValue::Opaque>(data))
      return fail(ErrorCode::corrupt, "items for what is no list");
    return {};
  }

  static Status add_pairs(PickleValue::Dict& dict, const Indices& items) {
    if (items.size() % 2 != 0) return fail(ErrorCode::corrupt, "a key without a value");
    for (size_t i = 0; i < items.size(); i += 2) dict.items.emplace_back(items[i], items[i + 1]);
    return {};
  }

  Status set_items(const Indices& items) {
    ANEMONE_RETURN_IF_ERROR(need(1));
    auto* dict = std::get_if<PickleValue::Dict>(&pickle_.values[stack_.back()].data);
    if (dict == nullptr) return fail(ErrorCode::corrupt, "items for what is no dict");
    return add_pairs(*dict, items);
  }

  Status global(const std::string& module, const std::string& name) {
    std::string full = module + "." + name;
    if (!is_allowed_global(full))
      return with_hint(fail(ErrorCode::unsupported, "global {} is refused", full),
                       "a file of weights needs no such name; save a state dict, or safetensors");
    return push(PickleValue{PickleValue::Global{std::move(full)}});
  }

  Status global_of_stack() {
    ANEMONE_RETURN_IF_ERROR(need(2));
    const Indices names = pop(2);
    const auto* module = pickle_.get<std::string>(names[0]);
    const auto* name = pickle_.get<std::string>(names[1]);
    if (module == nullptr || name == nullptr)
      return fail(ErrorCode::corrupt, "a global whose name is no text");
    return global(*module, *name);
  }

  Status call() {
    ANEMONE_RETURN_IF_ERROR(need(2));
    const Indices parts = pop(2);
    const auto* callee = pickle_.get<PickleValue::Global>(parts[0]);
    const auto* arguments = pickle_.get<PickleValue::Sequence>(parts[1]);
    if (callee == nullptr || arguments == nullptr)
      return fail(ErrorCode::corrupt, "a call of what is no global");
    return push(call_global(pickle_, callee->name, arguments->items));
  }

  /// Sets attributes; of what is read here only an OrderedDict has some ("_metadata"), which say
  /// nothing about tensors.
  Status build() {
    ANEMONE_RETURN_IF_ERROR(need(2));
    stack_.pop_back();
    if (pickle_.get<PickleValue::Dict>(stack_.back()) == nullptr)
      return fail(ErrorCode::unsupported, "attributes for what is no dict");
    return {};
  }

  Status persistent() {
    ANEMONE_RETURN_IF_ERROR(need(1));
    const Index id = pop(1)[0];
    const auto* parts = pickle_.get<PickleValue::Sequence>(id);
    if (parts == nullptr) return fail(ErrorCode::corrupt, "a persistent id that is no tuple");
    return push(persistent_storage(pickle_, parts->items));
  }

  Status put(uint64_t key) {
    ANEMONE_RETURN_IF_ERROR(need(1));
    if (memo_.size() >= kMaxMemo) return fail(ErrorCode::limit, "memo of more than {}", kMaxMemo);
    memo_[key] = stack_.back();
    return {};
  }

  Status get(uint64_t key) {
    const auto found = memo_.find(key);
    if (found == memo_.end()) return fail(ErrorCode::corrupt, "memo {} was never set", key);
    stack_.push_back(found->second);
    return {};
  }

  template <typename T>
  Status put_numbered() {
    ANEMONE_TRY(const T key, number<T>());
    return put(key);
  }
  template <typename T>
  Status get_numbered() {
    ANEMONE_TRY(const T key, number<T>());
    return get(key);
  }
  template <typename T>
  Status push_integer() {
    ANEMONE_TRY(const T value, number<T>());
    return push(PickleValue{int64_t{value}});
  }
  template <typename T>
  Status push_opaque() {
    ANEMONE_RETURN_IF_ERROR(counted<T>());
    return push(PickleValue{});
  }

  template <typename T>
  Status push_long() {
    ANEMONE_TRY(const T size, number<T>());
    ANEMONE_TRY(const Bytes bytes, take(size));
    if (bytes.size() > sizeof(int64_t)) return push(PickleValue{});
    uint64_t bits = 0;
    for (size_t i = 0; i < bytes.size(); ++i) bits |= uint64_t(bytes[i]) << (8 * i);
    const auto unused = static_cast<int>(64 - 8 * bytes.size());  // two's complement: extend sign
    return push(
        PickleValue{unused == 64 ? int64_t{0} : static_cast<int64_t>(bits << unused) >> unused});
  }

  Status push_float() {
    ANEMONE_TRY(const Bytes bytes, take(sizeof(double)));
    uint64_t bits = 0;  // big-endian
    for (const std::byte byte : bytes) bits = bits << 8 | uint64_t(byte);
    return push(PickleValue{std::bit_cast<double>(bits)});
  }

  Status step();
  Status grow(char opcode);

  Bytes bytes_;
  size_t position_ = 0;
  bool done_ = false;
  Pickle pickle_;
  size_t held_bytes_ = 0;
  Indices stack_;
  std::vector<size_t> marks_;
  std::unordered_map<uint64_t, Index> memo_;
};

/// Opcodes that collect values into containers.
Status Machine::grow(char opcode) {
  Indices items;
  if (opcode == 'a' || opcode == 's') {
    const size_t count = opcode == 'a' ? 1 : 2;
    ANEMONE_RETURN_IF_ERROR(need(count));
    items = pop(count);
  } else {
    ANEMONE_TRY(items, pop_to_mark());
  }
  switch (opcode) {
    case 't':
    case 'l':
      return push(PickleValue{PickleValue::Sequence{std::move(items)}});
    case 'd': {
      PickleValue::Dict dict;
      ANEMONE_RETURN_IF_ERROR(add_pairs(dict, items));
      return push(PickleValue{std::move(dict)});
    }
    case '\x91':  // FROZENSET
      return push(PickleValue{});
    case 's':
    case 'u':
      return set_items(items);
    default:  // APPEND, APPENDS, ADDITEMS
      return extend(items);
  }
}

Status Machine::step() {
  ANEMONE_TRY(const uint8_t byte, number<uint8_t>());
  const char opcode = static_cast<char>(byte);
  switch (opcode) {
    case '\x80': {  // PROTO
      ANEMONE_TRY(const uint8_t version, number<uint8_t>());
      if (version > 5) return fail(ErrorCode::unsupported, "protocol {}, known are 2–5", version);
      return {};
    }
    case '\x95':  // FRAME: a length for buffered readers
      return number<uint64_t>().ok() ? Status()
                                     : fail(ErrorCode::corrupt, "a frame without a length");
    case '.':
      ANEMONE_RETURN_IF_ERROR(need(1));
      pickle_.root = stack_.back();
      done_ = true;
      return {};
    case '(':
      if (marks_.size() >= kMaxMarks)
        return fail(ErrorCode::limit, "nested deeper than {}", kMaxMarks);
      marks_.push_back(stack_.size());
      return {};
    case '0':
      ANEMONE_RETURN_IF_ERROR(need(1));
      stack_.pop_back();
      return {};
    case '1':
      return pop_to_mark().ok() ? Status() : fail(ErrorCode::corrupt, "no mark");
    case '2':
      ANEMONE_RETURN_IF_ERROR(need(1));
      stack_.push_back(stack_.back());
      return {};
    case 'N':
      return push(PickleValue{});
    case '\x88':
      return push(PickleValue{true});
    case '\x89':
      return push(PickleValue{false});
    case 'J': {
      ANEMONE_TRY(const uint32_t value, number<uint32_t>());
      return push(PickleValue{int64_t{static_cast<int32_t>(value)}});
    }
    case 'K':
      return push_integer<uint8_t>();
    case 'M':
      return push_integer<uint16_t>();
    case '\x8a':
      return push_long<uint8_t>();
    case '\x8b':
      return push_long<uint32_t>();
    case 'G':
      return push_float();
    case 'X':
      return push(counted<uint32_t>());
    case '\x8c':
      return push(counted<uint8_t>());
    case '\x8d':
      return push(counted<uint64_t>());
    case 'T':
      return push(counted<uint32_t>());
    case 'U':
      return push(counted<uint8_t>());
    case 'B':
      return push_opaque<uint32_t>();
    case 'C':
      return push_opaque<uint8_t>();
    case '\x8e':
    case '\x96':
      return push_opaque<uint64_t>();
    case '\x8f':  // EMPTY_SET
      return push(PickleValue{});
    case ']':
    case ')':
      return push(PickleValue{PickleValue::Sequence{}});
    case '}':
      return push(PickleValue{PickleValue::Dict{}});
    case '\x85':
      return make_tuple(1);
    case '\x86':
      return make_tuple(2);
    case '\x87':
      return make_tuple(3);
    case 'a':
    case 'e':
    case 'l':
    case 't':
    case 'd':
    case 's':
    case 'u':
    case '\x90':
    case '\x91':
      return grow(opcode);
    case 'c':
    case 'i': {  // GLOBAL, INST: the latter would call it
      ANEMONE_TRY(const std::string module, line());
      ANEMONE_TRY(const std::string name, line());
      if (opcode == 'i')
        return fail(ErrorCode::unsupported, "an instance of {}.{} is refused", module, name);
      return global(module, name);
    }
    case '\x93':
      return global_of_stack();
    case 'R':
    case '\x81':  // NEWOBJ: cls.__new__(*arguments)
      return call();
    case 'b':
      return build();
    case 'Q':
      return persistent();
    case 'q':
      return put_numbered<uint8_t>();
    case 'r':
      return put_numbered<uint32_t>();
    case '\x94':
      return put(memo_.size());
    case 'h':
      return get_numbered<uint8_t>();
    case 'j':
      return get_numbered<uint32_t>();
    default:
      return fail(ErrorCode::unsupported, "opcode {:#04x}", byte);
  }
}

}  // namespace

const PickleValue* Pickle::find(const PickleValue::Dict& dict, std::string_view key) const {
  for (auto item = dict.items.rbegin(); item != dict.items.rend(); ++item)
    if (const auto* text = get<std::string>(item->first); text != nullptr && *text == key)
      return &values[item->second];
  return nullptr;
}

Result<Pickle> parse_pickle(Bytes bytes) {
  if (bytes.size() > kMaxBytes)
    return fail(ErrorCode::limit, "pickle of {} bytes, at most {}", bytes.size(), kMaxBytes);
  return Machine(bytes).run();
}

}  // namespace anemone::checkpoint
