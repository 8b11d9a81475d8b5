#include "package/write_manifest.h"

#include <nlohmann/json.hpp>

#include "base/sha256.h"

namespace anemone::package {
namespace {

/// A UUID of version 8 (RFC 9562: contents of one's own) from hexadecimal digits.
std::string uuid(const std::string& digest) {
  std::string digits = digest.substr(0, 32);
  digits[12] = '8';
  digits[16] = "89ab"[static_cast<unsigned char>(digits[16]) % 4];
  for (const size_t hyphen : {8u, 13u, 18u, 23u}) digits.insert(hyphen, 1, '-');
  return digits;
}

nlohmann::json item(const char* name, const char* description) {
  constexpr const char* kAuthor = "com.apple.CoreML";
  return {{"author", kAuthor},
          {"description", description},
          {"name", name},
          {"path", std::string(kAuthor) + "/" + name}};
}

}  // namespace

std::string write_manifest(std::string_view model) {
  const std::string digest = sha256(model);
  const std::string model_id = uuid(sha256("model " + digest));
  const std::string weights_id = uuid(sha256("weights " + digest));
  const nlohmann::json manifest = {
      {"fileFormatVersion", "1.0.0"},
      {"itemInfoEntries",
       {{model_id, item("model.mlmodel", "CoreML Model Specification")},
        {weights_id, item("weights", "CoreML Model Weights")}}},
      {"rootModelIdentifier", model_id}};
  return manifest.dump(4) + "\n";
}

}  // namespace anemone::package
