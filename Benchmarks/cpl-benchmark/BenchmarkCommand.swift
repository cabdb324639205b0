// SPDX-License-Identifier: Apache-2.0

import CPLReference
import Foundation

/// What a worker can be asked to do.
enum BenchmarkWorkName: String, Decodable {
  /// Says what the worker is.
  case about
  /// Writes a network and a batch for other programs.
  case prepare
  /// Training steps: power iteration, forward pass, loss, backward pass, Adam.
  case training
  /// Logits, with steps that are known.
  case evaluation
  /// The same in binary64.
  case evaluation64
  /// One iteration of PGD: forward pass, gradient with respect to the images, step.
  case pgd
  /// The paper's PGD from start to end: 10 iterations and a last forward pass.
  case attack
  /// Verified bounds of all layers.
  case bounds
}

/// What is measured: two commands with the same subject repeat the same work.
struct BenchmarkSubject: Decodable, Equatable {
  let work: BenchmarkWorkName
  /// A file of `experiments/`.
  var experiment: String?
  /// A weights file to load; without it the network is drawn from `seed`.
  var weights: String?
  /// Images a step.
  var batch: Int?
  /// Images a repetition, in batches of `batch`; one batch without it.
  var images: Int?
  var threads: Int?
  var seed: UInt64?
  /// Another depth than the experiment's.
  var convolutionLayers: Int?
}

/// A line of input: the subject, and what goes for this repetition alone.
struct BenchmarkCommand: Decodable {
  let subject: BenchmarkSubject
  /// Forget the peak of memory so far, once the subject is set up.
  var resetPeak: Bool?
  /// Where to write the work's result, raw binary32 numbers.
  var output: String?
  /// For `prepare`: where to write the network and the batch.
  var weightsOut: String?
  var inputsOut: String?
  /// For `about`: the highest `cpl_kernel_level` to use.
  var kernelLevel: UInt32?

  var work: BenchmarkWorkName { subject.work }

  private enum CodingKeys: String, CodingKey {
    case resetPeak, output, weightsOut, inputsOut, kernelLevel
  }

  init(from decoder: any Decoder) throws {
    subject = try BenchmarkSubject(from: decoder)
    let container = try decoder.container(keyedBy: CodingKeys.self)
    resetPeak = try container.decodeIfPresent(Bool.self, forKey: .resetPeak)
    output = try container.decodeIfPresent(String.self, forKey: .output)
    weightsOut = try container.decodeIfPresent(String.self, forKey: .weightsOut)
    inputsOut = try container.decodeIfPresent(String.self, forKey: .inputsOut)
    kernelLevel = try container.decodeIfPresent(UInt32.self, forKey: .kernelLevel)
  }
}

/// A line of output; what does not apply is left out.
struct BenchmarkReply: Encodable {
  /// What went wrong; then there is nothing else.
  var error: String?
  /// Wall-clock time of one repetition.
  var seconds: Double?
  /// Processor time of one repetition, over all threads.
  var processorSeconds: Double?
  /// Multiply-adds of one repetition.
  var multiplyAdds: Int?
  /// The largest resident memory since the last reset, or of the whole process.
  var peakBytes: Int?
  /// The resident memory after the repetition.
  var residentBytes: Int?
  var commit: String?
  var kernelLevel: String?
  var model: ModelConfiguration?
  var mean: [Float]?
  var standardDeviation: [Float]?

  func line() throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return try encoder.encode(self) + Data("\n".utf8)
  }
}
