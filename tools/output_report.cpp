#include "output_report.h"

#include "terminal.h"

namespace anemone::tools {
namespace {

using Json = nlohmann::ordered_json;

double seconds(std::chrono::steady_clock::duration duration) {
  return std::chrono::duration<double>(duration).count();
}

}  // namespace

void OutputReport::loaded() { loaded_ = Clock::now(); }

void OutputReport::computed() { computed_ = Clock::now(); }

Status OutputReport::print(const Json& subject, const std::string& file,
                           std::span<const NamedTensor> arrays) const {
  Json json = {{"version", 1}};
  json.update(subject);
  json["file"] = file;
  json["outputs"] = Json::array();
  for (const NamedTensor& array : arrays) {
    const Shape& shape = array.tensor.shape();
    json["outputs"].push_back({{"name", array.name},
                               {"dtype", anemone::to_string(array.tensor.dtype())},
                               {"shape", Json::array()}});
    for (const int64_t size : shape) json["outputs"].back()["shape"].push_back(size);
  }
  json["load_seconds"] = seconds(loaded_ - start_);
  json["seconds"] = seconds(computed_ - loaded_);
  return write_stdout(json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

}  // namespace anemone::tools
