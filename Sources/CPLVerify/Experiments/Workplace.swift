// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLReports
import Foundation

/// What experiments need of the process that carries them out, which hands it in: they print nothing,
/// end nothing, and look at no environment or clock themselves.
package struct Workplace: Sendable {
  /// What tells one version of the program from another.
  package struct Program: Sendable {
    package let number: String
    package let commit: String
    /// What tells it from every other that might compute something else.
    package let identity: @Sendable () throws -> String

    package init(
      number: String, commit: String, identity: @escaping @Sendable () throws -> String
    ) {
      self.number = number
      self.commit = commit
      self.identity = identity
    }
  }

  package let workers: Workers
  package let observer: any WorkObserver
  package let program: Program
  /// The command that is carried out, ready for a shell.
  package let command: String
  /// The machine's memory, in bytes.
  package let memory: UInt64
  package let now: @Sendable () -> Date
  /// What the process knows of itself and of its machine, and what it has used so far.
  package let provenance: @Sendable () -> Provenance

  package init(
    workers: Workers, observer: any WorkObserver, program: Program, command: String, memory: UInt64,
    now: @escaping @Sendable () -> Date, provenance: @escaping @Sendable () -> Provenance
  ) {
    self.workers = workers
    self.observer = observer
    self.program = program
    self.command = command
    self.memory = memory
    self.now = now
    self.provenance = provenance
  }
}

extension Provenance {
  /// With what a process knows of itself filled in.
  package func completed(by process: Provenance) -> Provenance {
    var completed = self
    completed.command = process.command
    completed.gitCommit = process.gitCommit
    completed.isDirty = process.isDirty
    completed.versions = process.versions
    completed.machine = process.machine
    completed.cost = process.cost
    completed.cost.localSeconds = cost.localSeconds
    completed.cost.localImages = cost.localImages
    return completed
  }
}
