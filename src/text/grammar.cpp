#include "text/grammar.h"

#include "text/tokenizer_state.h"

namespace anemone::text {
namespace {

/// Token ids of this library are not negative.
const uint32_t* ids(std::span<const int32_t> tokens) {
  return reinterpret_cast<const uint32_t*>(tokens.data());
}

anemone_bridge_grammar bridge_kind(GrammarCompiler::Kind kind) {
  switch (kind) {
    case GrammarCompiler::Kind::json_schema:
      return ANEMONE_BRIDGE_GRAMMAR_JSON_SCHEMA;
    case GrammarCompiler::Kind::regex:
      return ANEMONE_BRIDGE_GRAMMAR_REGEX;
    case GrammarCompiler::Kind::lark:
      return ANEMONE_BRIDGE_GRAMMAR_LARK;
    case GrammarCompiler::Kind::choice:
      break;
  }
  return ANEMONE_BRIDGE_GRAMMAR_CHOICE;
}

}  // namespace

Status GrammarMatcher::mask(std::span<uint32_t> words) {
  return bridge_call([&](auto** error) {
    return anemone_bridge_matcher_mask(bridge_.get(), words.data(), words.size(), error);
  });
}

Status GrammarMatcher::accept(std::span<const int32_t> tokens) {
  return bridge_call([&](auto** error) {
    return anemone_bridge_matcher_accept(bridge_.get(), ids(tokens), tokens.size(), error);
  });
}

Result<size_t> GrammarMatcher::valid_prefix(std::span<const int32_t> tokens) {
  size_t valid = 0;
  ANEMONE_RETURN_IF_ERROR(bridge_call([&](auto** error) {
    return anemone_bridge_matcher_valid_prefix(bridge_.get(), ids(tokens), tokens.size(), &valid,
                                               error);
  }));
  return valid;
}

Status GrammarMatcher::take_back(size_t count) {
  return bridge_call(
      [&](auto** error) { return anemone_bridge_matcher_take_back(bridge_.get(), count, error); });
}

Result<size_t> GrammarMatcher::forced(std::span<int32_t> tokens) {
  size_t count = 0;
  ANEMONE_RETURN_IF_ERROR(bridge_call([&](auto** error) {
    return anemone_bridge_matcher_forced(bridge_.get(), reinterpret_cast<uint32_t*>(tokens.data()),
                                         tokens.size(), &count, error);
  }));
  return count;
}

bool GrammarMatcher::complete() const {
  return anemone_bridge_matcher_complete(bridge_.get()) != 0;
}

Result<GrammarMatcher> GrammarMatcher::copy() const {
  ANEMONE_TRY(auto bridge, bridge_make<BridgeMatcher>([&](auto** handle, auto** error) {
                return anemone_bridge_matcher_copy(bridge_.get(), handle, error);
              }));
  return GrammarMatcher(std::move(bridge));
}

Result<GrammarCompiler> GrammarCompiler::make(const Tokenizer& tokenizer, int64_t vocab_size) {
  const Tokenizer::State& state = *tokenizer.state_;
  ANEMONE_TRY(auto bridge, bridge_make<BridgeCompiler>([&](auto** handle, auto** error) {
                return anemone_bridge_compiler_new(
                    state.bridge.get(), static_cast<size_t>(vocab_size), ids(state.stop_ids),
                    state.stop_ids.size(), handle, error);
              }));
  return GrammarCompiler(std::move(bridge));
}

Result<GrammarMatcher> GrammarCompiler::compile(Kind kind, std::string_view text) const {
  auto bridge = bridge_make<BridgeMatcher>([&](auto** handle, auto** error) {
    return anemone_bridge_matcher_new(bridge_.get(), bridge_kind(kind), text.data(), text.size(),
                                      handle, error);
  });
  if (bridge.ok()) return GrammarMatcher(*std::move(bridge));
  Error error = std::move(bridge).error();
  if (error.code == ErrorCode::corrupt) error.code = ErrorCode::invalid_argument;
  return error;
}

}  // namespace anemone::text
