#include "mil/text_value.h"

#include <charconv>

#include "mil/text_elements.h"

namespace anemone::mil {
namespace {

/// Reads the nested brackets of a tensor literal. `?` dimensions of the type become what the text
/// holds; the others must agree with it.
class TensorBodyReader {
 public:
  TensorBodyReader(TextReader& reader, const TensorType& type)
      : reader_(reader), declared_(type.shape), elements_(type.dtype) {
    for (size_t axis = 0; axis < declared_.rank(); ++axis) shape_.push_back(kUnknownDim);
  }

  Result<Tensor> read() {
    const Token start = reader_.lexer.peek();
    ANEMONE_RETURN_IF_ERROR(read_level(0));
    for (size_t axis = 0; axis < shape_.rank(); ++axis) {
      if (elements_.size() == 0 || shape_[axis] == kUnknownDim) shape_[axis] = declared_[axis];
      if (shape_[axis] == kUnknownDim) shape_[axis] = 0;
    }
    const auto count = checked_element_count(shape_.dims());
    if (!count || *count != static_cast<int64_t>(elements_.size()))
      return fail(ErrorCode::corrupt, "{}: expected the elements of shape {}, found {}",
                  reader_.lexer.place(start.offset), declared_.to_string(), elements_.size());
    return std::move(elements_).tensor(shape_);
  }

 private:
  Status read_level(size_t axis) {
    if (axis == declared_.rank()) {
      const Token token = reader_.lexer.take();
      return elements_.add(reader_.lexer, token);
    }
    const Token start = reader_.lexer.peek();
    ANEMONE_RETURN_IF_ERROR(reader_.expect("["));
    // A flat list of all elements is read too; some writers do not nest.
    const bool flat = axis == 0 && declared_.rank() > 1 && declared_.is_known() &&
                      !reader_.lexer.peek().is_symbol("[") && !reader_.lexer.peek().is_symbol("]");
    int64_t found = 0;
    while (!reader_.accept("]")) {
      if (found > 0) ANEMONE_RETURN_IF_ERROR(reader_.expect(","));
      ANEMONE_RETURN_IF_ERROR(read_level(flat ? declared_.rank() : axis + 1));
      ++found;
    }
    if (flat || (axis == 0 && found == 0)) return {};
    const int64_t expected = shape_[axis] != kUnknownDim ? shape_[axis] : declared_[axis];
    if (expected != kUnknownDim && expected != found)
      return fail(ErrorCode::corrupt,
                  "{}: expected {} elements along axis {} of shape {}, found {}",
                  reader_.lexer.place(start.offset), expected, axis, declared_.to_string(), found);
    shape_[axis] = found;
    return {};
  }

