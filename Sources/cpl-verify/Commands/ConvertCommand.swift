// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import CPLReference
import CPLVerify

struct ConvertCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "convert",
    abstract: "Writes weights in another format.",
    discussion: """
      Reads an HDF5 file of this program's, a safetensors file, or a PyTorch checkpoint with the \
      published names, and writes HDF5 (OUT ends in .h5) or safetensors (in .safetensors). The \
      latter has the published names, each tensor once; PyTorch loads it with \
      safetensors.torch.load_model(model, file). Every number is kept bit by bit, but for float64, \
      which is rounded to binary32; a training run's state is left behind.
      """)

  @Argument(help: "The weights.", completion: .file())
  var input: String

  @Argument(help: "The file to write.", completion: .file())
  var out: String

  @Flag(help: "Replace OUT where it exists already.")
  var force = false

  @OptionGroup(title: "What a PyTorch checkpoint does not store") var unstored: UnstoredOptions
  @OptionGroup var output: OutputOptions

  private enum Target: String, CaseIterable {
    case hdf5 = ".h5"
    case safetensors = ".safetensors"
  }

  private var target: Target? { Target.allCases.first { out.hasSuffix($0.rawValue) } }

  func validate() throws {
    guard target != nil else {
      let endings = Target.allCases.map(\.rawValue).joined(separator: " or ")
      throw ValidationError("the file to write ends in \(endings), not '\(out)'")
    }
  }

  func run() throws {
    let checkpoint = try unstored.read(input)
    try ResultFile.check(out, notReplacing: input, force: force)
    for note in checkpoint.notes { output.progress.note("\(input): \(note)") }
    var description = checkpoint.description
    let remark = ", converted by cpl-verify \(Program.number)"
    if !description.createdBy.hasPrefix("cpl-verify"), !description.createdBy.hasSuffix(remark) {
      description.createdBy += remark
    }
    switch target {
    case .hdf5:
      try checkpoint.network.write(
        to: out, description: description, published: checkpoint.published)
    case .safetensors: try checkpoint.writeSafetensors(to: out, description: description)
    case nil: break
    }
    let summary = Summary(
      weights: out, from: checkpoint.format, digest: checkpoint.digest,
      architecture: checkpoint.architecture, parameters: checkpoint.network.parameterCount,
      notes: checkpoint.notes)
    if output.json { return try Output.json(summary) }
    try Output.line("\(out): \(summary.parameters) parameters, digest \(summary.digest)")
  }

  private struct Summary: Encodable {
    let weights: String
    let from: String
    let digest: String
    let architecture: String
    let parameters: Int
    let notes: [String]
  }
}
