#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

#include "anemone/text.h"
#include "base/check.h"
#include "base/error.h"
#include "base/mapped_file.h"
#include "base/sha256.h"
#include "text/clean_up.h"
#include "text/tokenizer_folder.h"
#include "text/tokenizer_state.h"

namespace anemone::text {
namespace {

using State = Tokenizer::State;

Result<BridgeTokenizer> make_bridge(std::string_view json) {
  return bridge_make<BridgeTokenizer>([&](auto** handle, auto** error) {
    return anemone_bridge_tokenizer_new(json.data(), json.size(), handle, error);
  });
}

Result<std::vector<AddedToken>> list_added_tokens(const BridgeTokenizer& bridge) {
  ANEMONE_TRY(const std::string text, bridge_text([&](auto* buffer, auto** error) {
                return anemone_bridge_tokenizer_added_tokens(bridge.get(), buffer, error);
              }));
  const auto json = nlohmann::json::parse(text, nullptr, false);
  ANEMONE_CHECK(json.is_array(), "the bridge writes a list");
  std::vector<AddedToken> tokens;
  for (const auto& token : json) {
    const auto id = token["id"].get<uint32_t>();
    if (id > std::numeric_limits<int32_t>::max())
      return fail(ErrorCode::corrupt, "added token {}: id {} is above 2^31 - 1",
                  token["content"].dump(), id);
    tokens.push_back({static_cast<int32_t>(id), token["content"].get<std::string>(),
                      token["special"].get<bool>()});
  }
  return tokens;
}

/// `config_json`: the bytes of tokenizer_config.json.
Result<std::shared_ptr<const State>> make_state(std::string_view json, std::string_view config_json,
                                                TokenizerConfig config) {
  auto state = std::make_shared<State>();
  Sha256 digest;
  digest.update(json);
  digest.update(config_json);
  state->sha256 = digest.finish();
  ANEMONE_TRY(state->bridge, make_bridge(json));
  state->config = std::move(config);
  ANEMONE_TRY(state->added_tokens, list_added_tokens(state->bridge));
  ANEMONE_RETURN_IF_ERROR(bridge_call([&](auto** error) {
    return anemone_bridge_tokenizer_vocab_size(state->bridge.get(), 1, &state->vocab_size, error);
  }));
  state->bos_id = state->id_of_role("bos_token");
  state->eos_id = state->id_of_role("eos_token");
  state->pad_id = state->id_of_role("pad_token");
  if (state->config.added_by_flags) {
    if (state->config.add_bos && !state->bos_id)
      return fail(ErrorCode::mismatch, "add_bos_token is set, but there is no bos_token");
    if (state->config.add_eos && !state->eos_id)
      return fail(ErrorCode::mismatch, "add_eos_token is set, but there is no eos_token");
  }
  state->stop_ids = state->config.model_eos_ids;
  if (state->eos_id) state->stop_ids.push_back(*state->eos_id);
  std::sort(state->stop_ids.begin(), state->stop_ids.end());
  state->stop_ids.erase(std::unique(state->stop_ids.begin(), state->stop_ids.end()),
                        state->stop_ids.end());
  return std::shared_ptr<const State>(std::move(state));
}

std::string_view text_of(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

/// Says of a file what the bridge says of its content, whose words are the tokenizers library's.
Error unreadable(Error error, const std::filesystem::path& path) {
  constexpr std::string_view kContent = "tokenizer.json: ";
  if (error.code != ErrorCode::corrupt || !error.message.starts_with(kContent)) {
    error.context.push_back(path.parent_path().string());
    return error;
  }
  return with_hint(fail(ErrorCode::corrupt, "{}: not a tokenizer as Hugging Face saves it: {}",
                        path.string(), std::string_view(error.message).substr(kContent.size())),
                   "copy the tokenizer.json of the checkpoint again, or save it anew");
}

int32_t runs_post_processor(const State& state, bool add_special_tokens) {
  return add_special_tokens && !state.config.added_by_flags ? 1 : 0;
}

Result<BridgeEncoding> encode_one(const State& state, std::string_view text,
                                  bool add_special_tokens, anemone_bridge_offsets offsets) {
  return bridge_make<BridgeEncoding>([&](auto** handle, auto** error) {
    return anemone_bridge_tokenizer_encode(state.bridge.get(), text.data(), text.size(),
                                           runs_post_processor(state, add_special_tokens), offsets,
                                           handle, error);
  });
}

bool adds(const State& state, bool add_special_tokens, bool by_flag) {
  return add_special_tokens && state.config.added_by_flags && by_flag;
}

/// What the bridge encoded, with BOS and EOS where flags ask for them.
void take_ids(const State& state, const BridgeEncoding& encoding, bool add_special_tokens,
              std::vector<int32_t>& ids) {
  const size_t size = anemone_bridge_encoding_size(encoding.get());
  const uint32_t* from = anemone_bridge_encoding_ids(encoding.get());
  ids.clear();
  ids.reserve(size + 2);
  if (adds(state, add_special_tokens, state.config.add_bos)) ids.push_back(*state.bos_id);
  for (size_t i = 0; i < size; ++i) ids.push_back(static_cast<int32_t>(from[i]));
  if (adds(state, add_special_tokens, state.config.add_eos)) ids.push_back(*state.eos_id);
}

}  // namespace

std::optional<int32_t> Tokenizer::State::find(std::string_view token) const {
  uint32_t id = 0;
  int32_t found = 0;
  const Status status = bridge_call([&](auto** error) {
    return anemone_bridge_tokenizer_token_to_id(bridge.get(), token.data(), token.size(), &id,
                                                &found, error);
  });
  if (!status.ok() || found == 0 || id > std::numeric_limits<int32_t>::max()) return std::nullopt;
  return static_cast<int32_t>(id);
}

std::optional<int32_t> Tokenizer::State::id_of_role(std::string_view role) const {
  const auto token = config.special_tokens.find(role);
  if (token == config.special_tokens.end()) return std::nullopt;
  return find(token->second);
}

Result<Tokenizer> Tokenizer::load(const std::filesystem::path& model) {
  const std::filesystem::path directory = tokenizer_folder(model);
  const std::filesystem::path path = directory / "tokenizer.json";
  auto file = MappedFile::open(path);
  if (!file.ok()) {
    if (file.error().code != ErrorCode::not_found) return std::move(file).error();
    std::error_code ignored;
    if (!std::filesystem::exists(model, ignored))
      return fail(ErrorCode::not_found, "{} does not exist", model.string());
    const std::filesystem::path named = model.has_filename() ? model : model.parent_path();
    return with_hint(fail(ErrorCode::not_found, "{}: there is no tokenizer.json {} it",
                          named.string(), directory == named ? "in" : "beside"),
                     "a model needs the tokenizer.json of its Hugging Face checkpoint");
  }
  ANEMONE_TRY(auto config, read_tokenizer_config(directory));
  const std::string_view json = text_of(**file);
  const auto config_file = MappedFile::open(directory / "tokenizer_config.json");
  if (!config_file.ok() && config_file.error().code != ErrorCode::not_found)
    return config_file.error();
  auto state = make_state(json, config_file.ok() ? text_of(**config_file) : "", std::move(config));
  if (!state.ok()) return unreadable(std::move(state).error(), path);
  return Tokenizer(*std::move(state));
}

Result<Tokenizer> Tokenizer::parse(std::string_view tokenizer_json) {
  ANEMONE_TRY(auto state, make_state(tokenizer_json, {}, {}));
  return Tokenizer(std::move(state));
}

Result<std::vector<int32_t>> Tokenizer::encode(std::string_view text,
                                               bool add_special_tokens) const {
  std::vector<int32_t> ids;
  ANEMONE_RETURN_IF_ERROR(encode_to(text, add_special_tokens, ids));
  return ids;
}

Status Tokenizer::encode_to(std::string_view text, bool add_special_tokens,
                            std::vector<int32_t>& ids) const {
  ANEMONE_TRY(const auto encoding,
              encode_one(*state_, text, add_special_tokens, ANEMONE_BRIDGE_OFFSETS_NONE));
  take_ids(*state_, encoding, add_special_tokens, ids);
  return {};
}

Result<Encoding> Tokenizer::encode_with_spans(std::string_view text,
                                              bool add_special_tokens) const {
  ANEMONE_TRY(const auto encoding,
              encode_one(*state_, text, add_special_tokens, ANEMONE_BRIDGE_OFFSETS_BYTES));
  Encoding result;
  take_ids(*state_, encoding, add_special_tokens, result.ids);
  const size_t* offsets = anemone_bridge_encoding_offsets(encoding.get());
  const size_t size = anemone_bridge_encoding_size(encoding.get());
  const size_t first = adds(*state_, add_special_tokens, state_->config.add_bos) ? 1 : 0;
  result.spans.resize(result.ids.size());
  for (size_t i = 0; i < size && offsets != nullptr; ++i)
    result.spans[first + i] = {offsets[2 * i], offsets[2 * i + 1]};
  return result;
}

Result<std::vector<std::vector<int32_t>>> Tokenizer::encode_batch(
    std::span<const std::string> texts, bool add_special_tokens, size_t threads) const {
  std::vector<anemone_bridge_text> views;
  views.reserve(texts.size());
  for (const std::string& text : texts) views.push_back({text.data(), text.size()});
  std::vector<anemone_bridge_encoding*> handles(texts.size());
  ANEMONE_RETURN_IF_ERROR(bridge_call([&](auto** error) {
    return anemone_bridge_tokenizer_encode_batch(state_->bridge.get(), views.data(), views.size(),
                                                 runs_post_processor(*state_, add_special_tokens),
                                                 ANEMONE_BRIDGE_OFFSETS_NONE, threads,
                                                 handles.data(), error);
  }));
  std::vector<std::vector<int32_t>> ids(texts.size());
  for (size_t i = 0; i < ids.size(); ++i)
    take_ids(*state_, BridgeEncoding(handles[i]), add_special_tokens, ids[i]);
  return ids;
}

Result<std::string> Tokenizer::decode(std::span<const int32_t> ids,
                                      bool skip_special_tokens) const {
  std::vector<uint32_t> unsigned_ids;
  unsigned_ids.reserve(ids.size());
  for (const int32_t id : ids) {
    if (id < 0) return fail(ErrorCode::out_of_range, "token id {} is negative", id);
    unsigned_ids.push_back(static_cast<uint32_t>(id));
  }
  ANEMONE_TRY(auto text, bridge_text([&](auto* buffer, auto** error) {
                return anemone_bridge_tokenizer_decode(state_->bridge.get(), unsigned_ids.data(),
                                                       unsigned_ids.size(),
                                                       skip_special_tokens ? 1 : 0, buffer, error);
              }));
  return state_->config.clean_up_spaces ? clean_up(std::move(text)) : std::move(text);
}

Result<std::string> Tokenizer::token(int32_t id) const {
  if (id >= 0) {
    auto text = bridge_text([&](auto* buffer, auto** error) {
      return anemone_bridge_tokenizer_id_to_token(state_->bridge.get(), static_cast<uint32_t>(id),
                                                  buffer, error);
    });
    if (text.ok()) return text;
  }
  return fail(ErrorCode::out_of_range, "no token has the id {}", id);
}

std::optional<int32_t> Tokenizer::find(std::string_view token) const { return state_->find(token); }
size_t Tokenizer::vocab_size() const { return state_->vocab_size; }
const std::string& Tokenizer::sha256() const { return state_->sha256; }
const std::vector<AddedToken>& Tokenizer::added_tokens() const { return state_->added_tokens; }
const SpecialTokens& Tokenizer::special_tokens() const { return state_->config.special_tokens; }
const std::map<std::string, std::vector<std::string>, std::less<>>& Tokenizer::special_token_lists()
    const {
  return state_->config.special_token_lists;
}
std::optional<int32_t> Tokenizer::bos_id() const { return state_->bos_id; }
std::optional<int32_t> Tokenizer::eos_id() const { return state_->eos_id; }
std::optional<int32_t> Tokenizer::pad_id() const { return state_->pad_id; }
const std::vector<int32_t>& Tokenizer::stop_ids() const { return state_->stop_ids; }
const std::map<std::string, std::string, std::less<>>& Tokenizer::chat_templates() const {
  return state_->config.chat_templates;
}

}  // namespace anemone::text
