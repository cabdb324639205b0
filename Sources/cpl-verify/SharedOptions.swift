import ArgumentParser
import CPLReference
import Foundation

/// Which images a command works on.
struct DataOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The folder with the data set; the built-in synthetic images without it.",
      valueName: "folder"))
  var data: String?

  @Option(help: "The data set's kind, when the files do not tell.")
  var dataset: CIFARBinary.Kind?

  @Option(help: ArgumentHelp("Only the first images.", valueName: "count"))
  var limit: Int?

  func validate() throws {
    if let limit, limit < 1 { throw ValidationError("--limit is at least 1, not \(limit)") }
  }

  /// The seed of the built-in images; theirs alone, so that every command sees the same ones.
  static let syntheticSeed: UInt64 = 0

  /// The images of one split, without regard to `--limit`.
  func readAll(_ split: ImageDataset.Split) throws -> ImageDataset {
    guard let data else {
      if let dataset {
        throw ValidationError("--dataset \(dataset.rawValue) needs --data and the folder with it")
      }
      return SyntheticImages.make(seed: Self.syntheticSeed, split: split)
    }
    return try CIFARBinary.read(data, split: split, kind: dataset)
  }

  /// The images of one split, the first `--limit` of them.
  func read(_ split: ImageDataset.Split) throws -> ImageDataset {
    let images = try readAll(split)
    return limit.map(images.prefix) ?? images
  }
}

extension CIFARBinary.Kind: ExpressibleByArgument {}

/// How a command runs and what it shows.
struct RunOptions: ParsableArguments {
  @Option(help: ArgumentHelp("How many threads to use; all cores without it.", valueName: "count"))
  var threads: Int?

  @Flag(help: "Print one JSON object on standard output and nothing else there.")
  var json = false

  @Flag(help: "Show no progress.")
  var quiet = false

  func validate() throws {
    if let threads, !(1...1024).contains(threads) {
      throw ValidationError("--threads is 1 to 1024, not \(threads)")
    }
  }

  var workers: Workers {
    Workers(threads: threads ?? ProcessInfo.processInfo.activeProcessorCount)
  }

  var progress: Progress { Progress(quiet: quiet) }
}
