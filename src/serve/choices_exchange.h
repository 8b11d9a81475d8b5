#pragma once

#include <string>

#include "serve/exchange.h"
#include "serve/service.h"

namespace anemone::serve {

/// What the answers of /v1/chat/completions and /v1/completions share: choices, each with a reason
/// why it ended, under a head that is the same in all documents of a response.
class ChoicesExchange : public Exchange {
 protected:
  /// `service` must outlive it. `model`: as the request names it, or empty.
  ChoicesExchange(const Service& service, std::string_view id_prefix, const std::string& model,
                  const AnswerFields& answer, int64_t top_logprobs);

  /// A document of a stream, with these choices.
  std::string chunk(const char* object, Json choices) const;
  /// The end of a stream: how many tokens it took, where that was asked for.
  std::string end(const char* object) const;
  /// The document that is all of a response.
  std::string document(const char* object, Json choices) const;

  const Service& service_;
  const bool tells_logprobs_;
  Usage usage_;

 private:
  Json head(const char* object, Json choices) const;

  const std::string id_;
  const std::string model_;
  const int64_t created_s_;
  const bool include_usage_;
};

/// Why an answer ended, in the words of chat completions and completions.
const char* finish_reason(generate::StopReason reason);

}  // namespace anemone::serve
