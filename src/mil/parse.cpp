#include <algorithm>
#include <charconv>

#include "mil/text_value.h"

namespace anemone::mil {
namespace {

using Attributes = std::vector<std::pair<std::string, Value>>;

/// Reads programs, functions, blocks and operations.
class ProgramReader {
 public:
  ProgramReader(std::string_view text, const BlobLoader& blobs)
      : reader_{.lexer = Lexer(text), .blobs = blobs} {}

  Result<Program> read_program();

 private:
  Lexer& lexer() { return reader_.lexer; }
  Status expect_name(std::string_view name);
  Result<int64_t> read_version();
  Result<Attributes> read_attributes();
  Result<std::vector<NamedType>> read_typed_names();
  Result<Function> read_function();
  Status read_block_body(Block& block);
  Result<Operation> read_operation();
  Result<Argument> read_argument();
  Result<Binding> read_binding();

  TextReader reader_;
};

Status ProgramReader::expect_name(std::string_view name) {
  const Token token = lexer().take();
  if (token.is_name(name)) return {};
  return lexer().error_at(token, fmt::format("'{}'", name));
}

/// "1" or "1.3": the major version counts.
Result<int64_t> ProgramReader::read_version() {
  const Token token = lexer().take();
  int64_t major = 0;
  const char* const end = token.text.data() + token.text.size();
  const auto [stop, error] = std::from_chars(token.text.data(), end, major);
  const bool whole =
      stop == end ||
      (*stop == '.' && std::all_of(stop + 1, end, [](char c) { return c >= '0' && c <= '9'; }));
  if (token.kind != TokenKind::number || error != std::errc{} || !whole)
    return lexer().error_at(token, "a version such as 1.3");
  return major;
}

/// "[key = literal, …]", or nothing.
Result<Attributes> ProgramReader::read_attributes() {
  Attributes attributes;
  const Token start = lexer().peek();
  if (!reader_.accept("[")) return attributes;
  while (!reader_.accept("]")) {
    if (!attributes.empty()) ANEMONE_RETURN_IF_ERROR(reader_.expect(","));
    ANEMONE_TRY(std::string name, reader_.read_name("the name of an attribute"));
    ANEMONE_RETURN_IF_ERROR(reader_.expect("="));
    ANEMONE_TRY(Value value, reader_.read_literal());
    attributes.emplace_back(std::move(name), std::move(value));
  }
  std::ranges::sort(attributes, {}, &Attributes::value_type::first);
  const auto twice = std::ranges::adjacent_find(attributes, {}, &Attributes::value_type::first);
  if (twice != attributes.end())
    return fail(ErrorCode::corrupt, "{}: attribute '{}' is given twice",
                lexer().place(start.offset), twice->first);
  return attributes;
}

/// "(type name, …)".
Result<std::vector<NamedType>> ProgramReader::read_typed_names() {
  std::vector<NamedType> names;
  ANEMONE_RETURN_IF_ERROR(reader_.expect("("));
  while (!reader_.accept(")")) {
    if (!names.empty()) ANEMONE_RETURN_IF_ERROR(reader_.expect(","));
    NamedType entry;
    ANEMONE_TRY(entry.type, reader_.read_type());
    ANEMONE_TRY(entry.name, reader_.read_name("the name of an input"));
    names.push_back(std::move(entry));
  }
  return names;
}

/// "{ operations } -> (names) [attributes]".
Status ProgramReader::read_block_body(Block& block) {
  const NestingLevel level(reader_);
  ANEMONE_RETURN_IF_ERROR(level.check());
  ANEMONE_RETURN_IF_ERROR(reader_.expect("{"));
  while (!reader_.accept("}")) {
    ANEMONE_TRY(Operation operation, read_operation());
    block.operations.push_back(std::move(operation));
  }
  ANEMONE_RETURN_IF_ERROR(reader_.expect("->"));
  ANEMONE_RETURN_IF_ERROR(reader_.expect("("));
  while (!reader_.accept(")")) {
    if (!block.outputs.empty()) ANEMONE_RETURN_IF_ERROR(reader_.expect(","));
    ANEMONE_TRY(std::string name, reader_.read_name("the name of an output"));
    block.outputs.push_back(std::move(name));
  }
  ANEMONE_TRY(block.attributes, read_attributes());
  return {};
}

Result<Binding> ProgramReader::read_binding() {
  if (reader_.at_literal()) {
    ANEMONE_TRY(Value value, reader_.read_literal());
    return Binding{std::move(value)};
  }
  ANEMONE_TRY(std::string name, reader_.read_name("a name or a constant"));
  return Binding{std::move(name)};
}

Result<Argument> ProgramReader::read_argument() {
  Argument argument;
  ANEMONE_TRY(argument.parameter, reader_.read_name("the name of a parameter"));
  ANEMONE_RETURN_IF_ERROR(reader_.expect("="));
  argument.is_tuple = reader_.accept("(");
  if (!argument.is_tuple) {
    ANEMONE_TRY(Binding binding, read_binding());
    argument.bindings.push_back(std::move(binding));
    return argument;
  }
  while (!reader_.accept(")")) {
    if (!argument.bindings.empty()) ANEMONE_RETURN_IF_ERROR(reader_.expect(","));
    ANEMONE_TRY(Binding binding, read_binding());
    argument.bindings.push_back(std::move(binding));
  }
  return argument;
}

Result<Operation> ProgramReader::read_operation() {
  Operation operation;
  const bool has_outputs = !lexer().peek_second().is_symbol("(");
  while (has_outputs && !reader_.accept("=")) {
    if (!operation.outputs.empty()) ANEMONE_RETURN_IF_ERROR(reader_.expect(","));
    NamedType output;
    ANEMONE_TRY(output.type, reader_.read_type());
    ANEMONE_TRY(output.name, reader_.read_name("the name of an output"));
    operation.outputs.push_back(std::move(output));
  }
  ANEMONE_TRY(operation.type, reader_.read_name("an operation"));
  ANEMONE_RETURN_IF_ERROR(reader_.expect("("));
  while (!reader_.accept(")")) {
    if (!operation.inputs.empty()) ANEMONE_RETURN_IF_ERROR(reader_.expect(","));
    ANEMONE_TRY(Argument argument, read_argument());
    operation.inputs.push_back(std::move(argument));
  }
  std::ranges::stable_sort(operation.inputs, {}, &Argument::parameter);
  ANEMONE_TRY(operation.attributes, read_attributes());
  while (lexer().peek().is_symbol("(")) {
    Block block;
    ANEMONE_TRY(block.inputs, read_typed_names());
    ANEMONE_RETURN_IF_ERROR(read_block_body(block));
    operation.blocks.push_back(std::move(block));
  }
  ANEMONE_RETURN_IF_ERROR(reader_.expect(";"));
  return operation;
}

/// "ios18" and "CoreML8" are two spellings of one opset; packages have the second.
std::string normal_opset(std::string_view opset) {
  switch (opset_number(opset)) {
    case 15:
      return "CoreML5";
    case 16:
      return "CoreML6";
    case 17:
      return "CoreML7";
    case 18:
      return "CoreML8";
    case 26:
      return "CoreML9";
    default:
      return std::string(opset);
  }
}

Result<Function> ProgramReader::read_function() {
  Function function;
  ANEMONE_RETURN_IF_ERROR(expect_name("func"));
  ANEMONE_TRY(function.name, reader_.read_name("the name of a function"));
  ANEMONE_RETURN_IF_ERROR(reader_.expect("<"));
  ANEMONE_TRY(const std::string opset, reader_.read_name("an opset"));
  function.opset = normal_opset(opset);
  ANEMONE_RETURN_IF_ERROR(reader_.expect(">"));
  ANEMONE_TRY(function.inputs, read_typed_names());
  ANEMONE_TRY(function.attributes, read_attributes());
  ANEMONE_RETURN_IF_ERROR(read_block_body(function.block));
  ANEMONE_RETURN_IF_ERROR(reader_.expect(";"));
  return function;
}

Result<Program> ProgramReader::read_program() {
  Program program;
  ANEMONE_RETURN_IF_ERROR(expect_name("program"));
  ANEMONE_RETURN_IF_ERROR(reader_.expect("("));
  ANEMONE_TRY(program.version, read_version());
  ANEMONE_RETURN_IF_ERROR(reader_.expect(")"));
  ANEMONE_TRY(program.attributes, read_attributes());
  ANEMONE_RETURN_IF_ERROR(reader_.expect("{"));
  while (!reader_.accept("}")) {
    ANEMONE_TRY(Function function, read_function());
    program.functions.push_back(std::move(function));
  }
  if (lexer().peek().kind != TokenKind::end)
    return lexer().error_at(lexer().peek(), "the end of the program");
  std::ranges::stable_sort(program.functions, {}, &Function::name);
  return program;
}

}  // namespace

Result<Program> parse(std::string_view text, const BlobLoader& blobs) {
  return ProgramReader(text, blobs).read_program();
}

}  // namespace anemone::mil
