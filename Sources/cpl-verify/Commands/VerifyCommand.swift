// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import CPLReference
import CPLVerify
import Foundation

struct VerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Checks what the theory states, on a network and on this program.",
    discussion: """
      Each check measures, holds what it measured to a bound, and in the same call puts a deliberately \
      wrong variant, its positive control, through the same test: a check that does not catch it is \
      inconclusive. Without WEIGHTS a small built-in network is checked. A check \
      that lacks what it needs, such as labelled data or enough images, is not applicable and fails \
      nothing.

      The output shows what does not hold, and counts what does; --verbose shows every measurement. Exit code 0 \
      when all that was checked holds, 1 when something is violated, 2 when something is inconclusive. \
      Inside GitHub Actions violations become annotations.
      """)

  @Argument(
    help: "The weights, such as RUN/last.h5; the built-in network without them.",
    completion: .file())
  var weights: String?

  @OptionGroup(title: "Which network is judged") var judging: JudgingOptions

  @OptionGroup(title: "What a PyTorch checkpoint does not store") var unstored: UnstoredOptions

  @OptionGroup var choice: CheckOptions

  @Flag(help: "List the checks and do nothing.")
  var list = false

  @Flag(help: "Show every check with all that it measured, and its source.")
  var verbose = false

  @Flag(help: "Run the thorough form of each check, however long it takes.")
  var thorough = false

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Start no check after this time; those that were not run are inconclusive.",
      valueName: "seconds"))
  var budget: Double?

  @Option(help: ArgumentHelp("Also write the results as JUnit XML.", valueName: "file"))
  var junit: String?

  @Option(parsing: .unconditional, help: "The seed that everything random comes from.")
  var seed: UInt64 = 0

  @OptionGroup var dataOptions: DataOptions
  @OptionGroup var results: ResultOptions
  @OptionGroup var options: RunOptions

  func validate() throws {
    if let budget, !(budget >= 0) {
      throw ValidationError("--budget is a number of seconds, not \(budget)")
    }
    if junit == "" { throw ValidationError("--junit is the name of a file, not empty") }
  }

  func run() throws {
    let checks = try choice.checks()
    if list { return try show(list: checks) }
    let start = Date()
    let progress = options.progress
    try results.check(notReplacing: weights ?? "")
    if let junit {
      try ResultFile.check(junit, notReplacing: weights ?? "", force: results.force)
    }
    let scratch = try Folder.temporary()
    defer { Folder.remove(scratch) }
    let subject = try CheckSubject(
      weights, unstored.settings, dataOptions.images, scratch: scratch)
    var context = subject.context(
      seed: seed, effort: thorough ? .thorough : .normal, workers: options.workers)
    let verified = try subject.verify(judging.judging, workers: options.workers) { done, total in
      progress.update(WorkProgress("bounding", done: done, total: total, unit: "layers"))
    }
    context.verified = verified
    context.checkBundle = BundleChecker.find()?.accepts
    progress.finish()
    let found = try PropertySuite.run(
      checks, context, budget: budget ?? .infinity,
      clock: { Date().timeIntervalSince(start) }
    ) { done, next in
      progress.update(
        WorkProgress(
          "checking \(next.id)", done: done.count, total: checks.count, unit: "checks"))
      try Interruption.check()
    }
    progress.finish()
    var report = VerificationReport(
      provenance: try subject.provenance(
        verified, under: judging.judging, flags: unstored.flags + judging.flags, seed: seed,
        workers: options.workers
      ).completed(by: .collected(threads: options.workers.threads)))
    report.checks = found
    let kept = Result {
      try results.out.map(report.write(to:))
      if let junit { try AtomicFile.write(Data(try report.junit().utf8), to: junit) }
    }
    Annotations.write(found)
    if options.json {
      try Output.line(try report.json(.verify))
    } else {
      for notice in report.provenance.notices ?? [] { try Output.line(notice.line) }
      try show(found)
    }
    try kept.get()
    switch found.verdict {
    case .holds: return
    case .violated: throw Exit.violated
    case .inconclusive, .notApplicable: throw Exit.inconclusive
    }
  }

  private func show(list checks: [any PropertyCheck]) throws {
    if options.json {
      return try Output.json(
        ["checks": checks.map { ["id": $0.id, "statement": $0.statement, "source": $0.source] }])
    }
    let width = (checks.map(\.id.count).max() ?? 0) + 2
    for check in checks {
      try Output.line(check.id.padding(width) + check.statement)
      try Output.line("".padding(width) + check.source)
    }
  }

  private static let width = 16

  private func show(_ results: [CheckResult]) throws {
    for result in results {
      let verdict = result.verdict.rawValue.padding(Self.width)
      if verbose {
        try Output.line("\(verdict)\(result.id)  \(result.statement)")
        try show(measurementsOf: result)
      } else if result.verdict != .holds {
        try Output.line("\(verdict)\(result.id)  \(result.finding)")
      }
    }
    let counts = Dictionary(grouping: results, by: \.verdict)
    let summary = [
      (CheckResult.Verdict.holds, "hold"), (.violated, "violated"),
      (.inconclusive, "inconclusive"), (.notApplicable, "not applicable"),
    ].compactMap { verdict, words in counts[verdict].map { "\($0.count) \(words)" } }
    try Output.line(
      "verdict".padding(Self.width)
        + "\(results.verdict.rawValue): \(summary.joined(separator: ", "))")
  }

  private func show(measurementsOf result: CheckResult) throws {
    let indent = "".padding(Self.width)
    try Output.line("\(indent)source: \(result.source)")
    for measurement in result.measurements {
      let text = measurement.verdict == .violated ? measurement.failure : measurement.description
      let mark = measurement.verdict == .inconclusive ? "inconclusive: " : ""
      try Output.line("\(indent)\(mark)\(text)")
    }
    if let control = result.control, let fault = result.controlFault {
      try Output.line(
        "\(indent)positive control: \(fault): \(control.verdict.rawValue), \(control.brief)")
    }
    if let reason = result.reason { try Output.line("\(indent)\(reason)") }
  }
}

