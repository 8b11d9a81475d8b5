#include "checkpoint/mlx_quantized.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>

#include "base/error.h"

namespace anemone::checkpoint {
namespace {

constexpr std::string_view kWeight = ".weight";

struct Scheme {
  int64_t bits = 0;
  int64_t group_size = 0;
};

/// Reads bits, group_size and mode over what `scheme` already says.
Status read_scheme(const Json& object, const std::string& owner, Scheme& scheme) {
  for (const auto& [key, value] : object.items()) {
    if (value.is_object() || value.is_boolean()) continue;  // an entry of a module
    if (key == "mode") {
      if (value != "affine")
        return fail(ErrorCode::unsupported, "{}: mode {}, known is affine", owner, value.dump());
    } else if (key != "bits" && key != "group_size") {
      return fail(ErrorCode::unsupported, "{}: field '{}'", owner, key);
    } else if (!value.is_number_integer() || value < 1 || value > 65536) {
      return fail(ErrorCode::corrupt, "{}: {} is {}, expected a whole number", owner, key,
                  value.dump());
    } else {
      (key == "bits" ? scheme.bits : scheme.group_size) = value.get<int64_t>();
    }
  }
  return {};
}

struct Module {
  Scheme scheme;
  std::string name;
};

/// Shapes of a triple against each other; gives the shape of the weight.
Result<Shape> weight_shape(const TensorInfo& weight, const TensorInfo& scales,
                           const TensorInfo& biases, Scheme scheme) {
  constexpr std::array kBits = {2, 3, 4, 5, 6, 8};
  if (std::ranges::find(kBits, scheme.bits) == kBits.end())
    return fail(ErrorCode::unsupported, "{} bits, known are 2, 3, 4, 5, 6 and 8", scheme.bits);
  if (scheme.group_size == 0) return fail(ErrorCode::corrupt, "no group_size");
  Shape shape = scales.shape;
  bool fits = weight.dtype == DType::uint32 && is_float(scales.dtype) && is_float(biases.dtype) &&
              shape.rank() >= 2 && weight.shape.rank() == shape.rank() && biases.shape == shape;
  for (size_t axis = 0; fits && axis + 1 < shape.rank(); ++axis)
    fits = weight.shape[axis] == shape[axis];
  if (fits) {
    // Sizes of tensors that exist are far from 2^63 / 65536 only in honest files.
    constexpr int64_t kLargest = int64_t{1} << 40;
    int64_t& inputs = shape[shape.rank() - 1];
    const int64_t words = weight.shape[shape.rank() - 1];
    fits = inputs < kLargest && words < kLargest;
    if (fits) {
      inputs *= scheme.group_size;
      fits = words * 32 == inputs * scheme.bits && checked_element_count(shape.dims());
    }
  }
  if (!fits)
    return fail(ErrorCode::mismatch,
                "weight {} {}, scales {} {} and biases {} {} do not fit with {} bits in groups of "
                "{}",
                to_string(weight.dtype), weight.shape.to_string(), to_string(scales.dtype),
                scales.shape.to_string(), to_string(biases.dtype), biases.shape.to_string(),
                scheme.bits, scheme.group_size);
  return shape;
}

void unpack_row(std::span<const uint32_t> words, const Tensor& scales, const Tensor& biases,
                int64_t first_group, Scheme scheme, std::span<float> out) {
  const uint64_t mask = (uint64_t{1} << scheme.bits) - 1;
  const auto bits = static_cast<size_t>(scheme.bits);
  const auto group_size = static_cast<size_t>(scheme.group_size);
  for (size_t begin = 0; begin < out.size(); begin += group_size) {
    const int64_t group = first_group + static_cast<int64_t>(begin / group_size);
    const auto scale = static_cast<float>(scales.at(group));
    const auto bias = static_cast<float>(biases.at(group));
    for (size_t i = begin; i < begin + group_size; ++i) {
      const size_t word = i * bits / 32;
      const size_t next = std::min(word + 1, words.size() - 1);  // a value may cross into it
      const uint64_t pair = uint64_t{words[word]} | uint64_t{words[next]} << 32;
      const auto value = static_cast<float>(pair >> (i * bits % 32) & mask);
      out[i] = value * scale + bias;
    }
  }
}

class MlxQuantized : public TensorSource {
 public:
  MlxQuantized(std::shared_ptr<const TensorSource> stored, std::vector<TensorInfo> infos,
               std::map<std::string, Module, std::less<>> modules)
      : stored_(std::move(stored)), infos_(std::move(infos)), modules_(std::move(modules)) {}

  std::span<const TensorInfo> tensors() const override { return infos_; }

