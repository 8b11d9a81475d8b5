#pragma once

#include <gtest/gtest.h>
#include <zlib.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "anemone/calibrate.h"
#include "support/shared.h"

namespace anemone::calibrate {

namespace fs = std::filesystem;

/// The contents of all files below a folder, by name.
inline std::map<std::string, std::string> contents_of(const fs::path& folder) {
  std::map<std::string, std::string> contents;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    std::ifstream file(entry.path(), std::ios::binary);
    contents[entry.path().lexically_relative(folder).string()] = {
        std::istreambuf_iterator<char>(file), {}};
  }
  return contents;
}

/// A checkpoint with the first layers of another, and of their MLPs the first inner units: all
/// kinds of weights, and less of each.
inline void write_part_of(const fs::path& from, const fs::path& to, size_t layers, size_t units) {
  fs::copy(from, to);
  const std::string whole = contents_of(from).at("model.safetensors");
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
  auto config = nlohmann::json::parse(contents_of(from).at("config.json"));
  config["num_hidden_layers"] = layers;
  config["layer_types"] = std::vector<std::string>(layers, "full_attention");
  config["intermediate_size"] = units;
  std::ofstream(to / "config.json") << config;
}

/// Prose of our own, long enough for a few windows.
inline std::string prose() {
  const char* const kSentences[] = {
      "The river rose after three days of rain, and the old bridge was closed. ",
      "People carried their chairs to the hill and waited for the water to fall. ",
      "A teacher read to the children from a book about ships and islands. ",
      "In the morning the road was dry, but the mill stood without its wheel. ",
      "What the town had lost in one night it built again in two summers. "};
  std::string text;
  for (int i = 0; i < 120; ++i) text += kSentences[(i * i + i / 7) % 5];
  return text;
}

/// Whole lines of the beginning of a packed text.
inline std::string gunzipped(const fs::path& path, size_t most_bytes) {
  std::string text(most_bytes, '\0');
  const gzFile file = gzopen(path.c_str(), "rb");
  const int count = gzread(file, text.data(), static_cast<unsigned>(most_bytes));
  gzclose(file);
  text.resize(static_cast<size_t>(std::max(count, 0)));
  return text.substr(0, text.rfind('\n') + 1);
}

/// The model that the repository holds, converted, and what tunes its compression.
class Calibrated : public ::testing::Test {
 protected:
  void SetUp() override {
    make_folder();
    convert_from(test::source_folder() / "models/anemone-tiny");
  }
  void TearDown() override { fs::remove_all(folder_); }

  void make_folder() {
    std::string pattern = (fs::temp_directory_path() / "calibrate_XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void convert_from(const fs::path& source) {
    const auto converted = anemone::convert(source, dense(), {.context = 128});
    ASSERT_TRUE(converted.ok()) << converted.error().to_string();
  }

  fs::path dense() const { return folder_ / "dense"; }

  Options tuning(int64_t windows) const {
    Options options;
    options.text = prose();
    options.windows = windows;
    options.runtime.threads = 2;
    return options;
  }

  Result<CompressionReport> compress(const std::string& out, const std::string& quantize,
                                     const Options& options, int threads = 2) const {
    return calibrate::compress_model(dense(), folder_ / out,
                                     {.quantize = quantize, .threads = threads}, options);
  }

  fs::path folder_;
};

}  // namespace anemone::calibrate
