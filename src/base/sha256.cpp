#include "base/sha256.h"

#include <anemone_bridge.h>

#include <array>

#include "base/check.h"
#include "base/hex_digits.h"

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

std::string Sha256::finish() {
  std::array<unsigned char, 32> digest{};
  const auto code = anemone_bridge_sha256_finish(raw(hasher_.get()), digest.data(), nullptr);
  ANEMONE_CHECK(code == ANEMONE_BRIDGE_OK, "hashing valid bytes cannot fail");
  hasher_.reset();
  return hex_digits(digest);
}

std::string sha256(std::string_view bytes) {
  Sha256 hash;
  hash.update(bytes);
  return hash.finish();
}

}  // namespace anemone
