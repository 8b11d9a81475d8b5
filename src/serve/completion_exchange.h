#pragma once

#include <string>
#include <vector>

#include "serve/documents/completion_request.h"
#include "serve/exchange.h"
#include "serve/service.h"

namespace anemone::serve {

/// Answers of /v1/completions: one `text_completion`, or a stream of them.
class CompletionExchange : public Exchange {
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
  Json head() const;
  Json choice(size_t index, const std::string& text, const std::vector<TokenLogprobs>& tokens,
              const std::string& finish);
  std::string chunk(size_t index, const std::string& text, const std::vector<TokenLogprobs>& tokens,
                    const std::string& finish);

  const Service& service_;
  const std::string id_;
  const int64_t created_s_;
  const int64_t choices_a_prompt_;
  const bool tells_logprobs_;
  const bool include_usage_;
  std::vector<Choice> choices_;
  Usage usage_;
};

}  // namespace anemone::serve
