#pragma once

#include <string>
#include <vector>

#include "serve/choices_exchange.h"
#include "serve/documents/completion_request.h"

namespace anemone::serve {

/// Answers of /v1/completions: one `text_completion`, or a stream of them.
class CompletionExchange : public ChoicesExchange {
 public:
  /// `service` must outlive it.
  static Result<std::unique_ptr<Exchange>> start(const Service& service,
                                                 const CompletionRequest& request);

  std::string begin() override;
  std::string piece(size_t index, Piece piece) override;
  std::string outcome(size_t index, const generate::Generation& generation) override;
  std::string finish() override;

 private:
  struct Choice {
    std::string text;
    std::vector<TokenLogprobs> tokens;
    std::string finish_reason;
    int64_t offset = 0;  ///< characters before the next token that is told.
  };

  CompletionExchange(const Service& service, const CompletionRequest& request);
  Status add_prompt(const CompletionRequest& request, const CompletionRequest::Prompt& prompt);
  Json choice(size_t index, const std::string& text, const std::vector<TokenLogprobs>& tokens,
              const std::string& finish);
  std::string chunk(size_t index, const std::string& text, const std::vector<TokenLogprobs>& tokens,
                    const std::string& finish);

  const int64_t choices_a_prompt_;
  std::vector<Choice> choices_;
};

}  // namespace anemone::serve
