#include <sys/types.h>
#ifdef __APPLE__
#include <sys/sysctl.h>
#endif

#include <mutex>

#include "anemone/coreml.h"
#include "base/error.h"
#include "coreml/coreml_model.h"
#include "coreml/plan_document.h"
#include "runtime/coreml.h"

namespace anemone::runtime {
namespace {

namespace fs = std::filesystem;

/// Why Core ML cannot do what is asked, whatever the package is.
Status check(const package::Package& package, const Options& options) {
  const auto refuse = [](std::string what) {
    return with_hint(fail(ErrorCode::unsupported, "{}", what), "--backend cpu");
  };
  if (package.path.empty()) return refuse("Core ML runs packages on disk, and this has no path");
  if (options.numerics != Numerics::fp16)
    return refuse(fmt::format("numerics {} are the CPU executor's; Core ML follows the program",
                              to_string(options.numerics)));
  if (options.observer != nullptr)
    return refuse("values inside a function can be seen on the CPU executor only");
  return {};
}

/// At the first use of Core ML in this process alone: later other threads may read the environment.
void prepare_environment() {
  static std::once_flag once;
  std::call_once(once, set_coreml_variables);
}

/// As the machine names itself.
std::string device_name() {
#ifdef __APPLE__
  char name[64] = {};
  size_t size = sizeof(name) - 1;
  if (sysctlbyname("hw.model", name, &size, nullptr, 0) == 0) return name;
#endif
  return "unknown";
}

}  // namespace

bool has_coreml() { return true; }

Result<std::shared_ptr<Model>> load_coreml(const package::Package& package,
                                           const Options& options) {
  ANEMONE_RETURN_IF_ERROR(check(package, options).in(package.path.string()));
  prepare_environment();
  return coreml::CoremlModel::open(package, options).in(package.path.string());
}

Result<std::string> compute_plan(const fs::path& package, ComputeUnits units) {
  prepare_environment();
  ANEMONE_TRY(const auto opened, package::open(package));
  fs::path compiled = package;
  if (opened.form != package::Form::mlmodelc) {
    const coreml::CompiledCache cache(coreml::default_cache_folder(), coreml::system_version());
    ANEMONE_TRY(const auto entry, cache.find_or_make(package, coreml::compile));
    compiled = entry.model;
  }
  auto plan = coreml::load_plan(compiled, units, "");
  if (!plan.ok()) return std::move(plan).in(package.string()).error();
  const fs::path whole = fs::absolute(package).lexically_normal();
  return coreml::plan_document(
      {.model = (whole.has_filename() ? whole : whole.parent_path()).filename().string(),
       .device = device_name(),
       .operating_system = "macOS " + coreml::release_of(coreml::system_version()),
       .compute_units = units},
      *plan);
}

}  // namespace anemone::runtime
