import ArgumentParser
import CPLReference

struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Shows what a file of weights holds, without running anything in it.",
    discussion: """
      Reads this program's HDF5 files, safetensors files and PyTorch checkpoints. Of the latter two \
      it shows every tensor as it is stored, also where they make no network that this program \
      knows; then it says what is wrong with them.
      """)

  @Argument(help: "The file.", completion: .file())
  var file: String

  @OptionGroup(title: "What a PyTorch checkpoint does not store") var unstored: UnstoredOptions
  @OptionGroup var output: OutputOptions

  func run() throws {
    let result = try Result(file, unstored)
    guard !output.json else { return try Output.json(result) }
    func row(_ label: String, _ text: String?) throws {
      if let text { try Output.line(label.padding(12) + text) }
    }
    try row("format", result.format)
    try row("digest", result.digest)
    let commit = result.gitCommit.map { $0 == "unknown" ? "" : ", commit \($0)" }
    try row("written by", result.createdBy.map { $0 + (commit ?? "") })
    try row("profile", result.profile)
    try row("training", result.epoch.map { "\($0) epochs done" })
    try row("parameters", result.parameters.map(String.init))
    try row("network", result.architecture ?? "none: \(result.problem ?? "")")
    for note in result.notes { try row("note", note) }
    for tensor in result.tensors {
      let shape = tensor.shape.map(String.init).joined(separator: "×")
      try Output.line("  \(tensor.name.padding(44)) \(tensor.dtype.padding(9)) \(shape)")
    }
  }

  private struct Result: Encodable {
    struct Stored: Encodable {
      let name: String
      let shape: [Int]
      let dtype: String
    }
    let format: String
    var digest: String?
    var profile: String?
    var createdBy: String?
    var gitCommit: String?
    var architecture: String?
    var parameters: Int?
    var epoch: Int?
    /// Why the tensors are no network.
    var problem: String?
    var notes: [String] = []
    let tensors: [Stored]

    init(_ file: String, _ unstored: UnstoredOptions) throws {
      guard let dictionary = try StateDictionary.inForeignFile(file) else {
        let checkpoint = try unstored.read(file)
        format = checkpoint.format
        tensors = checkpoint.network.layers.flatMap { layer in
          layer.parameters.map {
            Stored(name: "\(layer.name)/\($0.name)", shape: $0.value.shape, dtype: "float32")
          }
        }
        describe(checkpoint)
        return
      }
      format = dictionary.format.rawValue
      tensors = dictionary.tensors.map {
        Stored(name: $0.name, shape: $0.shape, dtype: $0.format.rawValue)
      }
      do {
        describe(try Checkpoint(dictionary, settings: unstored.settings))
      } catch let error as ReferenceError {
        problem = "\(error)"
      }
    }

    private mutating func describe(_ checkpoint: Checkpoint) {
      digest = checkpoint.digest
      profile = checkpoint.description.profile.name
      createdBy = checkpoint.description.createdBy
      gitCommit = checkpoint.description.gitCommit
      architecture = checkpoint.architecture
      parameters = checkpoint.network.parameterCount
      epoch = checkpoint.training?.epoch
      notes = checkpoint.notes
    }
  }
}
