#include "anemone/text.h"
#include "base/check.h"
#include "base/error.h"
#include "text/clean_up.h"
#include "text/tokenizer_state.h"

namespace anemone::text {

struct DetokenizeStream::State {
  std::shared_ptr<const Tokenizer::State> tokenizer;
  BridgeStream bridge;
  bool clean_up = false;
  std::string held;  ///< decoded, not yet cleaned up.
};

DetokenizeStream::DetokenizeStream(std::unique_ptr<State> state) : state_(std::move(state)) {}
DetokenizeStream::DetokenizeStream(DetokenizeStream&&) noexcept = default;
DetokenizeStream& DetokenizeStream::operator=(DetokenizeStream&&) noexcept = default;
DetokenizeStream::~DetokenizeStream() = default;

DetokenizeStream Tokenizer::stream(bool skip_special_tokens, bool clean_up) const {
  auto bridge = bridge_make<BridgeStream>([&](auto** handle, auto** error) {
    return anemone_bridge_stream_new(state_->bridge.get(), skip_special_tokens ? 1 : 0, handle,
                                     error);
  });
  ANEMONE_CHECK(bridge.ok(), "a stream of a sound tokenizer cannot fail to start");
  auto state = std::make_unique<DetokenizeStream::State>();
  state->tokenizer = state_;
  state->bridge = std::move(bridge).value();
  state->clean_up = clean_up && state_->config.clean_up_spaces;
  return DetokenizeStream(std::move(state));
}

Result<std::string> DetokenizeStream::step(int32_t id) {
  if (id < 0) return fail(ErrorCode::out_of_range, "token id {} is negative", id);
  ANEMONE_TRY(auto piece, bridge_text([&](auto* buffer, auto** error) {
                return anemone_bridge_stream_step(state_->bridge.get(), static_cast<uint32_t>(id),
                                                  buffer, error);
              }));
  if (!state_->clean_up) return piece;
  state_->held += piece;
  const size_t certain = clean_up_boundary(state_->held);
  std::string text = clean_up(state_->held.substr(0, certain));
  state_->held.erase(0, certain);
  return text;
}

Result<std::string> DetokenizeStream::finish() {
  ANEMONE_TRY(auto piece, bridge_text([&](auto* buffer, auto** error) {
                return anemone_bridge_stream_finish(state_->bridge.get(), buffer, error);
              }));
  if (!state_->clean_up) return piece;
  std::string text = clean_up(std::move(state_->held) + piece);
  state_->held.clear();
  return text;
}

}  // namespace anemone::text
