#pragma once

// Functions built of the tiny decoder, and what they give.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "mil/interpret.h"
#include "models/graph.h"
#include "models/tiny_decoder.h"

namespace anemone::models {

inline const std::vector<int32_t> kTokens{3, 17, 0, 9, 20, 5, 11};
inline const auto kLength = static_cast<int64_t>(kTokens.size());

inline FunctionSpec plain_spec(DType dtype) {
  return {.dtype = dtype, .rows = kLength, .cached = false};
}

/// A program of one function with its weights.
inline mil::Program make_program(TinyDecoder& tiny, const FunctionSpec& spec) {
  WeightTable table;
  auto function = build_function(tiny.decoder(), spec, table);
  EXPECT_TRUE(function.ok()) << function.error().to_string();
  mil::Program program;
  if (!function.ok()) return program;
  program.functions.push_back(*std::move(function));
  for (const mil::Diagnostic& fault : mil::verify(program)) ADD_FAILURE() << fault.to_string();
  const Status fetched = fetch_weights(tiny.source(), table, program);
  EXPECT_TRUE(fetched.ok()) << fetched.error().to_string();
  return program;
}

inline Tensor ids_of(std::span<const int32_t> tokens) {
  return Tensor::from_values<int32_t>(DType::int32, {1, static_cast<int64_t>(tokens.size())},
                                      tokens);
}

/// Runs a function on inputs by name; outputs in order.
inline std::vector<Tensor> run(const mil::Program& program, std::vector<NamedTensor> inputs,
                               std::span<Tensor> states = {}, bool round_fp16 = true) {
  std::vector<Tensor> ordered;
  for (const mil::NamedType& input : program.functions[0].inputs) {
    if (input.type.kind == mil::ValueType::Kind::state) continue;
    const auto found = std::ranges::find(inputs, input.name, &NamedTensor::name);
    EXPECT_NE(found, inputs.end()) << input.name;
    if (found == inputs.end()) return {};
    ordered.push_back(found->tensor);
  }
  auto outputs = mil::interpret(program, program.functions[0].name, ordered, states, round_fp16);
  EXPECT_TRUE(outputs.ok()) << outputs.error().to_string();
  return outputs.ok() ? *std::move(outputs) : std::vector<Tensor>{};
}

inline Tensor plain_logits(TinyDecoder& tiny, FunctionSpec spec) {
  return run(make_program(tiny, spec), {{"input_ids", ids_of(kTokens)}}).at(0);
}

inline double largest_difference(const Tensor& a, const Tensor& b) {
  EXPECT_EQ(a.shape(), b.shape());
  double worst = 0;
  for (int64_t i = 0; i < a.element_count(); ++i) {
    const double difference = std::abs(a.at(i) - b.at(i));
    if (!(difference <= worst)) worst = difference;
  }
  return worst;
}

}  // namespace anemone::models
