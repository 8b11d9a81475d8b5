#pragma once

#include "mil/text_lexer.h"
#include "mil/type.h"

namespace anemone::mil {

/// The elements of one tensor literal, collected in the order of the text, so that memory follows
/// the text and not the shape it declares.
class TextElements {
 public:
  explicit TextElements(DType dtype) : dtype_(dtype) {}

  /// Error: corrupt when the token is no element of the dtype or out of its range.
  Status add(const Lexer& lexer, const Token& token);
  size_t size() const { return dtype_ == DType::string ? strings_.size() : bits_.size(); }
  /// A tensor of that shape, which has as many elements.
  Tensor tensor(const Shape& shape) &&;

 private:
  DType dtype_;
  std::vector<uint64_t> bits_;  ///< doubles by their bits, integers sign-extended.
  std::vector<std::string> strings_;
};

/// One element as `TextElements` reads it; floats as C99 hexadecimal.
std::string element_text(const Tensor& tensor, int64_t index);

}  // namespace anemone::mil
