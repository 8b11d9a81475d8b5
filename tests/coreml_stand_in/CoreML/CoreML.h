#pragma once

// The part of Core ML's public API that src/coreml calls, declared after Apple's documentation, so
// that the sources compile and run where there is no Core ML. stand_in.h says what a test can
// arrange and see. Instance variables stand here, as the runtime of GCC wants them.

#import <Foundation/Foundation.h>

#ifndef NS_NOESCAPE
#define NS_NOESCAPE
#endif

NS_ASSUME_NONNULL_BEGIN

extern NSString* const MLModelErrorDomain;

typedef NS_ENUM(NSInteger, MLComputeUnits) {
  MLComputeUnitsCPUOnly = 0,
  MLComputeUnitsCPUAndGPU = 1,
  MLComputeUnitsAll = 2,
  MLComputeUnitsCPUAndNeuralEngine = 3,
};

typedef NS_ENUM(NSInteger, MLMultiArrayDataType) {
  MLMultiArrayDataTypeFloat16 = 0x10010,
  MLMultiArrayDataTypeFloat32 = 0x10020,
  MLMultiArrayDataTypeDouble = 0x10040,
  MLMultiArrayDataTypeInt32 = 0x20020,
};

@interface MLMultiArray : NSObject {
  struct StandInArray* inside_;
}
- (nullable instancetype)initWithDataPointer:(void*)dataPointer
                                       shape:(NSArray<NSNumber*>*)shape
                                    dataType:(MLMultiArrayDataType)dataType
                                     strides:(NSArray<NSNumber*>*)strides
                                 deallocator:(void (^_Nullable)(void*))deallocator
                                       error:(NSError* _Nullable* _Nullable)error;
@property(readonly) MLMultiArrayDataType dataType;
@property(readonly) NSArray<NSNumber*>* shape;
@property(readonly) NSArray<NSNumber*>* strides;
@property(readonly) NSInteger count;
- (void)getBytesWithHandler:(void(NS_NOESCAPE ^)(const void* bytes, NSInteger size))handler;
- (void)getMutableBytesWithHandler:(void(NS_NOESCAPE ^)(void* mutableBytes, NSInteger size,
                                                        NSArray<NSNumber*>* strides))handler;
@end

@interface MLFeatureValue : NSObject {
  MLMultiArray* array_;
}
+ (instancetype)featureValueWithMultiArray:(MLMultiArray*)value;
@property(readonly, nullable) MLMultiArray* multiArrayValue;
@end

@protocol MLFeatureProvider <NSObject>
@property(readonly) NSSet<NSString*>* featureNames;
- (nullable MLFeatureValue*)featureValueForName:(NSString*)featureName;
@end

@interface MLDictionaryFeatureProvider : NSObject <MLFeatureProvider> {
  NSDictionary<NSString*, id>* values_;
}
- (nullable instancetype)initWithDictionary:(NSDictionary<NSString*, id>*)dictionary
                                      error:(NSError* _Nullable* _Nullable)error;
@end

@interface MLPredictionOptions : NSObject {
  NSDictionary<NSString*, id>* backings_;
}
@property(copy) NSDictionary<NSString*, id>* outputBackings;
@end

@interface MLModelConfiguration : NSObject {
  MLComputeUnits units_;
  NSString* function_;
}
@property MLComputeUnits computeUnits;
@property(nullable, copy) NSString* functionName;
@end

@interface MLState : NSObject {
 @public
  struct StandInState* inside_;
}
- (void)getMultiArrayForStateNamed:(NSString*)stateName
                           handler:(void(NS_NOESCAPE ^)(MLMultiArray* buffer))handler;
@end

@interface MLModel : NSObject {
  struct StandInModel* inside_;
}
+ (nullable instancetype)modelWithContentsOfURL:(NSURL*)url
                                  configuration:(MLModelConfiguration*)configuration
                                          error:(NSError* _Nullable* _Nullable)error;
+ (void)compileModelAtURL:(NSURL*)modelURL
        completionHandler:
            (void (^)(NSURL* _Nullable compiledModelURL, NSError* _Nullable error))handler;
- (MLState*)newState;
- (nullable id<MLFeatureProvider>)predictionFromFeatures:(id<MLFeatureProvider>)input
                                                 options:(MLPredictionOptions*)options
                                                   error:(NSError* _Nullable* _Nullable)error;
- (nullable id<MLFeatureProvider>)predictionFromFeatures:(id<MLFeatureProvider>)inputFeatures
                                              usingState:(MLState*)state
                                                 options:(MLPredictionOptions*)options
                                                   error:(NSError* _Nullable* _Nullable)error;
@end

@protocol MLComputeDeviceProtocol <NSObject>
@end
@interface MLCPUComputeDevice : NSObject <MLComputeDeviceProtocol>
@end
@interface MLGPUComputeDevice : NSObject <MLComputeDeviceProtocol>
@end
@interface MLNeuralEngineComputeDevice : NSObject <MLComputeDeviceProtocol>
@end

@interface MLModelStructureProgramNamedValueType : NSObject {
 @public
  NSString* name_;
}
@property(readonly) NSString* name;
@end
@interface MLModelStructureProgramOperation : NSObject {
 @public
  NSString* type_;
  NSMutableArray* outputs_;
}
@property(readonly) NSString* operatorName;
@property(readonly) NSArray<MLModelStructureProgramNamedValueType*>* outputs;
@end
@interface MLModelStructureProgramBlock : NSObject {
 @public
  NSMutableArray* operations_;
}
@property(readonly) NSArray<MLModelStructureProgramOperation*>* operations;
@end
@interface MLModelStructureProgramFunction : NSObject {
 @public
  MLModelStructureProgramBlock* block_;
}
@property(readonly) MLModelStructureProgramBlock* block;
@end
@interface MLModelStructureProgram : NSObject {
 @public
  NSMutableDictionary* functions_;
}
@property(readonly) NSDictionary<NSString*, MLModelStructureProgramFunction*>* functions;
@end
@interface MLModelStructure : NSObject {
 @public
  MLModelStructureProgram* program_;
}
@property(readonly, nullable) MLModelStructureProgram* program;
@end

@interface MLComputePlanDeviceUsage : NSObject {
 @public
  NSMutableArray* supported_;
  id<MLComputeDeviceProtocol> preferred_;
}
@property(readonly) NSArray<id<MLComputeDeviceProtocol>>* supportedComputeDevices;
@property(readonly) id<MLComputeDeviceProtocol> preferredComputeDevice;
@end
@interface MLComputePlanCost : NSObject {
 @public
  double weight_;
}
@property(readonly) double weight;
@end
@interface MLComputePlan : NSObject {
  MLModelStructure* structure_;
  MLComputeUnits units_;
}
+ (void)loadContentsOfURL:(NSURL*)url
            configuration:(MLModelConfiguration*)configuration
        completionHandler:
            (void (^)(MLComputePlan* _Nullable computePlan, NSError* _Nullable error))handler;
@property(readonly) MLModelStructure* modelStructure;
- (nullable MLComputePlanDeviceUsage*)computeDeviceUsageForMLProgramOperation:
    (MLModelStructureProgramOperation*)operation;
- (nullable MLComputePlanCost*)estimatedCostOfMLProgramOperation:
    (MLModelStructureProgramOperation*)operation;
@end

NS_ASSUME_NONNULL_END
