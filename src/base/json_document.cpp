#include "base/json_document.h"

#include <algorithm>
#include <limits>
#include <set>
#include <vector>

#include "base/error.h"
#include "base/mapped_file.h"

namespace anemone {
namespace {

constexpr size_t kMostDepth = 64;

}  // namespace

Status check_json_bounds(std::string_view text, size_t most_depth, size_t most_keys) {
  std::vector<size_t> keys(1);  // of the objects around this place, the outermost first
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string && c == '\\')
      ++i;
    else if (c == '"')
      in_string = !in_string;
    if (in_string) continue;
    if (c == '[' || c == '{') {
      if (keys.size() > most_depth)
        return fail(ErrorCode::limit, "JSON nested deeper than {}", most_depth);
      keys.push_back(0);
    } else if ((c == ']' || c == '}') && keys.size() > 1) {
      keys.pop_back();
    } else if (c == ':' && ++keys.back() > most_keys) {
      return fail(ErrorCode::limit, "a JSON object with more than {} keys", most_keys);
    }
  }
  return {};
}

Result<Json> parse_json_object(std::string_view text) {
  ANEMONE_RETURN_IF_ERROR(check_json_bounds(text, kMostDepth, std::numeric_limits<size_t>::max()));
  std::vector<std::set<std::string>> keys;
  std::string twice;
  const auto watch = [&](int, Json::parse_event_t event, Json& parsed) {
    if (event == Json::parse_event_t::object_start) keys.emplace_back();
    if (event == Json::parse_event_t::object_end) keys.pop_back();
    if (event == Json::parse_event_t::key && twice.empty() &&
        !keys.back().insert(parsed.get<std::string>()).second)
      twice = parsed.get<std::string>();
    return true;
  };
  Json document = Json::parse(text, watch, false);
  if (document.is_discarded()) return fail(ErrorCode::corrupt, "not JSON");
  if (!document.is_object())
    return fail(ErrorCode::corrupt, "JSON holds {}, expected an object", document.type_name());
  if (!twice.empty()) return fail(ErrorCode::corrupt, "JSON has the key '{}' twice", twice);
  return document;
}

Result<std::string> read_text(const std::filesystem::path& path) {
  constexpr size_t kLargest = size_t{64} << 20;
  ANEMONE_TRY(const auto file, MappedFile::open(path));
  const auto bytes = file->bytes();
  if (bytes.size() > kLargest)
    return fail(ErrorCode::limit, "{}: {} bytes, at most {}", path.string(), bytes.size(),
                kLargest);
  return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

Result<Json> read_json_object(const std::filesystem::path& path) {
  ANEMONE_TRY(const std::string text, read_text(path));
  return parse_json_object(text).in(path.string());
}

bool is_unset(const Json& value) {
  if (value.is_boolean()) return !value.get<bool>();
  if (value.is_string()) return value.get_ref<const std::string&>().empty();
  return value.empty() && !value.is_number();
}

}  // namespace anemone
