import CoreML
import CryptoKit
import Foundation

/// Loads packages and compiled models.
public enum ModelLoader {
  /// Compiles a `.mlpackage` first, once, into the user's caches; what is compiled already is loaded as
  /// it lies. `functionName` chooses a function of a package that has several.
  public static func load(
    _ path: String, units: MLComputeUnits = .all, functionName: String? = nil
  ) async throws -> MLModel {
    let url = URL(fileURLWithPath: path)
    guard FileManager.default.fileExists(atPath: url.path) else {
      throw ModelError.notFound(url.path)
    }
    let compiled = url.pathExtension == "mlmodelc" ? url : try await compiledForm(of: url)
    let configuration = MLModelConfiguration()
    configuration.computeUnits = units
    configuration.functionName = functionName
    return try await MLModel.load(contentsOf: compiled, configuration: configuration)
  }

  private static func compiledForm(of package: URL) async throws -> URL {
    let files = FileManager.default
    let folder = try files.url(
      for: .cachesDirectory, in: .userDomainMask, appropriateFor: nil, create: true
    ).appendingPathComponent("anemone-swift", isDirectory: true)
    let kept = folder.appendingPathComponent(try key(of: package) + ".mlmodelc", isDirectory: true)
    if files.fileExists(atPath: kept.path) { return kept }
    let made = try await MLModel.compileModel(at: package)
    try files.createDirectory(at: folder, withIntermediateDirectories: true)
    do {
      try files.moveItem(at: made, to: kept)
    } catch where files.fileExists(atPath: kept.path) {  // another load was faster
      try? files.removeItem(at: made)
    }
    return kept
  }

  /// Another one for other files, and for another version of the system, whose compiler may be another.
  static func key(of package: URL) throws -> String {
    var words = [package.path, ProcessInfo.processInfo.operatingSystemVersionString]
    let keys: [URLResourceKey] = [.fileSizeKey, .contentModificationDateKey]
    guard
      let files = FileManager.default.enumerator(at: package, includingPropertiesForKeys: keys)
    else { throw ModelError.notFound(package.path) }
    for case let file as URL in files {
      let values = try file.resourceValues(forKeys: Set(keys))
      let changed = values.contentModificationDate?.timeIntervalSince1970 ?? 0
      words.append("\(file.path) \(values.fileSize ?? 0) \(changed)")
    }
    let digest = SHA256.hash(data: Data(words.sorted().joined(separator: "\n").utf8))
    return digest.map { String(format: "%02x", $0) }.joined()
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
