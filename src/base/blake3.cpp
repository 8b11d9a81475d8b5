#include "base/blake3.h"

#include <anemone_bridge.h>

#include <array>
#include <fstream>
#include <vector>

#include "base/check.h"
#include "base/error.h"
#include "base/hex_digits.h"

namespace anemone {
namespace {

anemone_bridge_blake3* raw(void* hasher) { return static_cast<anemone_bridge_blake3*>(hasher); }

}  // namespace

void Blake3::Release::operator()(void* hasher) const { anemone_bridge_blake3_free(raw(hasher)); }

Blake3::Blake3() : hasher_(anemone_bridge_blake3_new()) {}

void Blake3::update(std::string_view bytes) {
  const auto code =
      anemone_bridge_blake3_update(raw(hasher_.get()), bytes.data(), bytes.size(), nullptr);
  ANEMONE_CHECK(code == ANEMONE_BRIDGE_OK, "hashing valid bytes cannot fail");
}

Status Blake3::update_from(const std::filesystem::path& path, const std::atomic<bool>* stop) {
  constexpr size_t kPieceBytes = 256 << 10;  // what the nearer caches hold
  std::ifstream stream(path, std::ios::binary);
  std::vector<char> buffer(kPieceBytes);
  while (stream.read(buffer.data(), static_cast<std::streamsize>(buffer.size())) ||
         stream.gcount() > 0) {
    if (stop != nullptr && *stop) return fail(ErrorCode::interrupted, "interrupted");
    update({buffer.data(), static_cast<size_t>(stream.gcount())});
  }
  if (stream.bad() || !stream.eof()) return fail(ErrorCode::io, "cannot read {}", path.string());
  return {};
}

std::string Blake3::finish() {
  std::array<unsigned char, 32> digest{};
  const auto code = anemone_bridge_blake3_finish(raw(hasher_.get()), digest.data(), nullptr);
  ANEMONE_CHECK(code == ANEMONE_BRIDGE_OK, "hashing valid bytes cannot fail");
  hasher_.reset();
  return std::string(kName) + hex_digits(digest);
}

std::string blake3(std::string_view bytes) {
  Blake3 hash;
  hash.update(bytes);
  return hash.finish();
}

}  // namespace anemone
