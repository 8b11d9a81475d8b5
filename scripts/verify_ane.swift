// Loads a model on all compute units and prints what it is.
//
//     swift scripts/verify_ane.swift MODEL.mlpackage|MODEL.mlmodelc
//
// Loading says whether Core ML takes the model at all. Where it runs, this cannot tell: record it with
// Instruments' Core ML template (docs/deployment.md) or write the plan (scripts/apple/compute_plan.swift).
// Needs macOS 15. Exit: 0 loaded, 1 refused, 2 wrong arguments.
import CoreML
import Foundation

func fail(_ message: String, code: Int32) -> Never {
  FileHandle.standardError.write(Data("error: \(message)\n".utf8))
  exit(code)
}

func lines(_ role: String, _ features: [String: MLFeatureDescription]) -> [String] {
  features.sorted { $0.key < $1.key }.map { name, feature in
    if let array = feature.multiArrayConstraint {
      return "  \(role) \(name) \(array.shape) type \(array.dataType.rawValue)"
    }
    if let state = feature.stateConstraint {
      return "  \(role) \(name) \(state.bufferShape) type \(state.dataType.rawValue)"
    }
    return "  \(role) \(name)"
  }
}

let arguments = CommandLine.arguments
guard arguments.count == 2 else {
  fail("usage: verify_ane.swift MODEL.mlpackage|MODEL.mlmodelc", code: 2)
}
let url = URL(fileURLWithPath: arguments[1])
guard FileManager.default.fileExists(atPath: url.path) else {
  fail("\(url.path) does not exist", code: 1)
}
do {
  let isCompiled = url.pathExtension == "mlmodelc"
  let compiled = isCompiled ? url : try await MLModel.compileModel(at: url)
  defer { if !isCompiled { try? FileManager.default.removeItem(at: compiled) } }
  let configuration = MLModelConfiguration()
  configuration.computeUnits = .all
  let start = Date()
  let model = try await MLModel.load(contentsOf: compiled, configuration: configuration)
  let seconds = String(format: "%.2f", Date().timeIntervalSince(start))
  print("\(url.lastPathComponent): loaded on all compute units in \(seconds) s")
  let description = model.modelDescription
  for line in lines("input", description.inputDescriptionsByName)
    + lines("output", description.outputDescriptionsByName)
    + lines("state", description.stateDescriptionsByName)
  {
    print(line)
  }
  print("Where it runs: Instruments, template Core ML; see docs/deployment.md")
} catch {
  fail("Core ML refuses \(url.lastPathComponent): \(error.localizedDescription)", code: 1)
}
