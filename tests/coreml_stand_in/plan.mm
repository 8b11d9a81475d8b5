#include <memory>

#include "coreml_stand_in/arrays.h"
#include "coreml_stand_in/elsewhere.h"
#include "coreml_stand_in/program.h"

using anemone::stand_in::journal;
using anemone::stand_in::Program;

@implementation MLCPUComputeDevice
@end
@implementation MLGPUComputeDevice
@end
@implementation MLNeuralEngineComputeDevice
@end

@implementation MLModelStructureProgramNamedValueType
- (NSString*)name {
  return name_;
}
- (void)dealloc {
  [name_ release];
  [super dealloc];
}
@end

@implementation MLModelStructureProgramOperation
- (NSString*)operatorName {
  return type_;
}
- (NSArray<MLModelStructureProgramNamedValueType*>*)outputs {
  return outputs_;
}
- (void)dealloc {
  [type_ release];
  [outputs_ release];
  [super dealloc];
}
@end

@implementation MLModelStructureProgramBlock
- (NSArray<MLModelStructureProgramOperation*>*)operations {
  return operations_;
}
- (void)dealloc {
  [operations_ release];
  [super dealloc];
}
@end

@implementation MLModelStructureProgramFunction
- (MLModelStructureProgramBlock*)block {
  return block_;
}
- (void)dealloc {
  [block_ release];
  [super dealloc];
}
@end

@implementation MLModelStructureProgram
- (NSDictionary<NSString*, MLModelStructureProgramFunction*>*)functions {
  return functions_;
}
- (void)dealloc {
  [functions_ release];
  [super dealloc];
}
@end

@implementation MLModelStructure
- (MLModelStructureProgram*)program {
  return program_;
}
- (void)dealloc {
  [program_ release];
  [super dealloc];
}
@end

@implementation MLComputePlanDeviceUsage
- (NSArray<id<MLComputeDeviceProtocol>>*)supportedComputeDevices {
  return supported_;
}
- (id<MLComputeDeviceProtocol>)preferredComputeDevice {
  return preferred_;
}
- (void)dealloc {
  [supported_ release];
  [(NSObject*)preferred_ release];
  [super dealloc];
}
@end

@implementation MLComputePlanCost
- (double)weight {
  return weight_;
}
@end

namespace {

MLModelStructureProgramFunction* function_of(const anemone::mil::Function& function) {
  MLModelStructureProgramBlock* const block = [[MLModelStructureProgramBlock alloc] init];
  block->operations_ = [[NSMutableArray alloc] init];
  for (const anemone::mil::Operation& operation : function.block.operations) {
    MLModelStructureProgramOperation* const made =
        [[[MLModelStructureProgramOperation alloc] init] autorelease];
    made->type_ = [[NSString stringWithFormat:@"ios18.%s", operation.type.c_str()] retain];
    made->outputs_ = [[NSMutableArray alloc] init];
    for (const anemone::mil::NamedType& output : operation.outputs) {
      MLModelStructureProgramNamedValueType* const named =
          [[[MLModelStructureProgramNamedValueType alloc] init] autorelease];
      named->name_ = [[NSString stringWithUTF8String:output.name.c_str()] retain];
      [made->outputs_ addObject:named];
    }
    [block->operations_ addObject:made];
  }
  MLModelStructureProgramFunction* const made =
      [[[MLModelStructureProgramFunction alloc] init] autorelease];
  made->block_ = block;
  return made;
}

}  // namespace

@implementation MLComputePlan

+ (void)loadContentsOfURL:(NSURL*)url
            configuration:(MLModelConfiguration*)configuration
        completionHandler:(void (^)(MLComputePlan* _Nullable, NSError* _Nullable))handler {
  journal().plans.push_back(
      {[[url path] UTF8String],
       configuration.functionName == nil ? "" : [configuration.functionName UTF8String],
       static_cast<int>(configuration.computeUnits)});
  std::string reason;
  const auto program = Program::open([[url path] UTF8String], reason);
  if (program == nullptr) {
    anemone::stand_in::run_elsewhere(^{
      handler(nil, [NSError errorWithDomain:MLModelErrorDomain
                                       code:1
                                   userInfo:@{
                                     NSLocalizedDescriptionKey :
                                         [NSString stringWithUTF8String:reason.c_str()]
                                   }]);
    });
    return;
  }
  MLModelStructureProgram* const structure = [[MLModelStructureProgram alloc] init];
  structure->functions_ = [[NSMutableDictionary alloc] init];
  for (const anemone::mil::Function& function : program->program().functions)
    [structure->functions_ setObject:function_of(function)
                              forKey:[NSString stringWithUTF8String:function.name.c_str()]];
  MLComputePlan* const plan = [[MLComputePlan alloc] init];
  plan->structure_ = [[MLModelStructure alloc] init];
  plan->structure_->program_ = structure;
  plan->units_ = configuration.computeUnits;
  anemone::stand_in::run_elsewhere(^{
    handler(plan, nil);
    [plan release];
  });
}

- (void)dealloc {
  [structure_ release];
  [super dealloc];
}

- (MLModelStructure*)modelStructure {
  return structure_;
}

/// Linear algebra goes to the Neural Engine where it may be used, all else to the CPU.
- (nullable MLComputePlanDeviceUsage*)computeDeviceUsageForMLProgramOperation:
    (MLModelStructureProgramOperation*)operation {
  if ([operation.operatorName hasSuffix:@".const"]) return nil;
  const bool engine_allowed =
      units_ == MLComputeUnitsAll || units_ == MLComputeUnitsCPUAndNeuralEngine;
  const bool on_engine = engine_allowed && ([operation.operatorName hasSuffix:@".conv"] ||
                                            [operation.operatorName hasSuffix:@".matmul"] ||
                                            [operation.operatorName hasSuffix:@".linear"]);
  MLComputePlanDeviceUsage* const usage = [[[MLComputePlanDeviceUsage alloc] init] autorelease];
  usage->supported_ = [[NSMutableArray alloc] init];
  MLCPUComputeDevice* const cpu = [[[MLCPUComputeDevice alloc] init] autorelease];
  [usage->supported_ addObject:cpu];
  usage->preferred_ = [cpu retain];
  if (on_engine) {
    MLNeuralEngineComputeDevice* const engine = [[MLNeuralEngineComputeDevice alloc] init];
    [usage->supported_ addObject:engine];
    [(NSObject*)usage->preferred_ release];
    usage->preferred_ = engine;
  }
  return usage;
}

- (nullable MLComputePlanCost*)estimatedCostOfMLProgramOperation:
    (MLModelStructureProgramOperation*)operation {
  if ([operation.operatorName hasSuffix:@".const"]) return nil;
  MLComputePlanCost* const cost = [[[MLComputePlanCost alloc] init] autorelease];
  cost->weight_ = 0.5;
  return cost;
}
@end
