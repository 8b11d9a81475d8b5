// A model `input_ids` int32 [1, N] -> `logits` [1, N, V] by its path, for an app: add this file to its
// target. examples/swift has the same with a tokenizer, states and a choice among lengths.
//
//     let model = try await ANEInference(modelPath: "model_seq64.mlpackage")
//     let logits = try await model.predict(inputIDs: [791, 13180, 374])
//
// Needs macOS 14 or iOS 17, and Swift 5.10.
import CoreML
import Foundation

public enum ANEInferenceError: Error, Equatable {
  case modelNotFound(String)
  case invalidInput(String)
  /// Logits are missing, or not of the shape that the tokens ask for.
  case invalidOutput(String)
}

public actor ANEInference {
  /// Not marked Sendable by Core ML, whose asynchronous predictions leave the actor all the same.
  private nonisolated(unsafe) let model: MLModel

  /// Loads on all compute units; a package is compiled first.
  public init(modelPath: String) async throws {
    let url = URL(fileURLWithPath: modelPath)
    guard FileManager.default.fileExists(atPath: url.path) else {
      throw ANEInferenceError.modelNotFound(url.path)
    }
    let compiled = url.pathExtension == "mlmodelc" ? url : try await MLModel.compileModel(at: url)
    let configuration = MLModelConfiguration()
    configuration.computeUnits = .all
    model = try await MLModel.load(contentsOf: compiled, configuration: configuration)
  }

  /// Logits of the token that follows the last one. Tokens are padded to the model's length.
  public func predict(inputIDs: [Int32]) async throws -> [Float] {
    guard let last = inputIDs.indices.last else { throw ANEInferenceError.invalidInput("no tokens") }
    let declared = model.modelDescription.inputDescriptionsByName["input_ids"]?.multiArrayConstraint
    guard let length = declared?.shape.last?.intValue else {
      throw ANEInferenceError.invalidInput("the model has no array input_ids")
    }
    guard inputIDs.count <= length else {
      throw ANEInferenceError.invalidInput("\(inputIDs.count) tokens, the model takes \(length)")
    }
    let ids = try MLMultiArray(shape: [1, NSNumber(value: length)], dataType: .int32)
    for index in 0..<length {
      ids[[0, NSNumber(value: index)]] = NSNumber(value: index <= last ? inputIDs[index] : 0)
    }
    let features = try MLDictionaryFeatureProvider(dictionary: ["input_ids": ids])
    let result = try await model.prediction(from: features)
    guard let logits = result.featureValue(for: "logits")?.multiArrayValue else {
      throw ANEInferenceError.invalidOutput("there are no logits")
    }
    let shape = logits.shape.map(\.intValue)
    guard shape.count == 3, last < shape[1], shape[2] > 0 else {
      throw ANEInferenceError.invalidOutput("logits have shape \(shape)")
    }
    return (0..<shape[2]).map {
      logits[[0, NSNumber(value: last), NSNumber(value: $0)]].floatValue
    }
  }
}
