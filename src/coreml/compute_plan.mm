#include <algorithm>

#include "coreml/completion.h"
#include "coreml/objects.h"

namespace anemone::coreml {
namespace {

std::string unit_of(id<MLComputeDeviceProtocol> device) {
  if ([device isKindOfClass:[MLNeuralEngineComputeDevice class]]) return "neural_engine";
  if ([device isKindOfClass:[MLGPUComputeDevice class]]) return "gpu";
  if ([device isKindOfClass:[MLCPUComputeDevice class]]) return "cpu";
  return to_std(NSStringFromClass([(NSObject*)device class]));
}

PlannedOperation planned(MLModelStructureProgramOperation* operation, MLComputePlan* plan) {
  PlannedOperation result;
  const std::string name = to_std(operation.operatorName);
  result.type = name.substr(name.rfind('.') + 1);
  for (MLModelStructureProgramNamedValueType* output in operation.outputs)
    result.outputs.push_back(to_std(output.name));
  if (MLComputePlanDeviceUsage* const usage =
          [plan computeDeviceUsageForMLProgramOperation:operation]) {
    result.preferred = unit_of(usage.preferredComputeDevice);
    for (id<MLComputeDeviceProtocol> device in usage.supportedComputeDevices)
      result.supported.push_back(unit_of(device));
  }
  if (MLComputePlanCost* const cost = [plan estimatedCostOfMLProgramOperation:operation])
    result.cost = cost.weight;
  return result;
}

Result<std::vector<PlannedFunction>> read_plan(MLComputePlan* plan) {
  MLModelStructureProgram* const program = plan.modelStructure.program;
  if (program == nil) return fail(ErrorCode::unsupported, "Core ML plans: this is no ML Program");
  std::vector<PlannedFunction> functions;
  for (NSString* name in program.functions) {
    PlannedFunction function{to_std(name), {}};
    for (MLModelStructureProgramOperation* operation in [program.functions objectForKey:name]
             .block.operations)
      function.operations.push_back(planned(operation, plan));
    functions.push_back(std::move(function));
  }
  std::ranges::sort(functions, {}, &PlannedFunction::name);
  return functions;
}

}  // namespace

Result<std::vector<PlannedFunction>> load_plan(const std::filesystem::path& compiled,
                                               runtime::ComputeUnits units,
                                               const std::string& function) {
  using Plan = Result<std::vector<PlannedFunction>>;
  if (@available(macOS 14.4, iOS 17.4, *)) {
    @autoreleasepool {
      return guarded(ErrorCode::unsupported, "planning", [&]() -> Plan {
        Completion completion;
        Completion* const done = &completion;
        // What the handler is given is kept and read here: nothing may be raised on its thread.
        Retained<MLComputePlan*> plan;
        Retained<NSError*> refused;
        Retained<MLComputePlan*>* const kept = &plan;
        Retained<NSError*>* const failure = &refused;
        [MLComputePlan loadContentsOfURL:to_url(compiled)
                           configuration:configuration_of(units, function)
                       completionHandler:^(MLComputePlan* loaded, NSError* error) {
                         *kept = Retained<MLComputePlan*>::share(loaded);
                         *failure = Retained<NSError*>::share(error);
                         done->finish();
                       }];
        completion.wait();
        if (plan.get() == nil) return to_error(ErrorCode::unsupported, "planning", refused.get());
        return read_plan(plan.get());
      });
    }
  }
  return fail(ErrorCode::unsupported, "compute plans need macOS 14.4");
}

}  // namespace anemone::coreml
