#include "package/compiled_description.h"

#include "base/bounded_bytes.h"
#include "base/error.h"
#include "package/read_model.h"
#include "package/wire_fields.h"

namespace anemone::package {

Result<CompiledDescription> read_compiled_description(std::span<const std::byte> file) {
  const auto short_of = [&](uint64_t offset, const char* expected) {
    return fail(ErrorCode::corrupt, "byte {}: the file ends at {}, expected {}", offset,
                file.size(), expected);
  };
  const auto kind = load_at<uint32_t>(file, 0);
  if (!kind) return short_of(0, "the kind of the model");
  if (*kind != wire::Model::mlProgram)
    return fail(ErrorCode::unsupported, "the model is a {}; only ML Programs can be read",
                model_kind_name(*kind));

  constexpr uint64_t kNameLength = 0x1c;
  const auto name_bytes = load_at<uint64_t>(file, kNameLength);
  if (!name_bytes || !slice_at(file, kNameLength + 8, *name_bytes))
    return short_of(kNameLength, "a length and a name");
  const uint64_t version_at = kNameLength + 8 + *name_bytes;
  const auto version = load_at<uint32_t>(file, version_at);
  if (!version) return short_of(version_at, "the specification version");
  constexpr uint64_t kVersionBytes = 32;
  const uint64_t length_at = version_at + kVersionBytes;
  const auto length = load_at<uint64_t>(file, length_at);
  const auto bytes = length ? slice_at(file, length_at + 8, *length) : std::nullopt;
  if (!bytes) return short_of(length_at, "a length and a model description");

  const Message message{{reinterpret_cast<const char*>(bytes->data()), bytes->size()},
                        reinterpret_cast<const char*>(file.data()),
                        "ModelDescription",
                        0};
  CompiledDescription result;
  result.specification_version = *version;
  ANEMONE_TRY(result.description, read_description(message));
  return result;
}

}  // namespace anemone::package
