#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "anemone/result.h"

namespace anemone::checkpoint {

/// A value of a pickle. Values refer to each other by their place in `Pickle::values`, so a pickle
/// that holds itself is harmless.
struct PickleValue {
  using Index = uint32_t;
  struct Opaque {};  ///< None, bytes, sets, large integers: nothing that is needed.
  struct Sequence {  ///< tuple or list
    std::vector<Index> items;
  };
  struct Dict {
    std::vector<std::pair<Index, Index>> items;  ///< in order; later ones replace equal keys.
  };
  struct Global {      ///< one that the allow-list holds.
    std::string name;  ///< "torch.FloatStorage"
  };
  struct Storage {
    std::string type;  ///< "torch.FloatStorage"
    std::string key;
    int64_t count = 0;  ///< of elements
  };
  struct Tensor {
    Index storage = 0;
    int64_t offset = 0;  ///< in elements
    std::vector<int64_t> shape;
    std::vector<int64_t> strides;
    std::string dtype;  ///< "torch.float8_e5m2"; empty: what the storage's type says.
  };
  std::variant<Opaque, bool, int64_t, double, std::string, Sequence, Dict, Global, Storage, Tensor>
      data;
};

struct Pickle {
  std::deque<PickleValue> values;
  PickleValue::Index root = 0;
  size_t size_bytes = 0;  ///< of the pickle up to its end mark.

  template <typename T>
  const T* get(PickleValue::Index index) const {
    return std::get_if<T>(&values[index].data);
  }
  /// The value of a text key of a dict, the last one if there are several; null if none.
  const PickleValue* find(const PickleValue::Dict& dict, std::string_view key) const;
};

/// Reads a pickle as torch writes them (protocol 2 to 5) without ever calling anything: globals
/// outside a short list of names (tensors, storages, dtypes, OrderedDict, Size …) end the reading.
/// Memory stays below fixed bounds.
/// Errors: unsupported (a global, with module, name and offset; an opcode), corrupt (offset, what
/// is wrong), limit (64 MiB, 2^21 values that hold 256 MiB, 2^20 memo
/// entries, 256 open marks).
Result<Pickle> parse_pickle(std::span<const std::byte> bytes);

}  // namespace anemone::checkpoint
