#include "calibrate/result_store.h"

#include <cstring>

#include "base/atomic_file.h"
#include "base/blake3.h"
#include "base/error.h"
#include "base/mapped_file.h"

namespace anemone::calibrate {
namespace {

namespace fs = std::filesystem;

/// What a file begins with; the parts follow, and the digest of all before it ends the file.
struct Header {
  double squared_error = 0;
  double squared_sum = 0;
  double output_error = 0;  ///< negative: there is none.
};
constexpr size_t kDigestBytes = 71;  // "blake3:" and 64 digits

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

Result<ResultStore> ResultStore::open(const fs::path& folder, std::string origin) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return fail(ErrorCode::io, "cannot make {}: {}", folder.string(), error.message());
  const bool held_results = !fs::is_empty(folder, error) && !error;
  return ResultStore(folder, std::move(origin), held_results);
}

std::string ResultStore::digest_of(const Tensor& dense) { return blake3(text_of(dense.bytes())); }

std::string ResultStore::key(const compress::Weight& weight, const compress::Scheme& scheme,
                             std::string_view digest) const {
  return blake3(fmt::format("{}\n{}\n{} {} {} {} {}\n{}", origin_, scheme.text(),
                            to_string(weight.type.dtype), weight.rows(), weight.columns(),
                            weight.output_axis, weight.opset, digest))
      .substr(Blake3::kName.size());
}

Result<std::optional<compress::Encoded>> ResultStore::load(const std::string& key,
                                                           const compress::Form& form) const {
  const fs::path path = folder_ / key;
  std::error_code error;
  if (!fs::exists(path, error)) return std::optional<compress::Encoded>();
  ANEMONE_TRY(const auto file, MappedFile::open(path));
  const std::span<const std::byte> bytes = file->bytes();
  if (bytes.size() != sizeof(Header) + form.stored_bytes() + kDigestBytes ||
      blake3(text_of(bytes.first(bytes.size() - kDigestBytes))) !=
          text_of(bytes.last(kDigestBytes)))
    return std::optional<compress::Encoded>();
  Header header;
  std::memcpy(&header, bytes.data(), sizeof(header));
  compress::Encoded encoded{.squared_error = header.squared_error,
                            .squared_sum = header.squared_sum};
  if (header.output_error >= 0) encoded.output_error = header.output_error;
  size_t at = sizeof(Header);
  for (const mil::TensorType& type : form.parts) {
    Tensor part = Tensor::zeros(type.dtype, type.shape);
    const auto target = part.mutable_bytes();
    if (!target.empty()) std::memcpy(target.data(), bytes.data() + at, target.size());
    at += target.size();
    encoded.parts.push_back(std::move(part));
  }
  return std::optional(std::move(encoded));
}

Status ResultStore::save(const std::string& key, const compress::Encoded& encoded) const {
  const Header header{encoded.squared_error, encoded.squared_sum,
                      encoded.output_error.value_or(-1)};
  Blake3 hash;
  ANEMONE_TRY(auto file, AtomicFile::create(folder_ / key));
  const auto write = [&](std::span<const std::byte> bytes) {
    hash.update(text_of(bytes));
    return file.write(bytes);
  };
  ANEMONE_RETURN_IF_ERROR(write(std::as_bytes(std::span(&header, 1))));
  for (const Tensor& part : encoded.parts) ANEMONE_RETURN_IF_ERROR(write(part.bytes()));
  const std::string digest = hash.finish();
  ANEMONE_RETURN_IF_ERROR(file.write(std::as_bytes(std::span(digest))));
  return file.commit();
}

}  // namespace anemone::calibrate
