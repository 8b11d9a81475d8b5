#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "anemone/generate.h"
#include "serve/documents/fields.h"

namespace anemone::serve {

/// What requests of all forms say of how an answer is made.
struct AnswerFields {
  generate::Options options;          ///< max_tokens is not set here.
  std::optional<int64_t> max_tokens;  ///< missing: `usual_tokens`.
  /// Where the request says nothing, if the server allows it; missing: as many as there is room
  /// for.
  std::optional<int64_t> usual_tokens;
  int64_t choices = 1;  ///< independent answers to one prompt.
  bool streams = false;
  bool include_usage = false;  ///< a last event of a stream says it.
  std::string form_field;      ///< where the request asks for a form of the answer; may be empty.

  /// The options of one choice: its draws are its own.
  generate::Options of_choice(int64_t choice) const;
};

/// Reads temperature, top_p, seed, stop, n, stream, … beginning with what the server's owner chose.
/// `length`: the names of the field of most tokens; the first that is there counts.
AnswerFields read_answer_fields(Fields& fields, const generate::Options& defaults,
                                std::initializer_list<std::string_view> length);

}  // namespace anemone::serve
