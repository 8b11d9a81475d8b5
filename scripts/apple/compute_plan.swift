// Writes where Core ML would run each op of a model on this Mac, as JSON (docs/compute-plan.md).
//
//     swift scripts/apple/compute_plan.swift MODEL.mlmodelc|MODEL.mlpackage [all|cpu|cpu-gpu|cpu-ane] > plan.json
//
// Needs macOS 14.4. Loading a plan compiles the model for the Neural Engine: seconds to minutes.
import CoreML
import Foundation

struct PlanError: Error, CustomStringConvertible {
  let description: String
}

func unitName(_ device: MLComputeDevice) throws -> String {
  switch device {
  case .cpu: return "cpu"
  case .gpu: return "gpu"
  case .neuralEngine: return "neural_engine"
  @unknown default: throw PlanError(description: "a compute device that this script does not know: \(device)")
  }
}

func machine() -> String {
  var size = 0
  sysctlbyname("hw.model", nil, &size, nil, 0)
  var name = [CChar](repeating: 0, count: max(size, 1))
  sysctlbyname("hw.model", &name, &size, nil, 0)
  return String(cString: name)
}

/// "ios18.conv" is "conv".
func plainType(_ operatorName: String) -> String {
  String(operatorName.split(separator: ".").last ?? Substring(operatorName))
}

func operations(of block: MLModelStructure.Program.Block, in plan: MLComputePlan) throws -> [[String: Any]] {
  try block.operations.map { operation in
    let usage = plan.deviceUsage(for: operation)
    let cost = plan.estimatedCost(of: operation)
    return [
      "type": plainType(operation.operatorName),
      "outputs": operation.outputs.map(\.name),
      "preferred": try usage.map { try unitName($0.preferred) as Any } ?? NSNull(),
      "supported": try usage.map { try $0.supported.map(unitName) } ?? [],
      "cost": cost.map { $0.weight as Any } ?? NSNull(),
    ]
  }
}

func computeUnits(_ name: String) throws -> MLComputeUnits {
  switch name {
  case "all": return .all
  case "cpu": return .cpuOnly
  case "cpu-gpu": return .cpuAndGPU
  case "cpu-ane": return .cpuAndNeuralEngine
  default: throw PlanError(description: "units are all, cpu, cpu-gpu or cpu-ane, not \(name)")
  }
}

/// "15.5", as the other two ways of writing a plan say it.
func release() -> String {
  let version = ProcessInfo.processInfo.operatingSystemVersion
  let patch = version.patchVersion == 0 ? "" : ".\(version.patchVersion)"
  return "\(version.majorVersion).\(version.minorVersion)\(patch)"
}

/// A package is compiled into a temporary folder, which goes with the plan.
func loadPlan(_ url: URL, _ configuration: MLModelConfiguration) async throws -> MLComputePlan {
  if url.pathExtension == "mlmodelc" {
    return try await MLComputePlan.load(contentsOf: url, configuration: configuration)
  }
  let compiled = try await MLModel.compileModel(at: url)
  defer { try? FileManager.default.removeItem(at: compiled) }
  return try await MLComputePlan.load(contentsOf: compiled, configuration: configuration)
}

func main() async throws {
  let arguments = CommandLine.arguments
  guard arguments.count == 2 || arguments.count == 3 else {
    throw PlanError(description: "usage: compute_plan.swift MODEL [all|cpu|cpu-gpu|cpu-ane]")
  }
  let units = arguments.count == 3 ? arguments[2] : "cpu-ane"
  let configuration = MLModelConfiguration()
  configuration.computeUnits = try computeUnits(units)
  let model = URL(fileURLWithPath: arguments[1])
  let plan = try await loadPlan(model, configuration)
  guard case .program(let program) = plan.modelStructure else {
    throw PlanError(description: "\(arguments[1]) is no ML Program")
  }
  let functions: [[String: Any]] = try program.functions.sorted { $0.key < $1.key }.map {
    ["name": $0.key, "operations": try operations(of: $0.value.block, in: plan)]
  }
  let document: [String: Any] = [
    "format": "anemone-compute-plan",
    "version": 1,
    "model": model.lastPathComponent,
    "device": machine(),
    "operating_system": "macOS " + release(),
    "compute_units": units,
    "functions": functions,
  ]
  let data = try JSONSerialization.data(
    withJSONObject: document, options: [.prettyPrinted, .sortedKeys])
  FileHandle.standardOutput.write(data)
}

do {
  try await main()
} catch {
  FileHandle.standardError.write(Data("error: \(error)\n".utf8))
  exit(1)
}
