// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import CPLReference
import CPLVerify

struct SynthesizeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "synthesize",
    abstract: "Writes the built-in images as files in CIFAR-10's binary format.")

  @Argument(help: "The folder, made when it is not there.", completion: .directory)
  var folder: String

  @Option(parsing: .unconditional, help: "The seed that the images are drawn from.")
  var seed: UInt64 = ImageChoice.syntheticSeed

  @OptionGroup var output: OutputOptions

  func validate() throws {
    if folder.isEmpty { throw ValidationError("the folder's name is empty") }
  }

  func run() throws {
    let training = SyntheticImages.make(seed: seed, split: .train)
    let test = SyntheticImages.make(seed: seed, split: .test)
    try CIFARBinary.write(
      train: training, test: test, classNames: SyntheticImages.classNames, to: folder)
    if output.json {
      try Output.json(
        Summary(
          folder: folder, trainingImages: training.count, testImages: test.count,
          trainingDigest: training.digest, testDigest: test.digest))
    } else {
      try Output.line("\(folder): \(training.count) training and \(test.count) test images")
    }
  }

  private struct Summary: Encodable {
    let folder: String
    let trainingImages: Int
    let testImages: Int
    let trainingDigest: String
    let testDigest: String
  }
}
