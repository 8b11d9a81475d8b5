#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "anemone/program.h"

namespace anemone::compress {

/// Where in a model a weight stands.
enum class Part : uint8_t { ffn, attn, head, embed };
inline constexpr std::array<std::string_view, 4> kPartNames = {"ffn", "attn", "head", "embed"};

/// Tells by the graph of a function in which part of a model its weights stand. Names play no part
/// but that of the input of token ids.
///
/// A product of activations may be written out as `mul` and `reduce_sum`.
/// Attention multiplies activations with what a softmax made of a product of activations: weights
/// that give its operands are its own, and those that take its result; so are weights whose results
/// a state keeps. Weights whose results reach the function's outputs, past no other weight and no
/// residual sum, are the head. All others of a function with attention are ffn.
class ModelParts {
 public:
  /// `function` outlives this object.
  explicit ModelParts(const mil::Function& function);

  /// Of a weight that is multiplied with activations; nothing where the graph does not tell: no
  /// attention is there that ffn could be told from.
  std::optional<Part> part_of(std::string_view weight) const;
  /// Whether a product of activations and a softmax of such products was found.
  bool has_attention() const { return has_attention_; }
  /// Whether `value` is made of token ids without a weight between.
  bool comes_from_ids(std::string_view value) const;

 private:
  struct Node {
    const mil::Operation* operation = nullptr;
    std::vector<size_t> sources;  ///< that make what it reads at run time; all earlier ones.
    size_t operands = 0;          ///< that it reads at run time, inputs of the function among them.
    bool is_product = false;      ///< of activations and a weight.
  };
  using Marks = std::vector<bool>;  ///< one for each node.

  void add_block(const mil::Block& block);
  void add(const mil::Operation& operation);
  void find_weights_of(Node& node);
  bool is_constant(const mil::Binding& binding) const;
  bool multiplies_activations(const Node& node) const;
  bool is_square(const Node& node) const;
  bool is_residual(const Node& node) const;
  bool makes_stream(size_t product) const;

  Marks made_of(Marks seeds, bool passes_sums) const;
  Marks products_behind(const Marks& from, bool passes_sums) const;
  void mark_attention();
  void mark_head(const mil::Block& block);

  std::vector<Node> nodes_;  ///< in the order of the program; of nested blocks before their own.
  std::unordered_map<std::string_view, size_t> makers_;                ///< of values at run time.
  std::unordered_map<std::string_view, std::vector<size_t>> writers_;  ///< of states, so far.
  std::unordered_map<std::string_view, std::vector<size_t>> readers_;  ///< products, by weight.
  Marks attention_;
  Marks head_;
  bool has_attention_ = false;
};

}  // namespace anemone::compress
