#include "ane/records/xml_reader.h"

#include <algorithm>
#include <charconv>

#include "base/error.h"

namespace anemone::ane {
namespace {

constexpr size_t kMostDepth = 256;
constexpr std::string_view kBlanks = " \t\r\n";

bool ends_name(char c) {
  return kBlanks.find(c) != std::string_view::npos || c == '>' || c == '/' || c == '=' ||
         c == '<' || c == '"' || c == '\'' || c == '&';
}

std::string_view trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

/// UTF-8 of a character that XML allows; false for others.
bool append_character(std::string& to, uint32_t c) {
  const bool control = c < 0x20 && c != '\t' && c != '\n' && c != '\r';
  if (control || (c >= 0xd800 && c < 0xe000) || c > 0x10ffff) return false;
  const auto byte = [&](uint32_t bits) { to += static_cast<char>(bits); };
  if (c < 0x80) {
    byte(c);
  } else if (c < 0x800) {
    byte(0xc0 | (c >> 6));
    byte(0x80 | (c & 0x3f));
  } else {
    if (c < 0x10000) {
      byte(0xe0 | (c >> 12));
    } else {
      byte(0xf0 | (c >> 18));
      byte(0x80 | ((c >> 12) & 0x3f));
    }
    byte(0x80 | ((c >> 6) & 0x3f));
    byte(0x80 | (c & 0x3f));
  }
  return true;
}

}  // namespace

Error XmlReader::corrupt(std::string_view what) const {
  return fail(ErrorCode::corrupt, "byte {}: {}", at_, what);
}

bool XmlReader::skip(std::string_view literal) {
  if (!document_.substr(at_).starts_with(literal)) return false;
  at_ += literal.size();
  return true;
}

Status XmlReader::skip_past(std::string_view end) {
  const size_t found = document_.find(end, at_);
  if (found == std::string_view::npos) return corrupt("the document ends too early");
  at_ = found + end.size();
  return {};
}

void XmlReader::skip_blanks() {
  at_ = std::min(document_.find_first_not_of(kBlanks, at_), document_.size());
}

Result<std::string> XmlReader::read_name() {
  const size_t begin = at_;
  while (at_ < document_.size() && !ends_name(document_[at_])) ++at_;
  if (at_ == begin) return corrupt("a name is missing");
  return std::string(document_.substr(begin, at_ - begin));
}

Status XmlReader::append_reference(std::string& to) {
  constexpr size_t kLongest = 12;
  const size_t end = document_.find(';', at_);
  if (end == std::string_view::npos || end - at_ > kLongest)
    return corrupt("a reference without an end");
  const std::string_view name = document_.substr(at_ + 1, end - at_ - 1);
  constexpr std::pair<std::string_view, char> kNamed[] = {
      {"lt", '<'}, {"gt", '>'}, {"amp", '&'}, {"quot", '"'}, {"apos", '\''}};
  const auto found = std::ranges::find(kNamed, name, &std::pair<std::string_view, char>::first);
  if (found != std::end(kNamed)) {
    to += found->second;
  } else {
    const bool hex = name.starts_with("#x");
    if (!name.starts_with('#')) return corrupt("a reference to an entity that is not known");
    const std::string_view digits = name.substr(hex ? 2 : 1);
    uint32_t code = 0;
    const char* const last = digits.data() + digits.size();
    const auto [stop, error] = std::from_chars(digits.data(), last, code, hex ? 16 : 10);
    if (digits.empty() || error != std::errc() || stop != last || !append_character(to, code))
      return corrupt("a reference to no character");
  }
  at_ = end + 1;
  return {};
}

Status XmlReader::read_attributes() {
  attributes_.clear();
  for (;;) {
    skip_blanks();
    if (at_ >= document_.size()) return corrupt("a tag without an end");
    if (document_[at_] == '>' || document_[at_] == '/') return {};
    ANEMONE_TRY(std::string name, read_name());
    skip_blanks();
    if (!skip("=")) return corrupt("an attribute without a value");
    skip_blanks();
    const char quote = at_ < document_.size() ? document_[at_] : '\0';
    if (quote != '"' && quote != '\'') return corrupt("an attribute without quotes");
    ++at_;
    std::string value;
    while (at_ < document_.size() && document_[at_] != quote) {
      if (document_[at_] == '<') return corrupt("a tag in an attribute");
      if (document_[at_] == '&') {
        ANEMONE_RETURN_IF_ERROR(append_reference(value));
      } else {
        value += document_[at_++];
      }
    }
    if (at_ >= document_.size()) return corrupt("an attribute without an end");
    ++at_;
    attributes_.emplace_back(std::move(name), std::move(value));
  }
}

Result<XmlReader::Part> XmlReader::read_start() {
  if (open_.empty() && had_root_) return corrupt("a second root");
  if (open_.size() >= kMostDepth)
    return fail(ErrorCode::limit, "byte {}: more than {} elements in each other", at_, kMostDepth);
  ANEMONE_TRY(name_, read_name());
  ANEMONE_RETURN_IF_ERROR(read_attributes());
  closes_ = skip("/");
  if (!skip(">")) return corrupt("a tag without an end");
  had_root_ = true;
  open_.push_back(name_);
  return Part::start;
}

Result<XmlReader::Part> XmlReader::read_end() {
  ANEMONE_TRY(name_, read_name());
  skip_blanks();
  if (!skip(">")) return corrupt("a tag without an end");
  if (open_.empty() || open_.back() != name_) return corrupt("an end without its start");
  open_.pop_back();
  return Part::end;
}

Status XmlReader::read_text() {
  text_.clear();
  while (at_ < document_.size() && document_[at_] != '<') {
    if (document_[at_] == '&') {
      ANEMONE_RETURN_IF_ERROR(append_reference(text_));
    } else {
      text_ += document_[at_++];
    }
  }
  text_ = std::string(trimmed(text_));
  return {};
}

Result<XmlReader::Part> XmlReader::next() {
  if (closes_) {
    closes_ = false;
    name_ = open_.back();
    open_.pop_back();
    return Part::end;
  }
  if (at_ == 0) skip("\xef\xbb\xbf");
  while (at_ < document_.size()) {
    if (document_[at_] != '<') {
      ANEMONE_RETURN_IF_ERROR(read_text());
      if (text_.empty()) continue;
      if (open_.empty()) return corrupt("text beside the root");
      return Part::text;
    }
    if (skip("<!--")) {
      ANEMONE_RETURN_IF_ERROR(skip_past("-->"));
    } else if (skip("<?")) {
      ANEMONE_RETURN_IF_ERROR(skip_past("?>"));
    } else if (!open_.empty() && skip("<![CDATA[")) {
      const size_t begin = at_;
      ANEMONE_RETURN_IF_ERROR(skip_past("]]>"));
      text_ = std::string(document_.substr(begin, at_ - begin - 3));
      return Part::text;
    } else if (skip("<!")) {
      return fail(ErrorCode::unsupported, "byte {}: a document type, which no exporter writes",
                  at_);
    } else if (skip("</")) {
      return read_end();
    } else {
      ++at_;
      return read_start();
    }
  }
  if (!open_.empty() || !had_root_) return corrupt("the document ends too early");
  return Part::done;
}

const std::string* XmlReader::attribute(std::string_view name) const {
  const auto found =
      std::ranges::find(attributes_, name, &std::pair<std::string, std::string>::first);
  return found == attributes_.end() ? nullptr : &found->second;
}

}  // namespace anemone::ane
