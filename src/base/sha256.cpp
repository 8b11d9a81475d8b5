#include "base/sha256.h"

#include <anemone_bridge.h>

#include <array>
#include <fstream>
#include <vector>

#include "base/check.h"
#include "base/error.h"

namespace anemone {
namespace {

anemone_bridge_sha256* raw(void* hasher) { return static_cast<anemone_bridge_sha256*>(hasher); }

}  // namespace

void Sha256::Release::operator()(void* hasher) const { anemone_bridge_sha256_free(raw(hasher)); }

Sha256::Sha256() : hasher_(anemone_bridge_sha256_new()) {}

void Sha256::update(std::string_view bytes) {
  const auto code =
      anemone_bridge_sha256_update(raw(hasher_.get()), bytes.data(), bytes.size(), nullptr);
  ANEMONE_CHECK(code == ANEMONE_BRIDGE_OK, "hashing valid bytes cannot fail");
}

Status Sha256::update_from(const std::filesystem::path& path, const std::stop_token& stop) {
  std::ifstream stream(path, std::ios::binary);
  std::vector<char> buffer(256 << 10);
  while (stream.read(buffer.data(), static_cast<std::streamsize>(buffer.size())) ||
         stream.gcount() > 0) {
    if (stop.stop_requested()) return fail(ErrorCode::interrupted, "interrupted");
    update({buffer.data(), static_cast<size_t>(stream.gcount())});
  }
  if (stream.bad() || !stream.eof()) return fail(ErrorCode::io, "cannot read {}", path.string());
  return {};
}

std::string Sha256::finish() {
  std::array<unsigned char, 32> digest{};
  const auto code = anemone_bridge_sha256_finish(raw(hasher_.get()), digest.data(), nullptr);
  ANEMONE_CHECK(code == ANEMONE_BRIDGE_OK, "hashing valid bytes cannot fail");
  hasher_.reset();
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const unsigned char byte : digest) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

std::string sha256(std::string_view bytes) {
  Sha256 hash;
  hash.update(bytes);
  return hash.finish();
}

}  // namespace anemone
