#include "eval/store/answer_questions.h"

#include <thread>
#include <utility>
#include <vector>

namespace anemone::eval {
namespace {

AnswerKey key_of(const Question& question) {
  return question.generates() ? key_of_generation(question.context(), question.generation->until,
                                                  question.generation->most_tokens)
                              : key_of_score(question.context(), question.continuation());
}

Response to_response(StoredAnswer answer) {
  Response response;
  response.log_likelihood = answer.log_likelihood;
  response.greedy = answer.greedy;
  response.text = std::move(answer.text);
  response.generated_tokens = answer.generated_tokens;
  response.is_stored = true;
  return response;
}

StoredAnswer to_stored(const Response& response) {
  return {response.log_likelihood, response.greedy, response.text, response.generated_tokens};
}

}  // namespace

bool is_transient(ErrorCode code) {
  return code == ErrorCode::io || code == ErrorCode::mismatch || code == ErrorCode::out_of_range;
}

Status answer_questions(Engine& engine, std::span<const Question> questions, AnswerStore* store,
                        bool resume, const Engine::Answered& answered, const Engine::Told& told,
                        AnswerCounts& counts) {
  std::vector<uint32_t> open;
  for (uint32_t i = 0; i < questions.size(); ++i) {
    std::optional<StoredAnswer> stored;
    if (store != nullptr && resume) {
      ANEMONE_TRY(stored, store->find(key_of(questions[i])));
    }
    if (!stored) {
      open.push_back(i);
      continue;
    }
    ++counts.stored;
    ANEMONE_RETURN_IF_ERROR(answered(i, to_response(*std::move(stored))));
  }
  const auto keep = [&](size_t index, const Response& response) -> Status {
    if (store == nullptr || response.error) return {};
    return store->add(key_of(questions[index]), to_stored(response));
  };
  std::vector<uint32_t> again;
  const auto first = [&](size_t index, Response&& response) -> Status {
    if (response.error && is_transient(response.error->code)) {
      again.push_back(static_cast<uint32_t>(index));
      return {};
    }
    ANEMONE_RETURN_IF_ERROR(keep(index, response));
    return answered(index, std::move(response));
  };
  const auto second = [&](size_t index, Response&& response) -> Status {
    ANEMONE_RETURN_IF_ERROR(keep(index, response));
    return answered(index, std::move(response));
  };
  Status status = open.empty() ? Status() : engine.run(questions, open, first, told);
  counts.retried = again.size();
  if (status.ok() && !again.empty()) {
    engine.forget();
    std::this_thread::sleep_for(kRetryPause);
    status = engine.run(questions, again, second, told);
  }
  if (store == nullptr) return status;
  Status flushed = store->flush();
  return status.ok() ? std::move(flushed) : status;
}

}  // namespace anemone::eval
