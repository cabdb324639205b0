// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import CPLReference
import CPLVerify
import Foundation

struct SelftestCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "selftest",
    abstract:
      "Plants faults in a network and in this program's components: does 'verify' see them?",
    discussion: """
      Each fault is planted in a copy, the checks of 'verify' are run on it, and a check that is named \
      for the fault must come out violated. Without a fault none may.

      Exit code 0 when every fault is caught and nothing else is, 1 otherwise.
      """)

  @Argument(
    help: "The weights, such as RUN/last.h5; the built-in network without them.",
    completion: .file())
  var weights: String?

  @OptionGroup(title: "What a PyTorch checkpoint does not store") var unstored: UnstoredOptions

  @OptionGroup var choice: CheckOptions

  @Option(
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp("Plant only the faults whose names match; repeatable.", valueName: "pattern")
  )
  var fault: [String] = []

  @Flag(help: "List the faults and do nothing.")
  var list = false

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "How many seeds the checks are run with when no fault is planted.", valueName: "count"))
  var seeds = 1

  @Option(parsing: .unconditional, help: "The seed that everything random comes from.")
  var seed: UInt64 = 0

  @Option(help: ArgumentHelp("Also draw the matrix of faults and checks.", valueName: "file.svg"))
  var svg: String?

  @Flag(help: "Replace the drawing where it exists already.")
  var force = false

  @OptionGroup var dataOptions: DataOptions
  @OptionGroup var options: RunOptions

  func validate() throws {
    guard (1...10_000).contains(seeds) else {
      throw ValidationError("--seeds is 1 to 10000, not \(seeds)")
    }
    if svg == "" { throw ValidationError("--svg is the name of a file, not empty") }
  }

  func run() throws {
    let faults = PlantedFault.all.filter { known in
      fault.isEmpty || fault.contains { fnmatch($0, known.id, 0) == 0 }
    }
    guard !faults.isEmpty else {
      throw ValidationError("no fault's name matches; --list shows all")
    }
    if list {
      for fault in faults {
        try Output.line("\(fault.id.padding(26)) \(fault.statement)")
      }
      return
    }
    let checks = try choice.checks()
    if let svg { try ResultFile.check(svg, notReplacing: weights ?? "", force: force) }
    let start = Date()
    let progress = options.progress
    let scratch = try Folder.temporary()
    defer { Folder.remove(scratch) }
    let subject = try CheckSubject(
      weights, unstored.settings, dataOptions.images, scratch: scratch)
    var context = subject.context(seed: seed, effort: .quick, workers: options.workers)
    context.verified = try VerifiedNetwork(
      subject.stored, profile: .corrected, workers: options.workers
    ) { _, _ in }
    let matrix = try FaultMatrix(
      faults, checks, context, stored: subject.stored, seeds: seeds,
      clock: { Date().timeIntervalSince(start) }
    ) { done, total, next in
      progress.update(WorkProgress("testing: \(next)", done: done, total: total, unit: "runs"))
      try Interruption.check()
    }
    let sensitivity =
      fault.isEmpty ? try Sensitivity(context, stored: subject.stored) : nil
    progress.finish()
    if let svg { try AtomicFile.write(Data(FaultGrid(matrix).drawing(isFile: true).utf8), to: svg) }
    if options.json {
      try Output.json(Document(matrix, sensitivity, seconds: Date().timeIntervalSince(start)))
    } else {
      try show(matrix, sensitivity)
    }
    if matrix.verdict != .holds { throw Exit.violated }
  }

  private func show(_ matrix: FaultMatrix, _ sensitivity: Sensitivity?) throws {
    let grid = FaultGrid(matrix)
    for (number, check) in grid.checks.enumerated() {
      try Output.line("\(String(number + 1).padding(3)) \(check)")
    }
    let header = grid.checks.indices.map { String($0 + 1).padding(3) }.joined()
    try Output.line("\n\("fault".padding(26)) \(header)  caught")
    for row in grid.rows {
      let marks = row.marks.map { $0.rawValue.padding(3) }.joined()
      let caught = row.isCaught.map { $0 ? "  yes" : "  NO" } ?? ""
      try Output.line("\(row.name.padding(26)) \(marks)\(caught)")
    }
    try Output.line("\n\(FaultGrid.legend)")
    if let sensitivity {
      for (check, excess) in sensitivity.stepExcess.sorted(by: { $0.key < $1.key }) {
        try Output.line("smallest η with h = (2 + η)/‖W‖² that \(check) catches: \(excess)")
      }
      let inflation = sensitivity.radiusInflation.map { "\($0)" } ?? "none"
      try Output.line("smallest inflation of radii that certificate.valid catches: \(inflation)")
    }
    for (seed, result) in matrix.falseAlarms {
      try Output.line("FALSE ALARM: \(result.id), seed \(seed): \(result.finding)")
    }
    try Output.line(
      "verdict: \(matrix.verdict.rawValue): \(matrix.rows.count { $0.isCaught }) of "
        + "\(matrix.rows.count) faults caught, \(matrix.falseAlarms.count) false alarms")
  }

  private struct Document: Encodable {
    struct Fault: Encodable {
      let id: String
      let statement: String
      let caught: Bool
      let caughtBy: [String]
      let namedChecks: [String]
    }
    struct Sensitivities: Encodable {
      let stepExcess: [String: Double]
      let radiusInflation: Double?
    }
    let faults: [Fault]
    let checks: [String]
    let seeds: Int
    let falseAlarms: Int
    let verdict: String
    let sensitivity: Sensitivities?
    let seconds: Double

    init(_ matrix: FaultMatrix, _ sensitivity: Sensitivity?, seconds: Double) {
      faults = matrix.rows.map {
        Fault(
          id: $0.fault.id, statement: $0.fault.statement, caught: $0.isCaught,
          caughtBy: $0.caughtBy, namedChecks: $0.fault.namedChecks)
      }
      checks = matrix.checks
      seeds = matrix.unfaulted.count
      falseAlarms = matrix.falseAlarms.count
      verdict = matrix.verdict.rawValue
      self.sensitivity = sensitivity.map {
        Sensitivities(stepExcess: $0.stepExcess, radiusInflation: $0.radiusInflation)
      }
      self.seconds = seconds
    }
  }
}

extension FaultGrid {
  fileprivate init(_ matrix: FaultMatrix) {
    self.init(
      checks: matrix.checks, unfaulted: matrix.unfaulted,
      faults: matrix.rows.map { ($0.fault.id, $0.fault.namedChecks, $0.results, $0.isCaught) })
  }
}
