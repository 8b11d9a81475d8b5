#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>

#include "compress/part_of_model.h"
#include "compress/scheme.h"

namespace anemone::compress {

/// How each part of a model is stored: "lut4:g16", which leaves the embedding as it is, or
/// "ffn=lut4:g16,attn=lut6,head=lut6:g8,embed=int8", which leaves parts that are not named.
class Spec {
 public:
  /// Errors: invalid_argument (what is wrong, with the nearest spelling).
  static Result<Spec> parse(std::string_view text);

  /// Null: as it is.
  const Scheme* scheme(Part part) const { return schemes_[static_cast<size_t>(part)].get(); }
  bool is_dense() const;    ///< nothing is compressed.
  bool is_uniform() const;  ///< ffn, attn and head are stored alike.
  std::string text() const;

 private:
  std::array<std::shared_ptr<const Scheme>, kPartNames.size()> schemes_;
};

/// What a spec that leaves every weight as it is gets where something is to be compressed.
Error compresses_nothing(std::string_view text);

}  // namespace anemone::compress
