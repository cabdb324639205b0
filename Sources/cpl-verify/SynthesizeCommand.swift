import ArgumentParser
import CPLReference

struct SynthesizeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "synthesize",
    abstract: "Writes the built-in images as files in CIFAR-10's binary format.")

  @Argument(help: "The folder, made when it is not there.", completion: .directory)
  var folder: String

  @Option(help: "The seed that the images are drawn from.")
  var seed: UInt64 = DataOptions.syntheticSeed

  func run() throws {
    let training = SyntheticImages.make(seed: seed, split: .train)
    let test = SyntheticImages.make(seed: seed, split: .test)
    try CIFARBinary.write(
      train: training, test: test, classNames: SyntheticImages.classNames, to: folder)
    try Output.line("\(folder): \(training.count) training and \(test.count) test images")
  }
}