/// Which checks are run.
struct CheckOptions: ParsableArguments {
  @Option(
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp(
      "Run only the checks whose names match, such as 'cpl.*'; repeatable.", valueName: "pattern"))
  var only: [String] = []

  @Option(
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp("Skip the checks whose names match; repeatable.", valueName: "pattern"))
  var skip: [String] = []

  func checks() throws -> [any PropertyCheck] {
    func matches(_ patterns: [String], _ id: String) -> Bool {
      patterns.contains { fnmatch($0, id, 0) == 0 }
    }
    for pattern in only + skip
    where !PropertySuite.checks.contains(where: { fnmatch(pattern, $0.id, 0) == 0 }) {
      throw ValidationError("no check's name matches '\(pattern)'; --list shows all")
    }
    let chosen = PropertySuite.checks.filter {
      (only.isEmpty || matches(only, $0.id)) && !matches(skip, $0.id)
    }
    guard !chosen.isEmpty else { throw ValidationError("--skip leaves no check") }
    return chosen
  }
}

/// GitHub's annotations, on standard error, which it reads too: standard output may be JSON.
enum Annotations {
  static func write(_ results: [CheckResult]) {
    for result in results where result.verdict == .violated || result.verdict == .inconclusive {
      let level = result.verdict == .violated ? "error" : "warning"
      write(
        level, title: result.id,
        "\(result.verdict.rawValue): \(result.finding) (\(result.statement))")
    }
  }

  /// Writes one, at the level "error" or "warning".
  static func write(_ level: String, title: String, _ message: String) {
    guard ProcessInfo.processInfo.environment["GITHUB_ACTIONS"] == "true" else { return }
    StandardStream.error.write(
      "::\(level) title=\(escape(title, isProperty: true))::\(escape(message))\n")
  }

  private static func escape(_ text: String, isProperty: Bool = false) -> String {
    let plain = text.replacing("%", with: "%25").replacing("\r", with: "%0D")
      .replacing("\n", with: "%0A")
    return isProperty ? plain.replacing(":", with: "%3A").replacing(",", with: "%2C") : plain
  }
}
