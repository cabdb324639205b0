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

  @Option(help: "Which data set it is, or in which form, where the files do not tell.")
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

  /// The seed of the built-in images; theirs alone, so that every command sees the same ones.
  static let syntheticSeed: UInt64 = 0

  /// The images of one split, without regard to `--limit` and `--indices`.
  ///
  /// - Parameter classes: how many classes they have, where the files do not tell.
  func readAll(_ split: ImageDataset.Split, classes: Int) throws -> ImageDataset {
    guard let data else {
      if let dataset {
        throw ValidationError(
          "--dataset \(dataset.rawValue) needs --data and the place where it is")
      }
      return SyntheticImages.make(seed: Self.syntheticSeed, split: split)
    }
    do {
      return try ImageSource.read(
        data, split: split, kind: dataset, classes: classes,
        corruption: ImageSource.Corruption(name: corruption, severity: severity))
    } catch let error as ReferenceError {
      guard let hint = hint(about: error, in: data) else { throw error }
      throw HintedError(error: error, hint: hint)
    }
  }

  /// These options, with the data set that an experiment is about where they name none.
  func completed(by experiment: ExperimentConfiguration) -> DataOptions {
    var options = self
    if data != nil {
      options.dataset =
        dataset ?? experiment.data?.dataset.flatMap(ImageSource.Kind.init(rawValue:))
    }
    return options
  }

  /// The images of one split that `--limit` or `--indices` choose.
  func read(_ split: ImageDataset.Split, classes: Int) throws -> ImageDataset {
    let images = try readAll(split, classes: classes)
    if let limit { return images.prefix(limit) }
    guard let indices else { return images }
    guard indices.maximum < images.count else {
      throw ReferenceError.mismatch(
        expected: "--indices below \(images.count), the number of images of \(images.name)",
        found: "\(indices.maximum)")
    }
    return try images.subset(indices.positions)
  }

  /// What to do about a folder that cannot be read.
  private func hint(about error: ReferenceError, in folder: String) -> String? {
    switch error {
    case .missing:
      var isFolder: ObjCBool = false
      guard FileManager.default.fileExists(atPath: folder, isDirectory: &isFolder) else {
        return "--data names a folder or a file; leave it out to use the built-in images"
      }
      let names = Set((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [])
      if !names.isDisjoint(with: ["data_batch_1", "cifar-10-batches-py", "cifar-100-python"])
        || names.isSuperset(of: ["train", "test", "meta"])
      {
        return "these are the Python files; the binary version of the data set is needed"
      }
      return names.contains { $0.hasPrefix("cifar-") && $0.contains(".tar") }
        ? "unpack the archive first" : nil
    default: return nil
    }
  }
}

extension DataOptions {
  /// Refuses to judge weights on the built-in images that nobody says they were trained on.
  func check(suits checkpoint: Checkpoint, at path: String) throws {
    guard data == nil, checkpoint.description.trainedOn == nil else { return }
    throw ValidationError(
      "\(path) does not say what it was trained on: name its test images with --data. The built-in "
        + "images are for weights that were trained on them.")
  }
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

  var workers: Workers {
    Workers(threads: threads ?? ProcessInfo.processInfo.activeProcessorCount)
  }

  var json: Bool { output.json }
  var progress: Progress { output.progress }
}
