#include "eval/shard/shard_file.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/sha256.h"

/// A shard is refused, or each of its documents belongs to it and is written and read again alike.
/// What the bytes hold is signed first, so that more than the signature is looked at.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace anemone::eval;
  std::string content(reinterpret_cast<const char*>(data), size);
  (void)parse_shard(content).ok();
  if (content.empty() || content.back() != '\n') content += '\n';
  content += "{\"sha256\": \"" + anemone::sha256(content) + "\"}\n";
  const auto file = parse_shard(content);
  if (!file.ok()) return 0;
  for (const ShardTask& task : file->tasks)
    for (const DocumentOutcome& document : task.documents) {
      if (!belongs_to(file->shard, task.facts.name, document.doc_id)) __builtin_trap();
      if (document.filters.size() != task.facts.filters.size()) __builtin_trap();
    }
  const auto joined = [](const std::vector<std::string>& lines) {
    std::string text;
    for (const std::string& line : lines) text += line + "\n";
    return text;
  };
  const std::string written = joined(shard_lines(*file));
  const auto again = parse_shard(written);
  if (!again.ok() || joined(shard_lines(*again)) != written) __builtin_trap();
  return 0;
}
