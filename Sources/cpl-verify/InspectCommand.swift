import ArgumentParser
import CPLReference

struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect", abstract: "Shows what a file of weights holds.")

  @Argument(help: "The file.", completion: .file())
  var file: String

  @OptionGroup var output: OutputOptions

  func run() throws {
    let checkpoint = try Checkpoint(path: file)
    let result = Result(
      format: "cpl-weights", digest: checkpoint.digest,
      profile: checkpoint.description.profile.name,
      createdBy: checkpoint.description.createdBy, gitCommit: checkpoint.description.gitCommit,
      parameters: checkpoint.network.parameterCount, epoch: checkpoint.training?.epoch,
      tensors: checkpoint.network.layers.flatMap { layer in
        layer.parameters.map {
          Result.Stored(name: "\(layer.name)/\($0.name)", shape: $0.value.shape, dtype: "float32")
        }
      })
    guard !output.json else { return try Output.json(result) }
    try Output.line("format      \(result.format), digest \(result.digest)")
    try Output.line("written by  \(result.createdBy), commit \(result.gitCommit)")
    try Output.line("profile     \(result.profile)")
    if let epoch = result.epoch { try Output.line("training    \(epoch) epochs done") }
    try Output.line("parameters  \(result.parameters)")
    for tensor in result.tensors {
      let shape = tensor.shape.map(String.init).joined(separator: "×")
      try Output.line("  \(tensor.name.padding(32)) \(shape)")
    }
  }

  private struct Result: Encodable {
    struct Stored: Encodable {
      let name: String
      let shape: [Int]
      let dtype: String
    }
    let format: String
    let digest: String
    let profile: String
    let createdBy: String
    let gitCommit: String
    let parameters: Int
    let epoch: Int?
    let tensors: [Stored]
  }
}
