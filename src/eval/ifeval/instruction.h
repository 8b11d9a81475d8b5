#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "anemone/result.h"
#include "eval/value.h"

/// The verifiable instructions of IFEval, as the harness checks them.
namespace anemone::eval::ifeval {

/// Whether an answer follows an instruction; unknown where that depends on what this program does
/// not have: a trained language detector, a trained sentence splitter.
enum class Verdict : uint8_t { no, yes, unknown };

constexpr Verdict verdict(bool follows) { return follows ? Verdict::yes : Verdict::no; }

/// The arguments of an instruction. Those that are 0, empty or null count as not given; the harness
/// then draws at random, which is an error here.
class Arguments {
 public:
  explicit Arguments(const Value& values) : values_(values) {}

  /// Errors: unsupported (not given, or negative).
  Result<int64_t> number(const char* key) const;
  /// Errors: unsupported (not given).
  Result<std::string> text(const char* key) const;
  /// Errors: unsupported (not given).
  Result<std::vector<std::string>> texts(const char* key) const;
  /// Whether a count that lies between `least` and `most` is as `relation_key` ("less than",
  /// "at least") and `number_key` say.
  Result<Verdict> holds(int64_t least, int64_t most, const char* relation_key,
                        const char* number_key) const;

 private:
  const Value* find(const char* key) const;
  const Value& values_;
};

struct Instruction {
  std::string_view id;  ///< "keywords:existence"
  Result<Verdict> (*check)(const std::string& answer, const Arguments& arguments) = nullptr;
};

/// One kind of instructions: a file ifeval/<kind>.cpp and a line of kinds.inc.
#define IFEVAL_KIND(kind) std::span<const Instruction> kind##_instructions();
#include "eval/ifeval/kinds.inc"
#undef IFEVAL_KIND

/// Null when there is none of that name.
const Instruction* find_instruction(std::string_view id);

}  // namespace anemone::eval::ifeval
