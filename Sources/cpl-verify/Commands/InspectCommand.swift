// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import CPLReference
import CPLVerify

struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Shows what a file holds, without running anything in it.",
    discussion: """
      Reads weights, this program's and others' HDF5 files, safetensors files, PyTorch checkpoints \
      and NumPy's arrays. It shows every tensor as it is stored, also where they make no network \
      that this program knows; then it says what is wrong with them.
      """)

  @Argument(help: "The file.", completion: .file())
  var file: String

  @OptionGroup(title: "What a PyTorch checkpoint does not store") var unstored: UnstoredOptions
  @OptionGroup var output: OutputOptions

  func run() throws {
    let result = try Inspection(file, unstored.settings)
    guard !output.json else { return try Output.json(result) }
    func row(_ label: String, _ text: String?) throws {
      if let text { try Output.line(label.padding(12) + text) }
    }
    try row("format", result.format)
    try row("holds", result.holds)
    try row("digest", result.digest ?? result.contentDigest)
    let commit = result.gitCommit.map { $0 == "unknown" ? "" : ", commit \($0)" }
    try row("written by", result.createdBy.map { $0 + (commit ?? "") })
    try row("profile", result.profile)
    try row("training", result.epoch.map { "\($0) epochs done" })
    try row("parameters", result.parameters.map(String.init))
    if result.holds == nil {
      try row("network", result.architecture ?? "none: \(result.problem ?? "")")
    } else {
      try row("problem", result.problem)
    }
    if let networks = result.networks, networks.count > 1 {
      try row("networks", networks.map { "'\($0.forMessage)'" }.joined(separator: ", "))
    }
    for note in result.notes { try row("note", note) }
    guard !(result.tensors.isEmpty && (result.company ?? []).isEmpty) else { return }
    var table = TextTable(["", "tensor", "type", "shape"])
    for tensor in result.tensors {
      let shape = tensor.shape.map(String.init).joined(separator: "×")
      let problem =
        tensor.problem.map { "  not read: \($0.forMessage)" }
        ?? (tensor.skipped == true ? "  passed over" : "")
      table.add(["", tensor.name.forMessage, tensor.dtype.forMessage, shape + problem])
    }
    for member in result.company ?? [] {
      table.add(["", member.name.forMessage, member.what.forMessage, "passed over"])
    }
    try Output.table(table)
  }
}
