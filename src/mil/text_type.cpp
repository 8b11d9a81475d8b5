#include "mil/text_value.h"

namespace anemone::mil {

Result<TensorType> TextReader::read_tensor_type() {
  TensorType type;
  ANEMONE_RETURN_IF_ERROR(expect("<"));
  const Token name = lexer.take();
  const auto dtype = parse_dtype(name.text);
  if (name.kind != TokenKind::name || !dtype) return lexer.error_at(name, "a dtype");
  type.dtype = *dtype;
  ANEMONE_RETURN_IF_ERROR(expect(","));
  ANEMONE_RETURN_IF_ERROR(expect("["));
  if (accept("...")) {
    type.variable_rank = true;
    ANEMONE_RETURN_IF_ERROR(expect("]"));
  } else {
    while (!accept("]")) {
      if (type.shape.rank() > 0) ANEMONE_RETURN_IF_ERROR(expect(","));
      const Token token = lexer.peek();
      if (type.shape.rank() == Shape::kMaxRank)
        return fail(ErrorCode::limit, "{}: a tensor of rank more than {}",
                    lexer.place(token.offset), Shape::kMaxRank);
      if (accept("?")) {
        type.shape.push_back(kUnknownDim);
        continue;
      }
      ANEMONE_TRY(const uint64_t dim, read_uint64("a dimension or '?'"));
      if (dim > static_cast<uint64_t>(kMaxDim))
        return lexer.error_at(token, fmt::format("a dimension up to {}", kMaxDim));
      type.shape.push_back(static_cast<int64_t>(dim));
    }
  }
  ANEMONE_RETURN_IF_ERROR(expect(">"));
  return type;
}

Result<ValueType> TextReader::read_type() {
  const NestingLevel level(*this);
  ANEMONE_RETURN_IF_ERROR(level.check());
  const Token start = lexer.peek();
  ANEMONE_TRY(ValueType type, read_type_inside());
  if (const auto fault = type_fault(type))
    return fail(ErrorCode::limit, "{}: {}", lexer.place(start.offset), *fault);
  return type;
}

Result<ValueType> TextReader::read_type_inside() {
  ValueType type;
  const Token name = lexer.take();
  if (name.is_name("tensor")) {
    ANEMONE_TRY(type.tensor, read_tensor_type());
    return type;
  }
  if (const auto dtype = parse_dtype(name.text); dtype && name.kind == TokenKind::name) {
    type.tensor.dtype = *dtype;
    return type;
  }
  if (name.is_name("state")) {
    ANEMONE_RETURN_IF_ERROR(expect("<"));
    const Token contents = lexer.peek();
    ANEMONE_TRY(type, read_type());
    if (type.kind != ValueType::Kind::tensor)
      return lexer.error_at(contents, "the type of a tensor");
    type.kind = ValueType::Kind::state;
    ANEMONE_RETURN_IF_ERROR(expect(">"));
    return type;
  }
  if (name.is_name("list")) {
    type.kind = ValueType::Kind::list;
    ANEMONE_RETURN_IF_ERROR(expect("<"));
    ANEMONE_TRY(ValueType element, read_type());
    type.elements.push_back(std::move(element));
    ANEMONE_RETURN_IF_ERROR(expect(","));
    if (!accept("?")) {
      const Token token = lexer.peek();
      ANEMONE_TRY(const uint64_t length, read_uint64("a length or '?'"));
      if (length > static_cast<uint64_t>(kMaxDim))
        return lexer.error_at(token, fmt::format("a length up to {}", kMaxDim));
      type.list_length = static_cast<int64_t>(length);
    }
    ANEMONE_RETURN_IF_ERROR(expect(">"));
    return type;
  }
  const bool dictionary = name.is_name("dict");
  if (!dictionary && !name.is_name("tuple")) return lexer.error_at(name, "a type");
  type.kind = dictionary ? ValueType::Kind::dictionary : ValueType::Kind::tuple;
  ANEMONE_RETURN_IF_ERROR(expect("<"));
  while (!accept(">")) {
    if (!type.elements.empty()) ANEMONE_RETURN_IF_ERROR(expect(","));
    ANEMONE_TRY(ValueType element, read_type());
    type.elements.push_back(std::move(element));
  }
  return type;
}

}  // namespace anemone::mil
