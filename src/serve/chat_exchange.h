#pragma once

#include <string>
#include <vector>

#include "serve/choices_exchange.h"
#include "serve/documents/chat_request.h"

namespace anemone::serve {

/// The prompt of a conversation, by the model's chat template. Errors: invalid_argument (the
/// template refuses it), unsupported (a model without a template).
Result<std::vector<int32_t>> render_prompt(const Service& service, const ChatRequest& request);

/// Puts into the options what tools and a form ask of an answer. Errors: invalid_argument (a schema
/// that cannot be compiled), unsupported.
Status constrain(const Service& service, ChatRequest& request);

/// Answers of /v1/chat/completions: `chat.completion`, or a stream of `chat.completion.chunk`.
class ChatExchange : public ChoicesExchange {
 public:
  /// `service` must outlive it.
  static Result<std::unique_ptr<Exchange>> start(const Service& service, ChatRequest request);

  std::string begin() override;
  std::string piece(size_t index, Piece piece) override;
  std::string outcome(size_t index, const generate::Generation& generation) override;
  std::string finish() override;

 private:
  struct Choice {
    generate::ToolReader reader;
    std::string content;
    std::vector<generate::ToolCall> calls;  ///< the last one as far as it came.
    std::vector<TokenLogprobs> tokens;
    std::string finish_reason;
  };

  ChatExchange(const Service& service, const ChatRequest& request);
  void add(Choice& choice, const std::vector<generate::ToolDelta>& deltas) const;
  std::string chunks(size_t index, const std::vector<generate::ToolDelta>& deltas,
                     const std::vector<TokenLogprobs>& tokens);
  Json message(const Choice& choice) const;
  std::string chunk(size_t index, Json delta, const std::vector<TokenLogprobs>& tokens,
                    const std::string& finish);
  Json logprobs(const std::vector<TokenLogprobs>& tokens) const;

  std::vector<Choice> choices_;
};

}  // namespace anemone::serve
