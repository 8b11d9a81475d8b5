#pragma once

#include <cstdint>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "anemone/tensor.h"

namespace anemone::test {

/// The bytes of a `.safetensors` file.
inline std::string safetensors_bytes(const std::vector<NamedTensor>& tensors) {
  const auto type_name = [](DType dtype) -> std::string {
    if (dtype == DType::bool_) return "BOOL";
    if (dtype == DType::fp8e4m3fn) return "F8_E4M3";
    if (dtype == DType::fp8e5m2) return "F8_E5M2";
    if (dtype == DType::bf16) return "BF16";
    const std::string letter = is_float(dtype)                        ? "F"
                               : to_string(dtype).starts_with("uint") ? "U"
                                                                      : "I";
    return letter + std::to_string(bit_width(dtype));
  };
  nlohmann::json header = nlohmann::json::object();
  std::string data;
  for (const auto& [name, tensor] : tensors) {
    const auto begin = data.size();
    data.append(reinterpret_cast<const char*>(tensor.bytes().data()), tensor.bytes().size());
    const auto dims = tensor.shape().dims();
    header[name] = {{"dtype", type_name(tensor.dtype())},
                    {"shape", std::vector<int64_t>(dims.begin(), dims.end())},
                    {"data_offsets", {begin, data.size()}}};
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');
  std::string file(8, '\0');
  const uint64_t size = text.size();
  std::memcpy(file.data(), &size, 8);
  return file + text + data;
}

}  // namespace anemone::test
