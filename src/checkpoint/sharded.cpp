#include "checkpoint/sharded.h"

#include <map>
#include <set>
#include <string>

#include "base/error.h"
#include "base/json_document.h"
#include "base/path_inside.h"

namespace anemone::checkpoint {
namespace {

namespace fs = std::filesystem;
using SourcePtr = std::shared_ptr<const TensorSource>;

class Sharded : public TensorSource {
 public:
  explicit Sharded(const std::map<std::string, SourcePtr>& owners) {
    for (const auto& [name, owner] : owners) {
      infos_.push_back(*owner->find(name));
      owners_.push_back(owner);
      shards_.insert(owner);
    }
  }

  std::span<const TensorInfo> tensors() const override { return infos_; }

  Result<Tensor> read(std::string_view name) const override {
    ANEMONE_TRY(const size_t index, index_of(name));
    return owners_[index]->read(name);
  }

  void release() const override {
    for (const SourcePtr& shard : shards_) shard->release();
  }

 private:
  std::vector<TensorInfo> infos_;
  std::vector<SourcePtr> owners_;
  std::set<SourcePtr> shards_;
};

Result<WeightFiles> open_all(const fs::path& folder, const Json& index, const OpenFile& open) {
  const auto map = index.find("weight_map");
  if (map == index.end() || !map->is_object())
    return fail(ErrorCode::corrupt, "no object 'weight_map'");
  std::map<std::string, SourcePtr> shards;
  WeightFiles weights;
  for (const auto& [tensor, file] : map->items()) {
    if (!file.is_string())
      return fail(ErrorCode::corrupt, "weight_map: '{}' is {}, expected a file name", tensor,
                  file.type_name());
    const auto [shard, is_new] = shards.try_emplace(file.get<std::string>());
    if (!is_new) continue;
    auto path = path_inside(folder, shard->first);
    if (!path.ok()) return std::move(path).in(fmt::format("tensor '{}'", tensor)).error();
    ANEMONE_TRY(shard->second, open(*path));
  }
  std::map<std::string, SourcePtr> owners;
  for (const auto& [tensor, file] : map->items()) {
    const auto& shard = *shards.find(file.get<std::string>());
    if (shard.second->find(tensor) == nullptr)
      return fail(ErrorCode::mismatch, "tensor '{}' is not in {}, where the index places it",
                  tensor, shard.first);
    owners.emplace(tensor, shard.second);
  }
  for (const auto& [file, shard] : shards) {
    weights.files.push_back(folder / file);
    for (const TensorInfo& info : shard->tensors())
      if (!owners.emplace(info.name, shard).second && !map->contains(info.name))
        return fail(ErrorCode::mismatch,
                    "tensor '{}' is in {} and in another shard, and the "
                    "index does not name it",
                    info.name, file);
  }
  weights.source = std::make_shared<Sharded>(owners);
  return weights;
}

}  // namespace

Result<WeightFiles> open_sharded(const fs::path& index, const OpenFile& open) {
  ANEMONE_TRY(const Json document, read_json_object(index));
  auto weights = open_all(index.parent_path(), document, open);
  if (weights.ok()) weights->files.push_back(index);
  return std::move(weights).in(index.string());
}

}  // namespace anemone::checkpoint
