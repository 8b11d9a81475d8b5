#pragma once

#include <chrono>
#include <cstdint>
#include <span>

#include "anemone/result.h"
#include "eval/engine.h"
#include "eval/question.h"
#include "eval/store/answer_store.h"

namespace anemone::eval {

/// How questions came to their answers.
struct AnswerCounts {
  uint64_t stored = 0;   ///< found in the store.
  uint64_t retried = 0;  ///< the model failed on them once.
};

/// Whether the model may give an answer when it is asked once more: it failed to run (io), or gave
/// numbers that are none or have no order (mismatch, out_of_range). What is wrong with the question
/// itself stays wrong.
bool is_transient(ErrorCode code);

/// Before questions are asked once more: a device that was busy gets time to become free.
inline constexpr std::chrono::milliseconds kRetryPause{100};

/// Answers all questions: those that `store` has from it where `resume`, the others by `engine`,
/// whose answers go to the store. A question on which the model fails is asked once more, from a
/// clean state and after a pause, when all others are answered; then its error is its answer.
/// Without a store (null) nothing is kept. Whatever happens, what was answered before is in the
/// store. Errors: interrupted, those of `answered` and of the store.
Status answer_questions(Engine& engine, std::span<const Question> questions, AnswerStore* store,
                        bool resume, const Engine::Answered& answered, const Engine::Told& told,
                        AnswerCounts& counts);

}  // namespace anemone::eval
