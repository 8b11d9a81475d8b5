#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "anemone/result.h"

namespace anemone::ane {

/// Reads an XML document part by part, as much of XML as exporters write: elements, attributes,
/// text, character references, comments, CDATA, processing instructions. A document type, and so
/// any entity of a document's own, is refused. Views the document, which outlives it.
class XmlReader {
 public:
  enum class Part : uint8_t { start, end, text, done };

  explicit XmlReader(std::string_view document) : document_(document) {}

  /// The next part; text between tags comes whole but for what a comment divides. An empty element
  /// is a start and an end. Errors: corrupt (what is no XML, with its byte), unsupported (a
  /// document type), limit (more than 256 elements in each other).
  Result<Part> next();

  /// Of a start or an end.
  const std::string& name() const { return name_; }
  /// Of a start. Null where it has no such attribute.
  const std::string* attribute(std::string_view name) const;
  /// Of a text; blanks around it are cut off.
  const std::string& text() const { return text_; }

 private:
  Error corrupt(std::string_view what) const;
  bool skip(std::string_view literal);
  Status skip_past(std::string_view end);
  void skip_blanks();
  Result<std::string> read_name();
  Status append_reference(std::string& to);
  Status read_attributes();
  Result<Part> read_start();
  Result<Part> read_end();
  Status read_text();

  std::string_view document_;
  size_t at_ = 0;
  bool closes_ = false;  ///< the start that was given was of an empty element.
  bool had_root_ = false;
  std::vector<std::string> open_;
  std::string name_;
  std::vector<std::pair<std::string, std::string>> attributes_;
  std::string text_;
};

}  // namespace anemone::ane
