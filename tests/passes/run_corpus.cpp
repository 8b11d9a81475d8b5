#include <fmt/format.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "anemone/npz.h"
#include "anemone/predict.h"
#include "passes/configurations.h"

/// Answers like `anemone predict --batch` (shared/fixtures/conformance/README.md). A case is ok
/// when its program yields the same bits without passes, with all, and with each alone, under
/// either numerics; what it yields after all passes is written out.
namespace anemone {
namespace {

using Json = nlohmann::ordered_json;

struct Case {
  std::string package;
  std::string inputs;
  std::string outputs;
  std::string function;
  int64_t steps = 1;
};

using Arrays = std::vector<NamedTensor>;

Result<Arrays> predict(const package::Package& package, const Case& test, const Arrays& inputs,
                       runtime::Numerics numerics) {
  ANEMONE_TRY(const auto model,
              runtime::Model::load(package, {.numerics = numerics, .threads = 1}));
  return runtime::predict_arrays(*model, test.function, inputs, test.steps);
}

Status run_case(const Case& test) {
  ANEMONE_TRY(const package::Package before, package::open(test.package));
  ANEMONE_TRY(const Arrays inputs, read_npz(test.inputs));
  Arrays written;
  for (const auto numerics : {runtime::Numerics::fp32, runtime::Numerics::fp16}) {
    ANEMONE_TRY(const Arrays expected, predict(before, test, inputs, numerics));
    for (const test::Configuration& configuration : test::configurations()) {
      package::Package after = before;
      if (auto reports = passes::run(after.program, configuration.options); !reports.ok())
        return reports.error();
      auto got = predict(after, test, inputs, numerics);
      if (!got.ok()) return std::move(got).in(configuration.name).error();
      const std::string difference = test::difference_in_bits(*got, expected);
      if (!difference.empty())
        return Error{ErrorCode::mismatch,
                     fmt::format("{}, {}: {}", configuration.name, to_string(numerics), difference),
                     {},
                     {}};
      if (configuration.options.off.empty()) written = *std::move(got);
    }
  }
  return write_npz(test.outputs, written);
}

int run(const char* path) {
  std::ifstream cases(path);
  std::string line;
  while (std::getline(cases, line)) {
    const Json json = Json::parse(line);
    const Status status = run_case({.package = json.at("package"),
                                    .inputs = json.at("inputs"),
                                    .outputs = json.at("outputs"),
                                    .function = json.at("function"),
                                    .steps = json.value("steps", int64_t{1})});
    Json report = {{"id", json.at("id")}, {"status", status.ok() ? "ok" : "error"}};
    if (!status.ok()) report["message"] = status.error().to_string();
    fmt::print("{}\n", report.dump());
    std::fflush(stdout);
  }
  return 0;
}

}  // namespace
}  // namespace anemone

int main(int argc, char** argv) {
  if (argc == 3 && std::string_view(argv[1]) == "--batch") return anemone::run(argv[2]);
  fmt::print(stderr, "usage: {} --batch CASES\n", argv[0]);
  return 2;
}
