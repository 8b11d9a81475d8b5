#include "checkpoint/pickle.h"

#include <bit>

#include "base/error.h"
#include "checkpoint/pickle_machine.h"

namespace anemone::checkpoint {
namespace {

using Indices = PickleMachine::Indices;

constexpr size_t kMaxBytes = size_t{64} << 20;

/// Runs a pickle, opcode by opcode.
class Opcodes {
 public:
  explicit Opcodes(PickleMachine::Bytes bytes) : machine_(bytes) {}

  Result<Pickle> run() {
    while (!done_) {
      const size_t place = machine_.position();
      Status status = step();
      if (!status.ok()) return std::move(status).in(fmt::format("pickle at {}", place)).error();
    }
    return machine_.finish().in(fmt::format("pickle at {}", machine_.position() - 1));
  }

 private:
  template <typename T>
  Status put_numbered() {
    ANEMONE_TRY(const T key, machine_.number<T>());
    return machine_.put(key);
  }

  template <typename T>
  Status get_numbered() {
    ANEMONE_TRY(const T key, machine_.number<T>());
    return machine_.get(key);
  }

  template <typename T>
  Status push_integer() {
    ANEMONE_TRY(const T value, machine_.number<T>());
    return machine_.push(PickleValue{int64_t{value}});
  }

  template <typename T>
  Status push_opaque() {
    ANEMONE_RETURN_IF_ERROR(machine_.counted<T>());
    return machine_.push(PickleValue{});
  }

  template <typename T>
  Status push_long() {
    ANEMONE_TRY(const T size, machine_.number<T>());
    ANEMONE_TRY(const PickleMachine::Bytes bytes, machine_.take(size));
    if (bytes.size() > sizeof(int64_t)) return machine_.push(PickleValue{});
    uint64_t bits = 0;
    for (size_t i = 0; i < bytes.size(); ++i) bits |= uint64_t(bytes[i]) << (8 * i);
    const auto unused = static_cast<int>(64 - 8 * bytes.size());  // two's complement: extend sign
    return machine_.push(
        PickleValue{unused == 64 ? int64_t{0} : static_cast<int64_t>(bits << unused) >> unused});
  }

  Status push_float() {
    ANEMONE_TRY(const PickleMachine::Bytes bytes, machine_.take(sizeof(double)));
    uint64_t bits = 0;  // big-endian
    for (const std::byte byte : bytes) bits = bits << 8 | uint64_t(byte);
    return machine_.push(PickleValue{std::bit_cast<double>(bits)});
  }

  Status make_tuple(size_t count) {
    ANEMONE_TRY(Indices items, machine_.pop(count));
    return machine_.push(PickleValue{PickleValue::Sequence{std::move(items)}});
  }

  Status step();
  Status grow(char opcode);

  PickleMachine machine_;
  bool done_ = false;
};

/// Opcodes that collect values into containers.
Status Opcodes::grow(char opcode) {
  Indices items;
  if (opcode == 'a' || opcode == 's') {
    const size_t count = opcode == 'a' ? 1 : 2;
    ANEMONE_TRY(items, machine_.pop(count));
  } else {
    ANEMONE_TRY(items, machine_.pop_to_mark());
  }
  switch (opcode) {
    case 't':
    case 'l':
      return machine_.push(PickleValue{PickleValue::Sequence{std::move(items)}});
    case 'd': {
      PickleValue::Dict dict;
      ANEMONE_RETURN_IF_ERROR(PickleMachine::add_pairs(dict, items));
      return machine_.push(PickleValue{std::move(dict)});
    }
    case '\x91':  // FROZENSET
      return machine_.push(PickleValue{});
    case 's':
    case 'u':
      return machine_.set_items(items);
    default:  // APPEND, APPENDS, ADDITEMS
      return machine_.extend(items);
  }
}

Status Opcodes::step() {
  ANEMONE_TRY(const uint8_t byte, machine_.number<uint8_t>());
  const char opcode = static_cast<char>(byte);
  switch (opcode) {
    case '\x80': {  // PROTO
      ANEMONE_TRY(const uint8_t version, machine_.number<uint8_t>());
      if (version > 5) return fail(ErrorCode::unsupported, "protocol {}, known are 2–5", version);
      return {};
    }
    case '\x95':  // FRAME: a length for buffered readers
      return machine_.number<uint64_t>().ok()
                 ? Status()
                 : fail(ErrorCode::corrupt, "a frame without a length");
    case '.':
      done_ = true;
      return {};
    case '(':
      return machine_.mark();
    case '0':
      return machine_.pop(1).ok() ? Status() : fail(ErrorCode::corrupt, "too few values");
    case '1':
      return machine_.pop_to_mark().ok() ? Status() : fail(ErrorCode::corrupt, "no mark");
    case '2':
      return machine_.push_again();
    case 'N':
      return machine_.push(PickleValue{});
    case '\x88':
      return machine_.push(PickleValue{true});
    case '\x89':
      return machine_.push(PickleValue{false});
    case 'J': {
      ANEMONE_TRY(const uint32_t value, machine_.number<uint32_t>());
      return machine_.push(PickleValue{int64_t{static_cast<int32_t>(value)}});
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
      return machine_.push(machine_.counted<uint32_t>());
    case '\x8c':
      return machine_.push(machine_.counted<uint8_t>());
    case '\x8d':
      return machine_.push(machine_.counted<uint64_t>());
    case 'T':
      return machine_.push(machine_.counted<uint32_t>());
    case 'U':
      return machine_.push(machine_.counted<uint8_t>());
    case 'B':
      return push_opaque<uint32_t>();
    case 'C':
      return push_opaque<uint8_t>();
    case '\x8e':
    case '\x96':
      return push_opaque<uint64_t>();
    case '\x8f':  // EMPTY_SET
      return machine_.push(PickleValue{});
    case ']':
    case ')':
      return machine_.push(PickleValue{PickleValue::Sequence{}});
    case '}':
      return machine_.push(PickleValue{PickleValue::Dict{}});
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
      ANEMONE_TRY(const std::string module, machine_.line());
      ANEMONE_TRY(const std::string name, machine_.line());
      if (opcode == 'i')
        return fail(ErrorCode::unsupported, "an instance of {}.{} is refused", module, name);
      return machine_.global(module, name);
    }
    case '\x93':
      return machine_.global_of_stack();
    case 'R':
    case '\x81':  // NEWOBJ: cls.__new__(*arguments)
      return machine_.call();
    case 'b':
      return machine_.build();
    case 'Q':
      return machine_.persistent();
    case 'q':
      return put_numbered<uint8_t>();
    case 'r':
      return put_numbered<uint32_t>();
    case '\x94':
      return machine_.put(machine_.memo_size());
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

Result<Pickle> parse_pickle(std::span<const std::byte> bytes) {
  if (bytes.size() > kMaxBytes)
    return fail(ErrorCode::limit, "pickle of {} bytes, at most {}", bytes.size(), kMaxBytes);
  return Opcodes(bytes).run();
}

}  // namespace anemone::checkpoint
