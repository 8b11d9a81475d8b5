#include <algorithm>
#include <charconv>
#include <limits>

#include "anemone/probe.h"
#include "base/error.h"
#include "checkpoint/npz_source.h"
#include "checkpoint/torch_file.h"
#include "probe/point_names.h"
#include "probe/row_layout.h"

namespace anemone::probe {
namespace {

namespace fs = std::filesystem;
constexpr std::string_view kHiddenStates = "hidden_states";

using UnreadTensors = std::vector<checkpoint::UnreadTensor>;

Result<std::shared_ptr<const checkpoint::TensorSource>> open_source(const fs::path& path,
                                                                    UnreadTensors& unread) {
  return path.extension() == ".npz" ? checkpoint::open_readable_npz(path, unread)
                                    : checkpoint::open_readable_torch_file(path, unread);
}

bool names_ids(std::string_view name) {
  return name == "input_ids" || name == "ids" || name == "ids0";
}

Result<std::vector<int32_t>> ids_of(const std::string& name, const Tensor& tensor) {
  const Shape& shape = tensor.shape();
  if (!is_integer(tensor.dtype()))
    return fail(ErrorCode::mismatch, "{}: {} {}, expected token ids, which are integers", name,
                to_string(tensor.dtype()), shape.to_string());
  if (shape.rank() != 1 && !(shape.rank() == 2 && shape[0] == 1))
    return fail(ErrorCode::mismatch, "{}: {}, expected token ids [T] or [1, T]", name,
                shape.to_string());
  if (tensor.element_count() == 0)
    return fail(ErrorCode::mismatch, "{}: {}, expected at least one token", name,
                shape.to_string());
  std::vector<int32_t> ids;
  for (int64_t i = 0; i < tensor.element_count(); ++i) {
    const double id = tensor.at(i);
    if (id < 0 || id > std::numeric_limits<int32_t>::max())
      return fail(ErrorCode::mismatch, "{}: element {} is {:.0f}, no token id", name, i, id);
    ids.push_back(static_cast<int32_t>(id));
  }
  return ids;
}

/// The token ids of a file; empty where no array is called so.
Result<std::vector<int32_t>> ids_in(const checkpoint::TensorSource& source,
                                    const UnreadTensors& unread) {
  for (const auto& [name, reason] : unread)
    if (names_ids(name))
      return fail(ErrorCode::mismatch, "{}: {}, expected token ids, which are integers", name,
                  reason);
  for (const checkpoint::TensorInfo& info : source.tensors()) {
    if (!names_ids(info.name)) continue;
    ANEMONE_TRY(const Tensor tensor, source.read(info.name));
    return ids_of(info.name, tensor);
  }
  return std::vector<int32_t>();
}

/// The number of `hidden_states.N`, `hidden_states_N` or `hidden_states[N]`.
std::optional<int64_t> hidden_state_number(std::string_view name) {
  if (!name.starts_with(kHiddenStates)) return {};
  name.remove_prefix(kHiddenStates.size());
  if (name.size() < 2 || (name[0] != '.' && name[0] != '_' && name[0] != '[')) return {};
  name.remove_prefix(1);
  int64_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  const std::string_view rest = name.substr(static_cast<size_t>(end - name.data()));
  if (error != std::errc() || number < 0 || !(rest.empty() || rest == "]")) return {};
  return number;
}

/// transformers gives what enters the first layer, what leaves each layer, and at last, instead of
/// what leaves the last layer, its final norm.
std::string hidden_state_point(int64_t number, int64_t last) {
  if (number == 0) return "embedding";
  return number == last ? "final_norm" : "layer." + std::to_string(number - 1);
}

/// Arrays of a file as points.
class DumpReader {
 public:
  DumpReader(const checkpoint::TensorSource& source, const UnreadTensors& unread,
             const std::map<std::string, std::string>& names)
      : source_(source), unread_(unread), names_(names) {}

