#include "bench/function_times.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "anemone/coreml.h"
#include "anemone/package.h"
#include "base/error.h"

namespace anemone::bench {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

/// In the order of their names; of a package itself, that one.
std::vector<fs::path> packages_at(const fs::path& model) {
  if (package::form_of(model)) return {model};
  std::vector<fs::path> found;
  std::error_code error;
  for (auto entry = fs::directory_iterator(model, error);
       !error && entry != fs::directory_iterator(); entry.increment(error))
    if (package::form_of(entry->path())) found.push_back(entry->path());
  std::ranges::sort(found);
  return found;
}

/// Times the functions of one package.
class PackageTimer {
 public:
  PackageTimer(const fs::path& path, const runtime::Options& runtime, const Options& options,
               Clock& clock)
      : path_(path), runtime_(runtime), options_(options), clock_(clock) {}

  Result<std::vector<FunctionTimes>> all(const RequestDone& done) {
    ANEMONE_TRY(const Series loads, load());
    std::string plan;
    std::string reason = "plans of time are Core ML's: the CPU executor ran it";
    if (model_->execution().backend == runtime::Backend::coreml) {
      auto written = runtime::compute_plan(path_, runtime_.compute_units);
      if (written.ok())
        plan = *std::move(written);
      else
        reason = written.error().to_string();
    }
    std::vector<FunctionTimes> all;
    for (const package::FunctionDescription& function : model_->package().functions) {
      FunctionTimes times{.package = path_.filename().string(), .function = function.name};
      times.load_ns = loads;
      ANEMONE_TRY(times.predict_ns, predict(function.name));
      times.reason = reason;
      if (!plan.empty()) {
        auto divided = divide_by_plan(plan, function.name);
        times.reason = divided.ok() ? "" : divided.error().to_string();
        if (divided.ok()) times.operations = *std::move(divided);
      }
      all.push_back(std::move(times));
      if (!done()) return fail(ErrorCode::interrupted, "interrupted");
    }
    return all;
  }

 private:
  Result<Series> load() {
    std::vector<double> times;
    for (int i = 0; i <= options_.loads; ++i) {
      model_.reset();
      const int64_t start = clock_.now_ns();
      ANEMONE_TRY(auto package, package::open(path_));
      ANEMONE_TRY(model_, runtime::Model::load(std::move(package), runtime_));
      if (i > 0) times.push_back(static_cast<double>(clock_.now_ns() - start));
    }
    return make_series(std::move(times), options_);
  }

  Result<Series> predict(const std::string& function) {
    ANEMONE_TRY(const auto runner, model_->prepare(function, {}));
    runtime::State state = model_->new_state();
    std::vector<double> times;
    for (int i = -options_.warmup; i < options_.repetitions; ++i) {
      const int64_t start = clock_.now_ns();
      ANEMONE_RETURN_IF_ERROR(runner->run(&state));
      if (i >= 0) times.push_back(static_cast<double>(clock_.now_ns() - start));
    }
    return make_series(std::move(times), options_);
  }

  const fs::path& path_;
  const runtime::Options& runtime_;
  const Options& options_;
  Clock& clock_;
  std::shared_ptr<runtime::Model> model_;
};

std::string text_at(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>() : "";
}

}  // namespace

Result<std::vector<FunctionTimes>> time_functions(const fs::path& model,
                                                  const runtime::Options& runtime,
                                                  const Options& options, Clock& clock,
                                                  const RequestDone& done) {
  std::vector<FunctionTimes> all;
  for (const fs::path& path : packages_at(model)) {
    auto own = PackageTimer(path, runtime, options, clock).all(done);
    if (!own.ok()) return std::move(own).in(path.filename().string()).error();
    std::ranges::move(*own, std::back_inserter(all));
  }
  return all;
}

Result<std::vector<OperationTime>> divide_by_plan(std::string_view plan,
                                                  std::string_view function) {
  const Json document = Json::parse(plan, nullptr, false);
  const Json none = Json::array();
  const Json* operations = nullptr;
  if (document.is_object() && document.contains("functions"))
    for (const Json& one : document["functions"])
      if (one.is_object() && text_at(one, "name") == function && one.contains("operations"))
        operations = &one["operations"];
  if (operations == nullptr || !operations->is_array())
    return fail(ErrorCode::corrupt, "the compute plan has no function '{}'", function);
  std::vector<OperationTime> times;
  double sum = 0;
  for (const Json& one : *operations) {
    const auto cost = one.is_object() ? one.find("cost") : one.end();
    if (!one.is_object() || cost == one.end() || !cost->is_number()) continue;
    OperationTime time{.type = text_at(one, "type"), .unit = text_at(one, "preferred")};
    if (time.unit.empty() || !(cost->get<double>() >= 0)) continue;
    const Json outputs = one.value("outputs", none);
    if (outputs.is_array() && !outputs.empty() && outputs[0].is_string())
      time.name = outputs[0].get<std::string>();
    time.share = cost->get<double>();
    sum += time.share;
    times.push_back(std::move(time));
  }
  if (!(sum > 0))
    return fail(ErrorCode::unsupported, "the compute plan has no costs of function '{}'", function);
  for (OperationTime& time : times) time.share /= sum;
  std::ranges::stable_sort(times, std::greater(), &OperationTime::share);
  return times;
}

}  // namespace anemone::bench