  TextReader& reader_;
  Shape declared_;
  Shape shape_;
  TextElements elements_;
};

}  // namespace

Status NestingLevel::check() const {
  if (reader_.nesting <= kMaxNesting) return {};
  return fail(ErrorCode::limit, "{}: nested more than {} levels deep",
              reader_.lexer.place(reader_.lexer.peek().offset), kMaxNesting);
}

Status TextReader::expect(std::string_view symbol) {
  if (accept(symbol)) return {};
  return lexer.error_at(lexer.peek(), fmt::format("'{}'", symbol));
}

bool TextReader::accept(std::string_view symbol) {
  if (!lexer.peek().is_symbol(symbol)) return false;
  lexer.take();
  return true;
}

Result<std::string> TextReader::read_name(std::string_view what) {
  const Token token = lexer.peek();
  if (token.kind != TokenKind::name && token.kind != TokenKind::string)
    return lexer.error_at(token, what);
  lexer.take();
  return token.kind == TokenKind::name ? std::string(token.text) : unescape(token.text);
}

Result<uint64_t> TextReader::read_uint64(std::string_view what) {
  const Token token = lexer.take();
  uint64_t value = 0;
  const char* const end = token.text.data() + token.text.size();
  const auto [stop, error] = std::from_chars(token.text.data(), end, value);
  if (token.kind != TokenKind::number || error != std::errc{} || stop != end)
    return lexer.error_at(token, what);
  return value;
}

bool TextReader::at_literal() const {
  const Token& second = lexer.peek_second();
  return lexer.peek().kind == TokenKind::name && (second.is_symbol("(") || second.is_symbol("<"));
}

Result<Value> TextReader::read_literal() {
  const NestingLevel level(*this);
  ANEMONE_RETURN_IF_ERROR(level.check());
  ANEMONE_TRY(const ValueType type, read_type());
  ANEMONE_RETURN_IF_ERROR(expect("("));
  ANEMONE_TRY(Value value, read_body(type));
  ANEMONE_RETURN_IF_ERROR(expect(")"));
  return value;
}

Result<Value> TextReader::read_body(const ValueType& type) {
  const NestingLevel level(*this);
  ANEMONE_RETURN_IF_ERROR(level.check());
  const Token start = lexer.peek();
  if (at_literal() && !start.is_name("BLOBFILE")) {
    ANEMONE_TRY(Value value, read_literal());
    if (!compatible(type, value.type))
      return lexer.error_at(start, fmt::format("a value of type {}", to_string(type)));
    return value;
  }
  Value value{.type = type};
  switch (type.kind) {
    case ValueType::Kind::tensor:
      return start.is_name("BLOBFILE") ? read_blob(type) : read_tensor_body(type);
    case ValueType::Kind::state:
      return lexer.error_at(start, "a type that has constants");
    case ValueType::Kind::list:
      ANEMONE_RETURN_IF_ERROR(expect("["));
      while (!accept("]")) {
        if (!value.elements.empty()) ANEMONE_RETURN_IF_ERROR(expect(","));
        ANEMONE_TRY(Value element, read_body(type.elements[0]));
        value.elements.push_back(std::move(element));
      }
      if (type.list_length != kUnknownDim &&
          type.list_length != static_cast<int64_t>(value.elements.size()))
        return lexer.error_at(start, fmt::format("{} elements", type.list_length));
      return value;
    case ValueType::Kind::tuple:
      ANEMONE_RETURN_IF_ERROR(expect("("));
      for (const ValueType& element_type : type.elements) {
        if (!value.elements.empty()) ANEMONE_RETURN_IF_ERROR(expect(","));
        ANEMONE_TRY(Value element, read_body(element_type));
        value.elements.push_back(std::move(element));
      }
      ANEMONE_RETURN_IF_ERROR(expect(")"));
      return value;
    case ValueType::Kind::dictionary:
      break;
  }
  ANEMONE_RETURN_IF_ERROR(expect("{"));
  while (!accept("}")) {
    if (!value.entries.empty()) ANEMONE_RETURN_IF_ERROR(expect(","));
    ANEMONE_RETURN_IF_ERROR(expect("{"));
    ANEMONE_TRY(Value key, read_body(type.elements[0]));
    ANEMONE_RETURN_IF_ERROR(expect(","));
    ANEMONE_TRY(Value entry, read_body(type.elements[1]));
    ANEMONE_RETURN_IF_ERROR(expect("}"));
    value.entries.push_back(ValuePair{std::move(key), std::move(entry)});
  }
  return value;
}

Result<Value> TextReader::read_tensor_body(const ValueType& type) {
  const Token start = lexer.peek();
  if (type.tensor.variable_rank) return lexer.error_at(start, "a constant of a known rank");
  ANEMONE_TRY(Tensor tensor, TensorBodyReader(*this, type.tensor).read());
  return Value{.type = concrete_type(type, tensor), .tensor = std::move(tensor)};
}

Result<Value> TextReader::read_blob(const ValueType& type) {
  const Token start = lexer.take();
  BlobReference reference;
  ANEMONE_RETURN_IF_ERROR(expect("("));
  bool has_path = false;
  bool has_offset = false;
  while (!accept(")")) {
    if (has_path || has_offset) ANEMONE_RETURN_IF_ERROR(expect(","));
    const Token key = lexer.take();
    ANEMONE_RETURN_IF_ERROR(expect("="));
    if (key.is_name("path") && !has_path) {
      has_path = true;
      ANEMONE_TRY(const Value path, read_body(ValueType::of(DType::string, {})));
      reference.path = path.tensor.strings()[0];
    } else if (key.is_name("offset") && !has_offset) {
      has_offset = true;
      ANEMONE_TRY(const Value offset, read_body(ValueType::of(DType::uint64, {})));
      reference.offset_bytes = offset.tensor.values<uint64_t>()[0];
    } else {
      return lexer.error_at(key, "path and offset");
    }
  }
  if (!has_path || !has_offset) return lexer.error_at(start, "BLOBFILE with path and offset");
  if (type.tensor.variable_rank || !type.tensor.shape.is_known())
    return lexer.error_at(start, "inline contents, since the shape is not known");
  if (!blobs) return lexer.error_at(start, "inline contents, since no weight file is given");
  auto loaded = blobs(reference, type.tensor.dtype, type.tensor.shape);
  if (!loaded.ok()) return std::move(std::move(loaded).in(lexer.place(start.offset))).error();
  if (loaded->dtype() != type.tensor.dtype || loaded->shape() != type.tensor.shape)
    return lexer.error_at(start, fmt::format("a blob of type {}", to_string(type)));
  return Value{.type = type,
               .tensor = std::move(loaded).value(),
               .blob = std::make_shared<const BlobReference>(std::move(reference))};
}

}  // namespace anemone::mil
