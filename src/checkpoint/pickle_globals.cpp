#include "checkpoint/pickle_globals.h"

#include <algorithm>
#include <array>

#include "base/error.h"

namespace anemone::checkpoint {
namespace {

using Index = PickleValue::Index;
using Indices = std::vector<Index>;

constexpr std::string_view kRebuildTensor = "torch._utils._rebuild_tensor_v2";
constexpr std::string_view kRebuildTyped = "torch._utils._rebuild_tensor_v3";
constexpr std::string_view kRebuildParameter = "torch._utils._rebuild_parameter";
constexpr std::string_view kOrderedDict = "collections.OrderedDict";
constexpr std::string_view kSize = "torch.Size";

/// Calls whose result nobody needs.
constexpr std::array<std::string_view, 7> kOpaqueCalls = {
    "torch.device",   "_codecs.encode",     "builtins.set",         "__builtin__.set",
    "builtins.bytes", "builtins.bytearray", "__builtin__.bytearray"};

/// Names that are only mentioned: the types of storages and tensors.
constexpr std::array<std::string_view, 33> kNames = {"torch.FloatStorage",
                                                     "torch.DoubleStorage",
                                                     "torch.HalfStorage",
                                                     "torch.BFloat16Storage",
                                                     "torch.LongStorage",
                                                     "torch.IntStorage",
                                                     "torch.ShortStorage",
                                                     "torch.CharStorage",
                                                     "torch.ByteStorage",
                                                     "torch.BoolStorage",
                                                     "torch.storage.UntypedStorage",
                                                     "torch.float32",
                                                     "torch.float",
                                                     "torch.float64",
                                                     "torch.double",
                                                     "torch.float16",
                                                     "torch.half",
                                                     "torch.bfloat16",
                                                     "torch.int8",
                                                     "torch.int16",
                                                     "torch.short",
                                                     "torch.int32",
                                                     "torch.int",
                                                     "torch.int64",
                                                     "torch.long",
                                                     "torch.uint8",
                                                     "torch.uint16",
                                                     "torch.uint32",
                                                     "torch.uint64",
                                                     "torch.bool",
                                                     "torch.float8_e4m3fn",
                                                     "torch.float8_e5m2",
                                                     "torch.strided"};

Result<std::vector<int64_t>> integers(const Pickle& pickle, Index index) {
  const auto* sequence = pickle.get<PickleValue::Sequence>(index);
  if (sequence == nullptr) return fail(ErrorCode::corrupt, "expected a tuple of integers");
  std::vector<int64_t> values;
  for (const Index item : sequence->items) {
    const auto* value = pickle.get<int64_t>(item);
    if (value == nullptr) return fail(ErrorCode::corrupt, "expected a tuple of integers");
    values.push_back(*value);
  }
  return values;
}

Result<PickleValue> rebuild_tensor(const Pickle& pickle, std::string_view name,
                                   const Indices& arguments) {
  // storage, offset, shape, strides, requires_grad, hooks[, dtype (v3)][, metadata]
  const size_t needed = name == kRebuildTyped ? 7 : 6;
  const auto* offset = arguments.size() < needed ? nullptr : pickle.get<int64_t>(arguments[1]);
  if (offset == nullptr || pickle.get<PickleValue::Storage>(arguments[0]) == nullptr)
    return fail(ErrorCode::corrupt, "{}: expected a storage, an offset, a shape and strides", name);
  PickleValue::Tensor tensor;
  tensor.storage = arguments[0];
  tensor.offset = *offset;
  ANEMONE_TRY(tensor.shape, integers(pickle, arguments[2]));
  ANEMONE_TRY(tensor.strides, integers(pickle, arguments[3]));
  if (name == kRebuildTyped) {
    const auto* dtype = pickle.get<PickleValue::Global>(arguments[6]);
    if (dtype == nullptr) return fail(ErrorCode::corrupt, "{}: expected a dtype", name);
    tensor.dtype = dtype->name;
  }
  return PickleValue{std::move(tensor)};
}

Result<PickleValue> ordered_dict(const Pickle& pickle, const Indices& arguments) {
  PickleValue::Dict dict;
  if (arguments.empty()) return PickleValue{std::move(dict)};
  const auto* pairs = pickle.get<PickleValue::Sequence>(arguments[0]);
  if (pairs == nullptr) return fail(ErrorCode::corrupt, "{}: expected pairs", kOrderedDict);
  for (const Index item : pairs->items) {
    const auto* pair = pickle.get<PickleValue::Sequence>(item);
    if (pair == nullptr || pair->items.size() != 2)
      return fail(ErrorCode::corrupt, "{}: expected pairs", kOrderedDict);
    dict.items.emplace_back(pair->items[0], pair->items[1]);
  }
  return PickleValue{std::move(dict)};
}

}  // namespace

bool is_allowed_global(std::string_view name) {
  return name == kRebuildTensor || name == kRebuildTyped || name == kRebuildParameter ||
         name == kOrderedDict || name == kSize ||
         std::ranges::find(kOpaqueCalls, name) != kOpaqueCalls.end() ||
         std::ranges::find(kNames, name) != kNames.end();
}

Result<PickleValue> call_global(const Pickle& pickle, std::string_view name,
                                const Indices& arguments) {
  if (name == kOrderedDict) return ordered_dict(pickle, arguments);
  if (name == kRebuildTensor || name == kRebuildTyped)
    return rebuild_tensor(pickle, name, arguments);
  if (name == kRebuildParameter) {
    const auto* tensor =
        arguments.empty() ? nullptr : pickle.get<PickleValue::Tensor>(arguments[0]);
    if (tensor == nullptr) return fail(ErrorCode::corrupt, "{}: expected a tensor", name);
    return PickleValue{*tensor};
  }
  if (name == kSize && arguments.size() == 1)
    if (const auto* sizes = pickle.get<PickleValue::Sequence>(arguments[0]))
      return PickleValue{*sizes};
  if (std::ranges::find(kOpaqueCalls, name) != kOpaqueCalls.end()) return PickleValue{};
  return fail(ErrorCode::corrupt, "a call of {}, which no checkpoint needs", name);
}

Result<PickleValue> persistent_storage(const Pickle& pickle, const Indices& id) {
  const auto* kind = id.size() < 5 ? nullptr : pickle.get<std::string>(id[0]);
  if (kind == nullptr || *kind != "storage")
    return fail(ErrorCode::corrupt, "a persistent id that is no storage");
  const auto* type = pickle.get<PickleValue::Global>(id[1]);
  const auto* key = pickle.get<std::string>(id[2]);
  const auto* count = pickle.get<int64_t>(id[4]);
  if (type == nullptr || !type->name.ends_with("Storage") || key == nullptr || count == nullptr ||
      *count < 0)
    return fail(ErrorCode::corrupt, "a storage without type, key or count");
  return PickleValue{PickleValue::Storage{type->name, *key, *count}};
}

}  // namespace anemone::checkpoint
