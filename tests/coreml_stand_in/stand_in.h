#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace anemone::stand_in {

/// Numbers of MLComputeUnits.
inline constexpr int kCpuOnly = 0;
inline constexpr int kCpuAndGpu = 1;
inline constexpr int kAll = 2;
inline constexpr int kCpuAndNeuralEngine = 3;

/// What src/coreml asked of the stand-in for Core ML.
struct Journal {
  struct Load {
    std::string path;
    std::string function;  ///< empty: none was named.
    int units = -1;
    friend bool operator==(const Load&, const Load&) = default;
  };
  std::vector<Load> loads;
  std::vector<std::string> compiled;
  int predictions = 0;  ///< those that succeeded.
  int predictions_tried = 0;
  int predictions_at_once = 0;  ///< the most that one model had.
  int states_made = 0;
  int states_touched = 0;    ///< calls that look at a state's buffer.
  int outputs_in_place = 0;  ///< written to the bytes that were asked for.
  std::vector<Load> plans;
};

/// What a test wants to happen.
struct Orders {
  std::set<int> refused_units;
  std::string refusal = "Failed to build the model execution plan using a model architecture file";
  int refused_loads = 0;  ///< of the next loads, whatever the units.
  int busy_loads = 0;     ///< of the next loads, before others are refused.
  int prediction_milliseconds = 0;
  bool loses_states = false;  ///< looking at a state's buffer raises.
  /// That outputs come in, with the first of their elements; empty: in their own.
  std::vector<int64_t> output_shape;
  bool refuses_to_compile = false;
  int busy_predictions = 0;  ///< of the next ones.
  bool fails_predictions = false;
  bool raises_on_prediction = false;
  bool ignores_backings = false;
  /// Models loaded for these compute something else: every second float of an output is moved by
  /// this share of itself up, the others down.
  std::set<int> skewed_units;
  double skew = 0;
  int64_t row_padding = 0;  ///< elements behind each row of arrays that the stand-in makes.
};

/// To be read and written while no call is under way.
Journal& journal();
Orders& orders();
/// What COREML_PARTITION_LOADER_DISABLE_MULTI_ENGINE was at the first call in this process.
const std::string& variable_at_first_call();
/// Both as new; loaded models are not concerned.
void start_anew();

}  // namespace anemone::stand_in
