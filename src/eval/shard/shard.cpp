#include "eval/shard/shard.h"

#include "base/error.h"
#include "base/sha256.h"
#include "eval/python_format.h"

namespace anemone::eval {
namespace {

constexpr int64_t kMostShards = 65536;

/// FNV-1a of 64 bits.
uint64_t hash_of(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (const char byte : text) {
    hash ^= static_cast<unsigned char>(byte);
    hash *= 0x100000001b3u;
  }
  return hash;
}

}  // namespace

bool belongs_to(const Shard& shard, std::string_view task, int64_t document) {
  const auto count = static_cast<uint64_t>(shard.count);
  const uint64_t part = (hash_of(task) % count + static_cast<uint64_t>(document) % count) % count;
  return part == static_cast<uint64_t>(shard.index - 1);
}

SelectedDocuments describe(const Task& task, const std::vector<DocumentRequests>& documents) {
  Sha256 digest;
  for (const DocumentRequests& document : documents) {
    Value arguments = Value::array();
    for (const Request& request : document.requests)
      arguments.push_back(request.arguments(task.config().output_type));
    const Value line = {document.doc_id, task.documents()[static_cast<size_t>(document.doc_id)],
                        std::move(arguments)};
    digest.update(python::dumps(line));
    digest.update("\n");
  }
  return {static_cast<int64_t>(documents.size()), digest.finish()};
}

void keep_shard(const Shard& shard, std::string_view task,
                std::vector<DocumentRequests>& documents) {
  std::erase_if(documents, [&](const DocumentRequests& document) {
    return !belongs_to(shard, task, document.doc_id);
  });
}

Status check_shard(const Shard& shard) {
  if (shard.count < 1 || shard.count > kMostShards)
    return fail(ErrorCode::invalid_argument, "shard {}/{}: expected 1 to {} shards", shard.index,
                shard.count, kMostShards);
  if (shard.index < 1 || shard.index > shard.count)
    return fail(ErrorCode::invalid_argument, "shard {}/{}: shards are counted from 1 to {}",
                shard.index, shard.count, shard.count);
  return {};
}

}  // namespace anemone::eval
