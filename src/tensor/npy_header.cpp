#include "tensor/npy_header.h"

#include <charconv>

#include "base/error.h"

namespace anemone {
namespace {

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<NpyHeader> parse() {
    NpyHeader header;
    bool has_descr = false;
    bool has_order = false;
    bool has_shape = false;
    ANEMONE_RETURN_IF_ERROR(expect('{'));
    while (!take('}')) {
      ANEMONE_TRY(const std::string key, string());
      ANEMONE_RETURN_IF_ERROR(expect(':'));
      bool* const seen = key == "descr"           ? &has_descr
                         : key == "fortran_order" ? &has_order
                         : key == "shape"         ? &has_shape
                                                  : nullptr;
      if (seen == nullptr || *seen) return wrong("each of descr, fortran_order and shape once");
      *seen = true;
      if (key == "descr") {
        skip_blanks();
        if (!text_.substr(at_).empty() && text_[at_] == '[')
          return fail(ErrorCode::unsupported, "npy header: structured types");
        ANEMONE_TRY(header.descr, string());
      } else if (key == "fortran_order") {
        ANEMONE_TRY(header.fortran_order, boolean());
      } else {
        ANEMONE_TRY(header.shape, tuple());
      }
      if (take(',')) continue;
      ANEMONE_RETURN_IF_ERROR(expect('}'));
      break;
    }
    skip_blanks();
    if (at_ != text_.size()) return wrong("nothing after the dictionary");
    if (!has_descr || !has_order || !has_shape)
      return wrong("the keys descr, fortran_order and shape");
    return header;
  }

 private:
  Error wrong(std::string_view expected) const {
    return fail(ErrorCode::corrupt, "npy header, column {}: expected {}", at_ + 1, expected);
  }

  void skip_blanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) ++at_;
  }

  bool take(char wanted) {
    skip_blanks();
    if (at_ >= text_.size() || text_[at_] != wanted) return false;
    ++at_;
    return true;
  }

  Status expect(char wanted) {
    if (!take(wanted)) return wrong(fmt::format("'{}'", wanted));
    return {};
  }

  Result<std::string> string() {
    skip_blanks();
    const char quote = at_ < text_.size() ? text_[at_] : ' ';
    const size_t end =
        quote == '\'' || quote == '"' ? text_.find(quote, at_ + 1) : std::string_view::npos;
    if (end == std::string_view::npos) return wrong("a quoted string");
    std::string value(text_.substr(at_ + 1, end - at_ - 1));
    if (value.find('\\') != std::string::npos) return wrong("a string without escapes");
    at_ = end + 1;
    return value;
  }

  Result<bool> boolean() {
    skip_blanks();
    for (const auto& [word, value] : {std::pair<std::string_view, bool>("True", true),
                                      std::pair<std::string_view, bool>("False", false)})
      if (text_.substr(at_).starts_with(word)) {
        at_ += word.size();
        return value;
      }
    return wrong("True or False");
  }

  Result<std::vector<int64_t>> tuple() {
    ANEMONE_RETURN_IF_ERROR(expect('('));
    std::vector<int64_t> values;
    while (!take(')')) {
      skip_blanks();
      int64_t value = 0;
      const char* const first = text_.data() + at_;
      const auto [last, error] = std::from_chars(first, text_.data() + text_.size(), value);
      if (error != std::errc() || value < 0) return wrong("a dimension of at least 0");
      at_ += static_cast<size_t>(last - first);
      values.push_back(value);
      if (take(',')) continue;
      if (values.size() == 1) return wrong("',' (a tuple)");
      ANEMONE_RETURN_IF_ERROR(expect(')'));
      break;
    }
    return values;
  }

  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

Result<NpyHeader> parse_npy_header(std::string_view text) { return Parser(text).parse(); }

std::string print_npy_header(const NpyHeader& header) {
  std::string shape;
  for (const int64_t dim : header.shape) shape += fmt::format("{}, ", dim);
  if (header.shape.size() > 1) shape.resize(shape.size() - 2);
  if (header.shape.size() == 1) shape.pop_back();
  return fmt::format("{{'descr': '{}', 'fortran_order': {}, 'shape': ({}), }}", header.descr,
                     header.fortran_order ? "True" : "False", shape);
}

}  // namespace anemone
