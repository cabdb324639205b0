// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import CPLReference
import CPLVerify

/// How long work is taken up again.
struct ResumptionOptions: ParsableArguments {
  @Flag(
    help: "Continue from the journal of an interrupted run; start a new one where there is none.")
  var resume = false

  /// Does what can be taken up again, and says how where it is stopped.
  func run<Value: ~Copyable>(
    _ observer: any WorkObserver, keeps: Bool, _ work: () throws -> Value
  ) throws -> Value {
    do {
      return try work()
    } catch let code as Exit {
      if keeps {
        let again = CommandLine.arguments.dropFirst() + (resume ? [] : ["--resume"])
        observer.note(
          "stopped; continue with: \(Provenance.shellCommand(["cpl-verify"] + again))")
      }
      throw code
    }
  }
}

/// How long work is divided, and taken up again.
struct ResumeOptions: ParsableArguments {
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Only the i-th of n parts of the images; 'report' puts the parts together.",
      valueName: "i/n"))
  var shard: Shard?

  @OptionGroup var resumption: ResumptionOptions

  var resume: Bool { resumption.resume }

  /// Where the work keeps its results and its journal; nil where nothing is kept.
  func file(_ results: ResultOptions) throws -> AuditFile? {
    try results.out.map { try AuditFile(out: $0, resumes: resume, force: results.force) }
  }

  /// The same place for results, of which it is seen later whether they may be replaced.
  func place(_ results: ResultOptions) -> ResultOptions {
    var place = results
    place.force = resume || results.force
    return place
  }

  /// Does what can be taken up again, and says how where it is stopped.
  func run<Value: ~Copyable>(
    _ observer: any WorkObserver, keeps: Bool, _ work: () throws -> Value
  ) throws -> Value {
    try resumption.run(observer, keeps: keeps, work)
  }
}
