#include "calibrate/input_collector.h"

#include <algorithm>

#include "base/error.h"
#include "base/float16.h"

namespace anemone::calibrate {
namespace {

/// [outer, channels, inner] as rows of channels.
template <typename T, typename ToFloat>
void put_rows(std::span<const T> values, size_t channels, size_t inner, std::vector<float>& rows,
              const ToFloat& to_float) {
  rows.resize(values.size());
  for (size_t outer = 0; outer < values.size(); outer += channels * inner)
    for (size_t channel = 0; channel < channels; ++channel)
      for (size_t i = 0; i < inner; ++i)
        rows[outer + i * channels + channel] = to_float(values[outer + channel * inner + i]);
}

/// One spelling of a path.
std::string name_of(const std::filesystem::path& path) {
  std::error_code error;
  const auto whole = std::filesystem::absolute(path, error).lexically_normal();
  return (whole.has_filename() ? whole : whole.parent_path()).string();
}

}  // namespace

size_t InputCollector::add(const std::vector<InputUse>& uses, int64_t size) {
  const auto [known, is_new] = numbers_.try_emplace(uses, moments_.size());
  if (!is_new) return known->second;
  moments_.push_back({.size = size});
  for (const InputUse& use : uses)
    targets_[{name_of(use.package), use.function, use.value}].push_back(
        {known->second, use.axis_from_end});
  return known->second;
}

uint64_t InputCollector::bytes_of(int64_t size) {
  constexpr uint64_t kMatrices = 1;  // the factor of one moment at a time comes on top
  return kMatrices * sizeof(float) * static_cast<uint64_t>(size * size);
}

std::vector<std::string> InputCollector::wanted(const package::Package& package,
                                                std::string_view function) {
  std::vector<std::string> names;
  const std::string path = name_of(package.path);
  for (const auto& [key, targets] : targets_)
    if (std::get<0>(key) == path && std::get<1>(key) == function) names.push_back(std::get<2>(key));
  return names;
}

Status InputCollector::observe(const runtime::Observation& seen) {
  const Tensor& tensor = seen.tensor;
  const size_t rank = tensor.shape().rank();
  for (const Target& target : targets_[{name_of(seen.package.path), std::string(seen.function),
                                        std::string(seen.value)}]) {
    compress::SecondMoment& moment = moments_[target.moment];
    if (rank < target.axis_from_end || tensor.shape()[rank - target.axis_from_end] != moment.size)
      return fail(ErrorCode::mismatch, "{}: '{}' is {}, expected {} channels", seen.function,
                  seen.value, tensor.shape().to_string(), moment.size);
    size_t inner = 1;
    for (size_t axis = rank - target.axis_from_end + 1; axis < rank; ++axis)
      inner *= static_cast<size_t>(tensor.shape()[axis]);
    const auto channels = static_cast<size_t>(moment.size);
    if (tensor.dtype() == DType::fp16)
      put_rows(tensor.values<uint16_t>(), channels, inner, rows_, fp16_to_float);
    else if (tensor.dtype() == DType::fp32)
      put_rows(tensor.values<float>(), channels, inner, rows_, [](float value) { return value; });
    else
      return fail(ErrorCode::unsupported, "{}: '{}' is {}, expected fp16 or fp32", seen.function,
                  seen.value, to_string(tensor.dtype()));
    moment.add(rows_.data(), tensor.element_count() / moment.size, threads_);
  }
  return {};
}

}  // namespace anemone::calibrate
