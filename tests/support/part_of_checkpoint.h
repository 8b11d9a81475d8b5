#pragma once

#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace anemone::test {

/// A checkpoint with the first layers of another, and of their MLPs the first inner units: all
/// kinds of weights, and less of each.
inline void write_part_of(const std::filesystem::path& from, const std::filesystem::path& to,
                          size_t layers, size_t units) {
  using Types = nlohmann::json::array_t;
  const auto contents_of = [](const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  std::filesystem::copy(from, to);
  const std::string whole = contents_of(from / "model.safetensors");
  uint64_t header_bytes = 0;
  std::memcpy(&header_bytes, whole.data(), sizeof(header_bytes));
  const size_t data = sizeof(header_bytes) + header_bytes;
  const auto header = nlohmann::json::parse(whole.substr(sizeof(header_bytes), header_bytes));
  auto kept = nlohmann::json::object();
  std::string contents;
  for (const auto& [name, tensor] : header.items()) {
    size_t layer = 0;
    if (name == "__metadata__") continue;
    if (std::sscanf(name.c_str(), "model.layers.%zu.", &layer) == 1 && layer >= layers) continue;
    const size_t begin = tensor["data_offsets"][0];
    const size_t bytes = tensor["data_offsets"][1].get<size_t>() - begin;
    std::vector<size_t> shape = tensor["shape"];
    const size_t row = bytes / shape[0];
    size_t row_kept = row;
    if (name.find("gate_proj") != std::string::npos || name.find("up_proj") != std::string::npos)
      shape[0] = units;
    if (name.find("down_proj") != std::string::npos) {
      row_kept = row / shape[1] * units;
      shape[1] = units;
    }
    const size_t start = contents.size();
    for (size_t i = 0; i < shape[0]; ++i) contents.append(whole, data + begin + i * row, row_kept);
    kept[name] = {
        {"dtype", tensor["dtype"]}, {"shape", shape}, {"data_offsets", {start, contents.size()}}};
  }
  std::string text = kept.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');
  const uint64_t size = text.size();
  std::ofstream file(to / "model.safetensors", std::ios::binary);
  file.write(reinterpret_cast<const char*>(&size), sizeof(size));
  file << text << contents;
  auto config = nlohmann::json::parse(contents_of(from / "config.json"));
  config["num_hidden_layers"] = layers;
  if (config.contains("layer_types")) config["layer_types"].get_ref<Types&>().resize(layers);
  config["intermediate_size"] = units;
  std::ofstream(to / "config.json") << config;
}

}  // namespace anemone::test
