#pragma once

#include <string>

#include "serve/service.h"

namespace anemone::serve {

/// A `model` of the OpenAI interface, with its context as others name it.
inline Json model_document(const Service& service, const std::string& name) {
  return {{"id", name},
          {"object", "model"},
          {"created", service.started_s},
          {"owned_by", "anemone"},
          {"max_model_len", service.info.context_length}};
}

}  // namespace anemone::serve
