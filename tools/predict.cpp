#include "anemone/predict.h"

#include <fmt/format.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "anemone/npz.h"
#include "anemone/package.h"
#include "command.h"
#include "output_report.h"
#include "terminal.h"

namespace anemone::tools {
namespace {

using Json = nlohmann::ordered_json;

struct Flags {
  std::string package;
  std::string inputs;
  std::string outputs;
  std::string function;
  std::string batch;
  int64_t steps = 1;
};

Status predict_one(const Flags& flags, const runtime::Options& options, bool json) {
  OutputReport report;
  ANEMONE_TRY(auto package, package::open(flags.package));
  const std::string function = flags.function.empty() ? package.default_function : flags.function;
  ANEMONE_TRY(const auto inputs, read_npz(flags.inputs));
  ANEMONE_TRY(const auto model, runtime::Model::load(std::move(package), options));
  report.loaded();
  ANEMONE_TRY(const auto outputs, runtime::predict_arrays(*model, function, inputs, flags.steps));
  report.computed();
  ANEMONE_RETURN_IF_ERROR(write_npz(flags.outputs, outputs));
  if (!json) return {};
  return report.print({{"package", flags.package}, {"function", function}}, flags.outputs, outputs);
}

Result<Flags> batch_line(const std::string& line) {
  const Json json = Json::parse(line, nullptr, false);
  if (!json.is_object()) return Error{ErrorCode::corrupt, "not a JSON object", {}, {}};
  Flags flags;
  for (const auto& [key, target] : {std::pair{"package", &flags.package},
                                    {"inputs", &flags.inputs},
                                    {"outputs", &flags.outputs},
                                    {"function", &flags.function}}) {
    const auto found = json.find(key);
    if (found == json.end() && std::string_view(key) == "function") continue;
    if (found == json.end() || !found->is_string())
      return Error{
          ErrorCode::corrupt, fmt::format("key '{}' is missing or no string", key), {}, {}};
    *target = found->get<std::string>();
  }
  if (const auto steps = json.find("steps"); steps != json.end()) {
    constexpr int64_t kMostSteps = 1 << 16;
    if (!steps->is_number_integer() || *steps < 1 || *steps > kMostSteps)
      return Error{
          ErrorCode::corrupt, fmt::format("'steps' must be from 1 to {}", kMostSteps), {}, {}};
    flags.steps = steps->get<int64_t>();
  }
  return flags;
}

Status predict_batch(const std::string& path, const runtime::Options& options) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored))
    return Error{ErrorCode::io, fmt::format("{}: a folder", path), {}, {}};
  std::ifstream cases(path);
  if (!cases) return Error{ErrorCode::not_found, fmt::format("{}: cannot be read", path), {}, {}};
  size_t count = 0;
  std::string line;
  while (std::getline(cases, line)) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    if (interrupted()) return Error{ErrorCode::interrupted, "interrupted", {}, {}};
    ++count;
    const auto start = std::chrono::steady_clock::now();
    const auto flags = batch_line(line);
    const Status status = flags.ok() ? predict_one(*flags, options, false) : Status(flags.error());
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
    const Json parsed = Json::parse(line, nullptr, false);
    Json report;
    report["id"] = parsed.is_object() && parsed.contains("id") ? parsed["id"] : Json();
    report["status"] = status.ok()                                     ? "ok"
                       : status.error().code == ErrorCode::unsupported ? "unsupported"
                                                                       : "error";
    if (status.ok())
      report["seconds"] = elapsed.count();
    else
      report["message"] = status.error().to_string();
    ANEMONE_RETURN_IF_ERROR(
        write_stdout(report.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n"));
  }
  if (cases.bad()) return Error{ErrorCode::io, fmt::format("{}: reading failed", path), {}, {}};
  if (count == 0)
    return Error{ErrorCode::corrupt,
                 fmt::format("{}: no case", path),
                 {},
                 "one JSON object a line: package, inputs, outputs"};
  return {};
}

}  // namespace

Action add_predict(CLI::App& app, const CommonFlags& common) {
  auto flags = std::make_shared<Flags>();
  app.description("Run one function of one package on arrays");
  app.add_option("package", flags->package, "X.mlpackage or X.mlmodelc");
  app.add_option("--inputs", flags->inputs, "NumPy archive with one array per input");
  app.add_option("--outputs", flags->outputs, "NumPy archive to write");
  app.add_option("--function", flags->function,
                 "Function (default: the package's default function)");
  app.add_option(
      "--batch", flags->batch,
      "JSON Lines file of cases: id, package, inputs, outputs, and where wanted function "
      "and steps (runs on one state, at least; default 1)");
  app.footer("Example: anemone predict model.mlpackage --inputs in.npz --outputs out.npz");
  return [flags, &common]() -> Status {
    ANEMONE_TRY(const auto options, common.runtime_options());
    if (!flags->batch.empty()) return predict_batch(flags->batch, options);
    if (flags->package.empty() || flags->inputs.empty() || flags->outputs.empty())
      return Error{ErrorCode::invalid_argument,
                   "a package, --inputs and --outputs are needed (or --batch)",
                   {},
                   "anemone predict --help"};
    return predict_one(*flags, options, common.json);
  };
}

}  // namespace anemone::tools
