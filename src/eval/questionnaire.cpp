#include "eval/questionnaire.h"

#include <algorithm>
#include <utility>

#include "base/error.h"

namespace anemone::eval {
namespace {

/// FNV-1a of 64 bits.
uint64_t hash_tokens(uint64_t hash, std::span<const int32_t> tokens) {
  for (const int32_t token : tokens) {
    hash ^= static_cast<uint32_t>(token);
    hash *= 0x100000001b3u;
  }
  return hash;
}

}  // namespace

Result<int64_t> input_limit(int64_t context_length, int64_t asked) {
  if (asked < 0 || asked > context_length)
    return fail(ErrorCode::invalid_argument, "max length {}, the model's context holds {} tokens",
                asked, context_length);
  return asked == 0 ? context_length : asked;
}

Questionnaire::Questionnaire(const Codec& codec, int64_t max_length)
    : codec_(codec), max_length_(max_length) {}

Result<std::shared_ptr<const Tokens>> Questionnaire::context_tokens(std::string_view text) {
  const auto known = contexts_.find(text);
  if (known != contexts_.end()) return known->second;
  ANEMONE_TRY(Tokens tokens, encode_text(codec_, text));
  return contexts_.emplace(text, std::make_shared<const Tokens>(std::move(tokens))).first->second;
}

Result<std::shared_ptr<const GenerationOptions>> Questionnaire::generation_of(const Value& kwargs) {
  if (generation_ && kwargs == generation_kwargs_) return generation_;
  ANEMONE_TRY(GenerationOptions options, parse_generation(kwargs));
  // A tokenizer without EOS has no end text; an empty one would be found in any text.
  if (!codec_.end_text.empty() &&
      std::ranges::find(options.until, codec_.end_text) == options.until.end())
    options.until.push_back(codec_.end_text);
  generation_kwargs_ = kwargs;
  generation_ = std::make_shared<const GenerationOptions>(std::move(options));
  return generation_;
}

void Questionnaire::count(const Question& question, std::span<const int32_t> whole_context) {
  TokenCounts& counts = tasks_.back().counts;
  const uint64_t tokens = question.input_size();
  counts.alone += tokens;
  counts.truncated += question.tokens.lost > 0 ? 1 : 0;
  if (question.generates()) {
    counts.logits_cache += tokens;
    return;
  }
  const auto inputs = question.continuation().first(question.continuation().size() - 1);
  const uint64_t hash = hash_tokens(hash_tokens(0xcbf29ce484222325u, whole_context), inputs);
  if (inputs_.insert(hash).second) counts.logits_cache += tokens;
}

Result<Questionnaire::AskedRequest> Questionnaire::ask_pair(const Request& request,
                                                            Question place) {
  const auto encode = [&](std::string_view text) { return context_tokens(text); };
  ANEMONE_TRY(TokenPair pair, encode_pair(codec_, encode, request.context, request.continuation));
  ANEMONE_TRY(place.tokens, truncated(std::move(pair), max_length_));
  count(place, *place.tokens.text);
  questions_.push_back(std::move(place));
  return AskedRequest{questions_.size() - 1, 1, false, {}};
}

Result<Questionnaire::AskedRequest> Questionnaire::ask_rolling(const std::string& text,
                                                               Question place) {
  ANEMONE_TRY(const Tokens tokens, encode_text(codec_, text));
  AskedRequest asked{questions_.size(), 0, tokens.empty(), {}};
  for (TokenPair& window : rolling_windows(tokens, codec_.prefix_token, max_length_, max_length_)) {
    Question question = place;
    question.tokens = std::move(window);
    count(question, question.context());
    questions_.push_back(std::move(question));
    ++asked.question_count;
  }
  return asked;
}

Result<Questionnaire::AskedRequest> Questionnaire::ask_generation(const Request& request,
                                                                  Question place) {
  ANEMONE_TRY(place.generation, generation_of(request.generation));
  const int64_t most_context = max_length_ - place.generation->most_tokens;
  if (most_context < 1)
    return fail(ErrorCode::limit, "{} generated tokens do not fit in a context of {}",
                place.generation->most_tokens, max_length_);
  ANEMONE_TRY(place.tokens.text, context_tokens(request.context));
  const size_t size = place.tokens.text->size();
  if (size == 0) return fail(ErrorCode::invalid_argument, "an empty prompt");
  place.tokens.lost = size - std::min(size, static_cast<size_t>(most_context));
  count(place, place.context());
  questions_.push_back(std::move(place));
  return AskedRequest{questions_.size() - 1, 1, false, {}};
}

Result<Questionnaire::AskedRequest> Questionnaire::ask(OutputType type, const Request& request,
                                                       const Question& place) {
  if (type == OutputType::loglikelihood_rolling) return ask_rolling(request.context, place);
  if (type == OutputType::generate_until) return ask_generation(request, place);
  return ask_pair(request, place);
}

Status Questionnaire::add_task(OutputType type, std::span<const DocumentRequests> documents,
                               const std::function<bool(size_t documents)>& told) {
  const size_t before = questions_.size();
  Question place;
  place.task = static_cast<uint32_t>(tasks_.size());
  AskedTask& task = tasks_.emplace_back();
  for (const DocumentRequests& document : documents) {
    if (told && !told(task.documents.size()))
      return fail(ErrorCode::interrupted, "interrupted after {} of {} documents",
                  task.documents.size(), documents.size());
    place.document = static_cast<uint32_t>(task.documents.size());
    auto& requests = task.documents.emplace_back();
    for (const Request& request : document.requests) {
      place.request = static_cast<uint32_t>(requests.size());
      auto asked = ask(type, request, place);
      if (!asked.ok()) {
        ++failed_requests_;
        requests.push_back({0, 0, false, std::move(asked).error()});
        continue;
      }
      requests.push_back(std::move(asked).value());
    }
  }
  task.question_count = questions_.size() - before;
  contexts_ = {};
  return {};
}

std::vector<std::vector<Response>> Questionnaire::responses(size_t task,
                                                            std::span<Response> answers) const {
  std::vector<std::vector<Response>> all;
  all.reserve(tasks_[task].documents.size());
  for (const auto& requests : tasks_[task].documents) {
    auto& responses = all.emplace_back();
    for (const AskedRequest& asked : requests) {
      const auto parts = answers.subspan(asked.first_question, asked.question_count);
      if (parts.size() == 1 && !asked.error) {
        responses.push_back(std::move(parts[0]));
        continue;
      }
      Response& sum = responses.emplace_back();
      sum.error = asked.error;
      sum.no_tokens = asked.no_tokens;
      for (Response& part : parts) {
        sum.log_likelihood += part.log_likelihood;
        if (part.error && !sum.error) sum.error = std::move(part.error);
      }
    }
  }
  return all;
}

}  // namespace anemone::eval
