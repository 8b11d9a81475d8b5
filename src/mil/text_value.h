#pragma once

#include "mil/text_lexer.h"
#include "mil/type.h"

/// Types and literals of the text form, as parse.cpp needs them.
namespace anemone::mil {

/// Nested types, literals and blocks deeper than this are refused (the reader recurses).
inline constexpr int kMaxNesting = 64;

/// What the readers of one text share.
struct TextReader {
  Lexer lexer;
  const BlobLoader& blobs;
  int nesting = 0;

  /// Takes the symbol or says what was expected.
  Status expect(std::string_view symbol);
  /// Takes the symbol if it comes next.
  bool accept(std::string_view symbol);
  /// A plain or a quoted name.
  Result<std::string> read_name(std::string_view what);
  Result<uint64_t> read_uint64(std::string_view what);

  /// "tensor<fp16, [1, ?]>", "int32", "state<…>", "list<…, 4>", "dict<…, …>", "tuple<…>".
  Result<ValueType> read_type();
  /// type "(" body ")".
  Result<Value> read_literal();
  /// Whether a literal comes next (a type and its opening bracket) rather than a name.
  bool at_literal() const;

 private:
  Result<ValueType> read_type_inside();
  Result<TensorType> read_tensor_type();
  Result<Value> read_body(const ValueType& type);
  Result<Value> read_tensor_body(const ValueType& type);
  Result<Value> read_blob(const ValueType& type);
};

/// Counts a level of nesting while it lives.
class NestingLevel {
 public:
  explicit NestingLevel(TextReader& reader) : reader_(reader) { ++reader_.nesting; }
  ~NestingLevel() { --reader_.nesting; }
  NestingLevel(const NestingLevel&) = delete;
  NestingLevel& operator=(const NestingLevel&) = delete;

  Status check() const;

 private:
  TextReader& reader_;
};

}  // namespace anemone::mil
