#include "anemone/constraint.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string_view>

namespace generate = anemone::generate;
using Kind = generate::Constraint::Kind;

namespace {

std::unique_ptr<generate::ConstraintCompiler> compiler() {
  const auto file =
      std::filesystem::path(ANEMONE_SOURCE_DIR) / "models/anemone-tiny/tokenizer.json";
  std::ifstream stream(file, std::ios::binary);
  const std::string json{std::istreambuf_iterator<char>(stream), {}};
  auto tokenizer = anemone::text::Tokenizer::parse(json);
  if (!tokenizer.ok()) std::abort();
  auto compiler = generate::ConstraintCompiler::make(*tokenizer, 4096);
  if (!compiler.ok()) std::abort();
  return *std::move(compiler);
}

}  // namespace

/// The first byte chooses a kind, the rest is the grammar: compiled or refused.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const auto compiled = compiler();
  if (size == 0) return 0;
  constexpr Kind kKinds[] = {Kind::json_schema, Kind::regex, Kind::lark, Kind::choice};
  generate::Constraint constraint;
  constraint.kind = kKinds[data[0] % 4];
  constraint.text.assign(reinterpret_cast<const char*>(data) + 1, size - 1);
  constraint.choices = {constraint.text};
  const auto status = compiled->check(constraint);
  if (!status.ok() && status.error().message.empty()) __builtin_trap();
  return 0;
}
