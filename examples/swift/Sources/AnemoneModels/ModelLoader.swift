import CoreML
import Foundation

/// Loads packages and compiled models.
public enum ModelLoader {
  /// Compiles a `.mlpackage` first; what is compiled already is loaded as it lies. `functionName`
  /// chooses a function of a package that has several.
  public static func load(
    _ path: String, units: MLComputeUnits = .all, functionName: String? = nil
  ) async throws -> MLModel {
    let url = URL(fileURLWithPath: path)
    guard FileManager.default.fileExists(atPath: url.path) else {
      throw ModelError.notFound(url.path)
    }
    let compiled =
      url.pathExtension == "mlmodelc" ? url : try await MLModel.compileModel(at: url)
    let configuration = MLModelConfiguration()
    configuration.computeUnits = units
    configuration.functionName = functionName
    return try await MLModel.load(contentsOf: compiled, configuration: configuration)
  }

  /// Inputs, outputs and states with their shapes, one line each.
  public static func describe(_ model: MLModel) -> String {
    let description = model.modelDescription
    var lines: [String] = []
    func add(_ role: String, _ features: [String: MLFeatureDescription]) {
      for (name, feature) in features.sorted(by: { $0.key < $1.key }) {
        if let array = feature.multiArrayConstraint {
          lines.append("\(role) \(name): \(array.shape), \(array.dataType.words)")
        } else if let state = feature.stateConstraint {
          lines.append("\(role) \(name): \(state.bufferShape), \(state.dataType.words)")
        } else {
          lines.append("\(role) \(name)")
        }
      }
    }
    add("input", description.inputDescriptionsByName)
    add("output", description.outputDescriptionsByName)
    add("state", description.stateDescriptionsByName)
    return lines.joined(separator: "\n")
  }
}

extension MLMultiArrayDataType {
  var words: String {
    switch self {
    case .float16: return "fp16"
    case .float32: return "fp32"
    case .double: return "fp64"
    case .int32: return "int32"
    default: return "type \(rawValue)"
    }
  }
}
