#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "anemone/compress.h"
#include "anemone/package.h"
#include "compress/find_weights.h"
#include "compress/weight_plan.h"

namespace anemone::compress {

/// Errors: out_of_range (a number that is infinite, none, or beyond fp16).
Status check_finite(const Tensor& values);

/// Names the first of those that are multiplied, and says how many they are; empty: none.
std::string left_dense_text(const std::vector<LeftWeight>& left);
/// How many there are of each part, and why.
std::string left_text(const std::vector<LeftWeight>& left);

/// Compresses the weights of programs while packages are written: `rewrite` puts operations over
/// deferred parts in place of constants, and `stream` makes their contents, one weight at a time.
class Compressor {
 public:
  /// `threads`: 0 is one for each processor.
  /// `plan`, which may be null, outlives this object.
  explicit Compressor(const Spec& spec, int threads = 0, const WeightPlan* plan = nullptr);
  Compressor(const Compressor&) = delete;
  Compressor& operator=(const Compressor&) = delete;

  /// Weights may be deferred or at hand. What several functions share stays shared.
  /// Errors: unsupported (the weight by name, and the nearest form that the program can have).
  Status rewrite(mil::Program& program, const std::string& package);

  /// Parts of compressed weights; all other constants, and the weights themselves where they are
  /// deferred, come from `rest`. This object outlives the stream.
  /// Errors: those of `rest`, out_of_range (a weight that is infinite, no number or beyond fp16).
  package::WeightStream stream(package::WeightStream rest);

  /// Bytes by which the packages are smaller, without and with the embedding.
  uint64_t saved_bytes(bool with_embedding) const;

  /// One line for each weight, in the order of the files. Errors are known once they are written.
  std::vector<CompressedWeight> report() const;

  /// What products and gathers read of the parts that the spec compresses, and that stays as it
  /// was.
  const std::vector<LeftWeight>& left() const { return left_; }

  /// Weights whose names alone said of which part they are, where the spec stores ffn, attn and
  /// head differently; the first of them by name.
  size_t told_by_name() const { return told_by_name_.size(); }
  const std::string& first_told_by_name() const { return *told_by_name_.begin(); }

  /// Says where one table is embedding and head and is now stored once for each, as they are stored
  /// differently; empty where there is none.
  std::string split_tables() const;

  /// What progress may call the constant with this reference.
  static std::string_view original_path(std::string_view path);
  /// The weight of this reference, empty for other constants.
  std::string_view name_of(std::string_view path) const;

 private:
  struct Item {
    const Scheme* scheme;
    Weight weight;
    Form form;
    Tensor dense;  ///< not defined where it is deferred.
    std::string path;
    CompressedWeight report;
  };
  Status encode(Item& item, const package::WeightStream& rest);
  void add_left(const mil::Function& function, const std::string& package);

  Spec spec_;
  int threads_;
  const WeightPlan* plan_;
  std::vector<std::unique_ptr<Item>> items_;
  std::map<std::string, size_t> index_;
  std::set<std::string> told_by_name_;
  std::map<std::string, std::map<Part, std::string>> tables_;  ///< how stored, by path.
  std::vector<LeftWeight> left_;
  std::set<std::string> known_left_;    ///< those of several functions are one.
  const Item* encoded_item_ = nullptr;  ///< whose parts `encoded_` has.
  std::vector<Tensor> encoded_;
};

}  // namespace anemone::compress
