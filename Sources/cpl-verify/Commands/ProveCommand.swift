// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import CPLReference
import CPLVerify

struct ProveCommand: PinnableCommand {
  static let configuration = CommandConfiguration(
    commandName: "prove",
    abstract: "Writes certified radii as a bundle that an independent program checks.",
    discussion: """
      The radii are of the kind 'real': they speak of the network in real arithmetic with exactly the \
      stored numbers, so that any arithmetic can check them. The bundle is a folder: statement.json, \
      claims.json, weights.safetensors and images.npy, described in docs/proofs.md. 'cpl-check FOLDER' \
      (pip install ./checker) says whether every claim in it holds, and shares nothing with this program.

      Finished images are kept in FOLDER.journal until the bundle is written: a run that was interrupted \
      or killed continues with the same command and --resume. Exit code 2 when there is no image of which \
      anything can be claimed; there is no bundle then.
      """)

  @OptionGroup var weights: WeightsOptions
  @OptionGroup var dataOptions: DataOptions

  @Option(help: ArgumentHelp("The folder that becomes the bundle.", valueName: "folder"))
  var out: String

  @Flag(help: "Replace a bundle that is there.")
  var force = false

  @OptionGroup var resumption: ResumptionOptions
  @OptionGroup var options: RunOptions

  func validate() throws {
    if out.isEmpty { throw ValidationError("--out is the name of a folder, not empty") }
  }

  func run() throws {
    let proof = try ProofRun(out: out, resumes: resumption.resume, force: force)
    let judgement = try Judgement(
      try weights.read(), at: weights.weights, under: weights.judging, dataOptions.images, out: nil,
      options.workplace, certificate: .real)
    let program = (name: Program.version, digest: try Digest.ofFile("/proc/self/exe"))
    let summary = try resumption.run(judgement.workplace.observer, keeps: true) {
      try proof.run(judgement, program: program)
    }
    try show(summary, notices: judgement.report.provenance.notices ?? [])
    if summary.statementDigest == nil { throw Exit.inconclusive }
  }

  private func show(_ summary: ProofRun.Summary, notices: [Notice]) throws {
    let radii = summary.claims.map(\.radius).sorted()
    let median = radii.isEmpty ? nil : radii[radii.count / 2]
    if options.json {
      return try Output.json(
        Document(
          bundle: summary.statementDigest.map { _ in out }, statement: summary.statementDigest,
          images: summary.tried, claimed: summary.claims.count,
          lipschitzUpperBound: summary.lipschitz, medianRadius: median))
    }
    for notice in notices { try Output.line(notice.line) }
    guard let statement = summary.statementDigest else {
      return try Output.line("nothing can be claimed of any of \(summary.tried) images")
    }
    try Output.line(
      "\(out): claims of \(summary.claims.count) of \(summary.tried) images, median radius "
        + Rounding.down.text(median, digits: 6))
    try Output.line("SHA-256 of its statement: \(statement)")
    try Output.line("check it with: cpl-check \(Provenance.shellCommand([out]))")
  }

  private struct Document: Encodable {
    let bundle: String?
    let statement: String?
    let images: Int
    let claimed: Int
    let lipschitzUpperBound: Double
    let medianRadius: Double?
  }
}
