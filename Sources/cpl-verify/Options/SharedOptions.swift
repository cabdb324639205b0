// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import CPLReference
import CPLVerify
import Foundation

/// Which images a command works on.
struct DataOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "A folder with CIFAR-10's or CIFAR-100's binary files, with the IDX files of MNIST or "
        + "Fashion-MNIST, with arrays such as images.npy and labels.npy, or CIFAR-10-C's; or an .npz or "
        + "HDF5 file with images and labels, or x_test and y_test. The built-in images without it.",
      valueName: "path"))
  var data: String?

  @Option(help: "The data set, or its format, where the files do not say.")
  var dataset: ImageSource.Kind?

  @Option(
    help: ArgumentHelp(
      "Of a folder like CIFAR-10-C the images of this file, without '.npy'.", valueName: "name"))
  var corruption: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Of a corruption this severity, 1 to 5; all five together without it.", valueName: "number"))
  var severity: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Only the first images; all of them if there are fewer.", valueName: "count")
  )
  var limit: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Only these images, such as 0,5,7-9, each at most once.", valueName: "list"))
  var indices: Indices?

  func validate() throws {
    if data == "" { throw ValidationError("--data is the name of a folder, not empty") }
    if let limit, limit < 1 { throw ValidationError("--limit is at least 1, not \(limit)") }
    if let severity, !(1...5).contains(severity) {
      throw ValidationError("--severity is 1 to 5, not \(severity)")
    }
    if corruption != nil || severity != nil, data == nil {
      throw ValidationError("--corruption and --severity need --data and the folder of images")
    }
    if limit != nil, indices != nil {
      throw ValidationError("give either --limit or --indices")
    }
  }

  var images: ImageChoice {
    ImageChoice(
      data: data, dataset: dataset,
      corruption: ImageSource.Corruption(name: corruption, severity: severity), limit: limit,
      indices: indices)
  }
}

extension Indices: ExpressibleByArgument {
  package init?(argument: String) { self.init(argument) }
}

extension ImageSource.Kind: ExpressibleByArgument {}

/// What a command shows.
struct OutputOptions: ParsableArguments {
  @Flag(help: "Print one JSON object on standard output and nothing else there.")
  var json = false

  @Flag(help: "Show no progress.")
  var quiet = false

  var progress: Progress { Progress(quiet: quiet) }
}

/// How a command runs and what it shows.
struct RunOptions: ParsableArguments {
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("How many threads to use; all cores without it.", valueName: "count"))
  var threads: Int?

  @Option(
    help: ArgumentHelp(
      "Let OpenBLAS use its kernels for this processor, which bounds depend on in their last bits: "
        + BLASCore.allCases.map(\.rawValue).joined(separator: ", ") + ".", valueName: "core"))
  var blasCore: BLASCore?

  @OptionGroup var output: OutputOptions

  func validate() throws {
    if let threads, !(1...1024).contains(threads) {
      throw ValidationError("--threads is 1 to 1024, not \(threads)")
    }
    if let blasCore, !blasCore.lacking.isEmpty {
      throw ValidationError(
        "--blas-core \(blasCore.rawValue) takes a processor with "
          + "\(blasCore.lacking.joined(separator: ", ")), which this one lacks")
    }
    let variable = KernelLevel.limitVariable
    if let limit = ProcessInfo.processInfo.environment[variable],
      KernelLevel(rawValue: limit) == nil
    {
      let levels = KernelLevel.allCases.map(\.rawValue).joined(separator: ", ")
      throw ValidationError("the environment variable \(variable) is \(levels), not '\(limit)'")
    }
  }

  var workers: Workers { workers(of: Alone()) }

  /// The threads of one of some ranks, which share a machine's cores.
  private func workers(of ranks: any Ranks) -> Workers {
    Workers(
      threads: threads ?? ProcessInfo.processInfo.activeProcessorCount / ranks.countOnMachine)
  }

  /// This process, as experiments need it.
  var workplace: Workplace { workplace(of: Alone()) }

  /// This process as one of some ranks, of which the first one shows progress.
  func workplace(of ranks: any Ranks) -> Workplace {
    let workers = workers(of: ranks)
    return Workplace(
      workers: workers, observer: ranks.isFirst ? progress : Progress(quiet: true),
      program: Workplace.Program(
        number: Program.number, commit: Program.commit, identity: { try Program.identity() }),
      command: Program.command, memory: ProcessInfo.processInfo.physicalMemory,
      now: { Date() }, provenance: { Provenance.collected(threads: workers.threads) })
  }

  var json: Bool { output.json }
  var progress: Progress { output.progress }
}
