#include "package/write_weights.h"

#include <array>
#include <cstring>

#include "base/error.h"
#include "package/type_numbers.h"
#include "package/weight_file.h"

namespace anemone::package {
namespace {

using Block = std::array<std::byte, kWeightAlignment>;

template <typename T>
void put(Block& block, size_t offset, T value) {
  std::memcpy(block.data() + offset, &value, sizeof(value));
}

Block header(size_t blobs) {
  Block block{};
  put(block, 0, static_cast<uint32_t>(blobs));
  put(block, 4, kWeightVersion);
  return block;
}

Block record(const PlannedBlob& blob) {
  const auto bits = static_cast<uint64_t>(blob.type.shape.element_count()) *
                    static_cast<uint64_t>(bit_width(blob.type.dtype));
  Block block{};
  put(block, 0, kBlobSentinel);
  put(block, 4, static_cast<uint32_t>(*blob_number(blob.type.dtype)));
  put(block, 8, blob.size_bytes);
  put(block, 16, blob.offset_bytes + kWeightAlignment);
  put(block, 24, blob.size_bytes * 8 - bits);
  return block;
}

/// Takes the parts of one deferred constant.
class PartWriter {
 public:
  PartWriter(const PlannedBlob& blob, OutputFile& file)
      : blob_(blob), total_(blob.type.shape.element_count()), file_(file) {}

  Status add(const Tensor& part) {
    if (!part.defined() || part.dtype() != blob_.type.dtype)
      return wrong(part.defined() ? to_string(part.dtype()) : "nothing",
                   to_string(blob_.type.dtype));
    const int64_t count = part.element_count();
    if (count > total_ - done_)
      return wrong(fmt::format("{} elements", done_ + count), std::to_string(total_));
    done_ += count;
    if (done_ < total_ && count * bit_width(part.dtype()) % 8 != 0)
      return wrong(fmt::format("a part of {} {}", count, to_string(part.dtype())),
                   "parts of whole bytes");
    return file_.write(part.bytes());
  }

  Status finish() const {
    if (done_ == total_) return {};
    return wrong(fmt::format("{} elements", done_), std::to_string(total_));
  }

 private:
  Error wrong(std::string_view found, std::string_view expected) const {
    return fail(ErrorCode::mismatch, "got {}, expected {}", found, expected);
  }

  const PlannedBlob& blob_;
  int64_t total_;
  int64_t done_ = 0;
  OutputFile& file_;
};

Status write_deferred(const PlannedBlob& blob, const WeightStream& weights, OutputFile& file) {
  if (!weights)
    return fail(ErrorCode::invalid_argument, "deferred, but nothing was given to fetch it with");
  PartWriter parts(blob, file);
  ANEMONE_RETURN_IF_ERROR(
      weights(blob.reference, blob.type, [&](const Tensor& part) { return parts.add(part); }));
  return parts.finish();
}

}  // namespace

Status write_weights(const WeightPlan& plan, const WriteOptions& options, OutputFile& file) {
  const std::vector<PlannedBlob>& blobs = plan.blobs();
  ANEMONE_RETURN_IF_ERROR(file.write(header(blobs.size())));
  uint64_t at = kWeightAlignment;
  const Block zeros{};
  for (size_t i = 0; i < blobs.size(); ++i) {
    const PlannedBlob& blob = blobs[i];
    if (options.progress)
      ANEMONE_RETURN_IF_ERROR(
          options.progress({at, plan.file_bytes(), i, blobs.size(), blob.reference.path}));
    ANEMONE_RETURN_IF_ERROR(file.write(std::span(zeros).first(blob.offset_bytes - at)));
    ANEMONE_RETURN_IF_ERROR(file.write(record(blob)));
    Status status = blob.tensor.defined() ? file.write(blob.tensor.bytes())
                                          : write_deferred(blob, options.weights, file);
    if (!status.ok())
      return std::move(status)
          .in(fmt::format("constant '{}' ({})", blob.reference.path,
                          to_string(mil::ValueType{.tensor = blob.type})))
          .error();
    at = blob.offset_bytes + kWeightAlignment + blob.size_bytes;
  }
  if (options.progress)
    return options.progress({at, plan.file_bytes(), blobs.size(), blobs.size(), {}});
  return {};
}

}  // namespace anemone::package