  Result<Tensor> read(std::string_view name) const override {
    ANEMONE_TRY(const size_t index, index_of(name));
    const auto module = modules_.find(name);
    if (module == modules_.end()) return stored_->read(name);
    const Scheme scheme = module->second.scheme;
    ANEMONE_TRY(const Tensor weight, stored_->read(name));
    ANEMONE_TRY(const Tensor scales, stored_->read(module->second.name + ".scales"));
    ANEMONE_TRY(const Tensor biases, stored_->read(module->second.name + ".biases"));
    Tensor out = Tensor::zeros(DType::fp32, infos_[index].shape);
    if (out.element_count() == 0) return out;
    const Shape& packed = weight.shape();
    const auto row_words = static_cast<size_t>(packed[packed.rank() - 1]);
    const auto row_groups = scales.shape()[packed.rank() - 1];
    const auto row_values = static_cast<size_t>(row_groups * scheme.group_size);
    const auto words = weight.values<uint32_t>();
    const auto values = out.mutable_values<float>();
    for (size_t row = 0; row * row_words < words.size(); ++row)
      unpack_row(words.subspan(row * row_words, row_words), scales, biases,
                 static_cast<int64_t>(row) * row_groups, scheme,
                 values.subspan(row * row_values, row_values));
    return out;
  }

  void release() const override { stored_->release(); }

 private:
  std::shared_ptr<const TensorSource> stored_;
  std::vector<TensorInfo> infos_;
  std::map<std::string, Module, std::less<>> modules_;  ///< by the name of the weight.
};

std::optional<std::string> module_of_scales(const TensorSource& source, std::string_view name) {
  constexpr std::string_view kScales = ".scales";
  if (!name.ends_with(kScales)) return std::nullopt;
  std::string module(name.substr(0, name.size() - kScales.size()));
  const TensorInfo* weight = source.find(module + std::string(kWeight));
  if (weight == nullptr || weight->dtype != DType::uint32) return std::nullopt;
  return module;
}

}  // namespace

bool has_mlx_triples(const TensorSource& source) {
  return std::ranges::any_of(source.tensors(), [&](const TensorInfo& info) {
    return module_of_scales(source, info.name).has_value();
  });
}

Result<std::shared_ptr<const TensorSource>> dequantize_mlx(
    std::shared_ptr<const TensorSource> stored, const Json& quantization) {
  if (!quantization.is_object())
    return fail(ErrorCode::corrupt, "quantization is {}, expected an object",
                quantization.type_name());
  Scheme global;
  ANEMONE_RETURN_IF_ERROR(read_scheme(quantization, "quantization", global));
  std::map<std::string, Module, std::less<>> modules;
  std::map<std::string, Shape> shapes;
  std::set<std::string> consumed;
  std::set<std::string> quantized;
  for (const TensorInfo& info : stored->tensors()) {
    const auto module = module_of_scales(*stored, info.name);
    if (!module) continue;
    const std::string owner = fmt::format("module '{}'", *module);
    const TensorInfo* biases = stored->find(*module + ".biases");
    if (biases == nullptr) return fail(ErrorCode::mismatch, "{}: scales without biases", owner);
    Scheme scheme = global;
    if (const auto entry = quantization.find(*module); entry != quantization.end()) {
      if (entry->is_boolean() && !entry->get<bool>())
        return fail(ErrorCode::mismatch, "{} has scales, but quantization says false", owner);
      if (entry->is_object()) ANEMONE_RETURN_IF_ERROR(read_scheme(*entry, owner, scheme));
    }
    const std::string weight = *module + std::string(kWeight);
    auto shape = weight_shape(*stored->find(weight), info, *biases, scheme);
    if (!shape.ok()) return std::move(shape).in(owner).error();
    shapes.emplace(weight, *shape);
    modules.emplace(weight, Module{scheme, *module});
    consumed.insert({info.name, biases->name});
    quantized.insert(*module);
  }
  if (modules.empty())
    return with_hint(fail(ErrorCode::mismatch,
                          "config.json has quantization, but none of the weights has scales"),
                     "is config.json the one that these weights were saved with?");
  for (const auto& [key, value] : quantization.items())
    if ((value.is_object() || value == true) && !quantized.contains(key))
      return fail(ErrorCode::mismatch, "quantization: module '{}' has no scales", key);
  std::vector<TensorInfo> infos;
  for (const TensorInfo& info : stored->tensors()) {
    if (consumed.contains(info.name)) continue;
    const auto shape = shapes.find(info.name);
    infos.push_back(shape == shapes.end() ? info
                                          : TensorInfo{info.name, DType::fp32, shape->second});
  }
  return std::shared_ptr<const TensorSource>(
      std::make_shared<MlxQuantized>(std::move(stored), std::move(infos), std::move(modules)));
}

}  // namespace anemone::checkpoint
