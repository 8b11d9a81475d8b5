#pragma once

#include <string>
#include <string_view>

namespace anemone::text {

/// transformers' `clean_up_tokenization`: takes out the blank before . ? ! , n't 'm 's 've 're and
/// the blanks around a lone apostrophe.
std::string clean_up(std::string text);

/// How many bytes at the front of a text are cleaned up alike whatever follows it.
size_t clean_up_boundary(std::string_view text);

}  // namespace anemone::text
