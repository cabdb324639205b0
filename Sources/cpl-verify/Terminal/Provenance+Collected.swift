// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify
import Foundation

extension Provenance {
  /// When the program began.
  private static let start = Date()

  /// Notes when the program began; called first of all.
  static func begin() { _ = start }

  /// What this process knows of itself and of its machine, and what it has used so far.
  static func collected(threads: Int) -> Provenance {
    var provenance = Provenance()
    provenance.command = Program.command
    provenance.isDirty = Program.commit.hasSuffix("-dirty")
    provenance.gitCommit =
      Program.commit == "unknown" ? nil : Program.commit.replacing("-dirty", with: "")
    provenance.versions.program = Program.number
    provenance.versions.swift = Program.compiler
    provenance.versions.openblas = BLAS.version
    provenance.versions.openblasCore = BLAS.coreName
    provenance.versions.hdf5 = HDF5Library.version
    provenance.machine.cpu = Processor.model
    provenance.machine.cores = ProcessInfo.processInfo.processorCount
    provenance.machine.memoryBytes = Int(ProcessInfo.processInfo.physicalMemory)
    provenance.machine.kernelLevel = KernelLevel.avx512.use().rawValue
    provenance.machine.threads = threads
    provenance.cost.start = start.formatted(.iso8601)
    provenance.cost.wallSeconds = Date().timeIntervalSince(start)
    provenance.cost.cpuSeconds = cpuSeconds
    return provenance
  }

  private static var cpuSeconds: Double {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
    return seconds(usage.ru_utime) + seconds(usage.ru_stime)
  }
}