  Result<Trace> read() {
    ANEMONE_TRY(trace_.ids, ids_in(source_, unread_));
    for (const auto& [name, reason] : unread_) {
      if (names_.contains(name)) return fail(ErrorCode::unsupported, "{}: {}", name, reason);
      trace_.unread.push_back(fmt::format("{}: {}", name, reason));
    }
    for (const auto& [name, point] : names_)
      if (source_.find(name) == nullptr)
        return fail(ErrorCode::not_found, "no array '{}' to take as {}", name, point);
    for (const checkpoint::TensorInfo& info : source_.tensors())
      if (const auto number = hidden_state_number(info.name);
          number && is_float(info.dtype) && !names_.contains(info.name))
        last_ = std::max(last_, *number);
    for (const checkpoint::TensorInfo& info : source_.tensors())
      if (is_float(info.dtype)) ANEMONE_RETURN_IF_ERROR(take(info).in(info.name));
    if (last_ >= 0) trace_.hidden_states = last_ + 1;
    if (trace_.points.empty())
      return with_hint(fail(ErrorCode::mismatch, "no array of floating-point numbers"),
                       "a dump holds the values of points, and input_ids");
    std::ranges::sort(trace_.points, comes_before, &NamedTensor::name);
    return std::move(trace_);
  }

 private:
  Status take(const checkpoint::TensorInfo& info) {
    ANEMONE_TRY(const Tensor tensor, source_.read(info.name));
    if (const auto mapped = names_.find(info.name); mapped != names_.end())
      return add(mapped->second, tensor);
    if (info.name == kHiddenStates) return take_stack(tensor);
    if (const auto number = hidden_state_number(info.name))
      return add(hidden_state_point(*number, last_), tensor);
    return add(point_of_module(info.name).value_or(info.name), tensor);
  }

  /// [L + 1, T, C] or [L + 1, 1, T, C].
  Status take_stack(const Tensor& tensor) {
    const Shape& shape = tensor.shape();
    if (shape.rank() != 3 && !(shape.rank() == 4 && shape[1] == 1))
      return fail(ErrorCode::mismatch, "{}, expected [layers + 1, T, C]", shape.to_string());
    const int64_t rows = shape[shape.rank() - 2];
    const int64_t channels = shape[shape.rank() - 1];
    const Tensor all = tensor.converted(DType::fp32);
    const auto size = static_cast<size_t>(rows * channels);
    last_ = std::max(last_, shape[0] - 1);
    for (int64_t i = 0; i < shape[0]; ++i) {
      Tensor one = Tensor::zeros(DType::fp32, {rows, channels});
      const auto values = all.values<float>().subspan(static_cast<size_t>(i) * size, size);
      std::ranges::copy(values, one.mutable_values<float>().begin());
      ANEMONE_RETURN_IF_ERROR(add(hidden_state_point(i, shape[0] - 1), one));
    }
    return {};
  }

  Status add(const std::string& name, const Tensor& tensor) {
    if (trace_.find(name) != nullptr)
      return fail(ErrorCode::mismatch, "a second array for the point {}", name);
    const auto rows = static_cast<int64_t>(trace_.ids.size());
    Tensor values = as_rows(tensor, {}, rows);
    if (rows > 0 && is_point(name) && values.shape()[0] != rows)
      return fail(ErrorCode::mismatch, "{} has {} rows, expected the {} of its tokens",
                  tensor.shape().to_string(), values.shape()[0], rows);
    trace_.points.push_back({name, std::move(values)});
    return {};
  }

  const checkpoint::TensorSource& source_;
  const UnreadTensors& unread_;
  const std::map<std::string, std::string>& names_;
  int64_t last_ = -1;
  Trace trace_;
};

}  // namespace

bool is_dump(const fs::path& path) {
  const fs::path extension = path.extension();
  if (extension != ".npz" && extension != ".pt" && extension != ".pth") return false;
  UnreadTensors unread;
  const auto source = open_source(path, unread);
  return !source.ok() || std::ranges::none_of((*source)->tensors(), [](const auto& info) {
    return info.name.ends_with(".weight");
  });
}

Result<Trace> read_dump(const fs::path& path, const std::map<std::string, std::string>& names) {
  UnreadTensors unread;
  ANEMONE_TRY(const auto source, open_source(path, unread));
  return DumpReader(*source, unread, names).read().in(path.string());
}

Result<std::vector<int32_t>> read_token_ids(const fs::path& path) {
  UnreadTensors unread;
  ANEMONE_TRY(const auto source, open_source(path, unread));
  auto ids = ids_in(*source, unread).in(path.string());
  if (ids.ok() && ids->empty())
    return fail(ErrorCode::not_found, "{}: no array input_ids, ids or ids0", path.string());
  return ids;
}

Status write_dump(const fs::path& path, const Trace& trace) {
  std::vector<NamedTensor> arrays = trace.points;
  arrays.insert(
      arrays.begin(),
      {"input_ids", Tensor::from_values(DType::int32, {static_cast<int64_t>(trace.ids.size())},
                                        std::span<const int32_t>(trace.ids))});
  return write_npz(path, arrays);
}

}  // namespace anemone::probe
