// SPDX-License-Identifier: Apache-2.0

import CPLKernels
import CPLReference
import Foundation

/// A worker for the side-by-side runs: reads a command a line (JSON) on standard input and answers
/// each with a line (JSON) on standard output. The caller repeats, interleaves and judges.
@main
struct BenchmarkWorker {
  /// The subject that was set up last, kept as long as commands ask for the same one.
  private var current: (subject: BenchmarkSubject, work: any BenchmarkWork)?

  static func main() throws {
    FreedMemory.keep()
    var worker = BenchmarkWorker()
    while let line = readLine() {
      let reply: BenchmarkReply
      do {
        reply = try worker.answer(line)
      } catch {
        reply = BenchmarkReply(error: "\(error)")
      }
      try FileHandle.standardOutput.write(contentsOf: reply.line())
    }
  }

  private mutating func answer(_ line: String) throws -> BenchmarkReply {
    let command = try JSONDecoder().decode(BenchmarkCommand.self, from: Data(line.utf8))
    let subject = command.subject
    switch command.work {
    case .about: return Self.about(level: command.kernelLevel)
    case .prepare:
      current = nil
      return try Self.prepare(subject, command)
    default: break
    }
    if current?.subject != subject {
      // The old subject's memory goes before the new one's comes.
      current = nil
      current = (subject, try subject.makeWork())
    }
    guard let work = current?.work else { return BenchmarkReply() }
    if command.resetPeak == true { ProcessMemory.resetPeak() }
    let start = (wall: ContinuousClock.now, processor: ProcessMemory.processorSeconds)
    try work.repetition(keepsResult: command.output != nil)
    var reply = BenchmarkReply()
    reply.seconds = (ContinuousClock.now - start.wall) / .seconds(1)
    reply.processorSeconds = ProcessMemory.processorSeconds - start.processor
    reply.multiplyAdds = work.multiplyAdds
    reply.peakBytes = ProcessMemory.peakBytes
    reply.residentBytes = ProcessMemory.residentBytes
    if let path = command.output {
      try work.result.withUnsafeBytes { try Data($0).write(to: URL(fileURLWithPath: path)) }
    }
    return reply
  }

  /// What this worker is, and the instruction set that its kernels use.
  ///
  /// - Parameter level: the highest level to use from now on (`cpl_kernel_level`).
  private static func about(level: UInt32?) -> BenchmarkReply {
    var reply = BenchmarkReply()
    reply.commit = buildCommit
    let level = cpl_set_kernel_level(
      level.map(cpl_kernel_level.init(rawValue:)) ?? CPL_LEVEL_AVX512)
    let names = ["portable", "avx2", "avx512"]
    reply.kernelLevel =
      names.indices.contains(Int(level.rawValue)) ? names[Int(level.rawValue)] : nil
    return reply
  }

  /// Writes a network and a batch that other programs can load, and answers with the model's sizes.
  private static func prepare(
    _ subject: BenchmarkSubject, _ command: BenchmarkCommand
  ) throws -> BenchmarkReply {
    guard let weights = command.weightsOut, let inputs = command.inputsOut else {
      throw ReferenceError.mismatch(
        expected: "weightsOut and inputsOut with the work 'prepare'", found: "only one or neither")
    }
    let (network, model) = try subject.makeNetwork()
    try network.write(
      to: weights,
      description: CheckpointDescription(
        profile: .corrected, createdBy: "cpl-benchmark",
        gitCommit: buildCommit))
    let batch = subject.makeBatch()
    try HDF5File.create(at: inputs) { file in
      try file.write(batch.images, to: "/images")
      try file.write(batch.labels.map(Int64.init), to: "/labels")
    }
    var reply = BenchmarkReply()
    reply.model = model
    reply.mean = network.normalization.mean
    reply.standardDeviation = network.normalization.standardDeviation
    return reply
  }
}
