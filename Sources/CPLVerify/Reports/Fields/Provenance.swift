// SPDX-License-Identifier: Apache-2.0

import CPLReference

/// How results came to be: everything that it takes to make them again, and what it took. Collected
/// by the command line. What is nil was not recorded, and a report shows it as missing.
public struct Provenance: Codable, Equatable, Sendable {
  /// The images that the network was judged by.
  public struct Data: Codable, Equatable, Sendable {
    /// "cifar10", "cifar100", "synthetic" or another name.
    public var name: String?
    /// Where the files lie; nil for the built-in images.
    public var folder: String?
    public var split: String?
    /// The number of images used, by all shards together.
    public var images: Int?
    /// The number of images in the set that they were chosen from.
    public var available: Int?
    /// SHA-256 over these images and their labels.
    public var digest: String?
    /// Which of several parts of them these results are of, such as "2/3"; nil for all.
    public var shard: String?
    public init() {}
  }

  /// How the training images were divided.
  public struct TrainingSplits: Codable, Equatable, Sendable {
    /// The number of images that the weights were fitted to.
    public var training: Int?
    /// The number of images that chose the best epoch.
    public var validation: Int?
    /// What the division was drawn from.
    public var seed: UInt64?
    /// SHA-256 over the two lists of indices.
    public var digest: String?
    public init() {}
  }

  /// What ran: this program and what it is linked with.
  public struct Versions: Codable, Equatable, Sendable {
    public var program: String?
    public var swift: String?
    /// OpenBLAS's configuration string.
    public var openblas: String?
    /// The kernels that OpenBLAS chose for this CPU.
    public var openblasCore: String?
    public var hdf5: String?
    public init() {}
  }

  /// What it ran on.
  public struct Machine: Codable, Equatable, Sendable {
    public var cpu: String?
    public var cores: Int?
    public var memoryBytes: Int?
    /// The level of this package's own kernels.
    public var kernelLevel: String?
    public var threads: Int?
    /// The device that evaluated the network instead of the CPU, its driver and OpenCL's platform. Results do
    /// not depend on it.
    public var device: String?
    public var deviceDriver: String?
    public var devicePlatform: String?
    public init() {}
  }

  /// What it took.
  public struct Cost: Codable, Equatable, Sendable {
    /// When the run began, in ISO 8601.
    public var start: String?
    public var wallSeconds: Double?
    public var cpuSeconds: Double?
    /// Of the search for local radii, by the clock, and of how many images it was the search; those that an earlier
    /// run had searched are not among them.
    public var localSeconds: Double?
    public var localImages: Int?
    /// How fast the weights' training goes on this machine with these threads, and the memory of the process that it
    /// takes at most, measured on its first steps; nil where it was not measured.
    public var trainingImagesPerSecond: Double?
    public var trainingMemoryBytes: Int?
    /// Energy, where the machine tells.
    public var joules: Double?
    public init() {}

    /// By the clock, with all threads at work; nil where no local radius was searched.
    public var localSecondsPerImage: Double? {
      guard let localSeconds, let localImages, localImages > 0 else { return nil }
      return localSeconds / Double(localImages)
    }
  }

  /// What a reader must know first, the most important first; nil for nothing.
  public var notices: [Notice]?
  /// The command that makes the results again, ready for a shell.
  public var command: String?
  /// The command that trained the weights.
  public var trainingCommand: String?
  /// The resolved configuration, defaults included.
  public var configuration: String?
  /// "published", "corrected" or "mixed", under which the network was judged; "shipped" where it was
  /// taken as its file holds it.
  public var profile: String?
  /// The policy by which the executed steps were chosen, a `StepPolicy`.
  public var steps: String?
  /// The kind of certificate asked for.
  public var certificate: String?
  /// What local certificates were asked to prove; nil where there are none.
  public var localPlan: String?
  /// What everything random came from.
  public var seed: UInt64?
  /// SHA-256 of all that the results of an audit, or local certificates, depend on; finished ones are known by it.
  public var auditDigest: String?
  /// The file of weights.
  public var weights: String?
  /// The flags, ready for a shell, with which the weights were read and judged.
  public var weightsFlags: String?
  /// SHA-256 of the network in that file.
  public var weightsDigest: String?
  /// SHA-256 of the network that was executed: the same unless its steps were replaced or not stored.
  public var networkDigest: String?
  /// The commit that the program was built from.
  public var gitCommit: String?
  /// Whether the program was built from that commit with changes.
  public var isDirty: Bool?
  public var data = Data()
  public var splits = TrainingSplits()
  public var versions = Versions()
  public var machine = Machine()
  public var cost = Cost()

  /// Nothing recorded yet.
  public init() {}

  /// SHA-256 of the resolved configuration.
  public var configurationDigest: String? { configuration.map { Digest.of($0) } }

  /// The command that computes the results where nothing of them is there yet: the one that was carried
  /// out, which may have ended what an earlier one began.
  var commandFromScratch: String? {
    command.map { text in
      let words = Self.firstCommand(in: text)
      return words.contains("--resume") && !text.contains("\n")
        ? Self.shellCommand(words.filter { $0 != "--resume" }) : text
    }
  }

  /// Arguments as one line that a shell takes apart into the same arguments.
  public static func shellCommand(_ arguments: [String]) -> String {
    arguments.map(shellQuoted).joined(separator: " ")
  }

  /// The command that shows a stored violation again; nil where the weights have no file.
  public func replayCommand(results: String, index: Int) -> String? {
    weights.map { weights in
      [
        Self.shellCommand(["cpl-verify", "audit", weights]), weightsFlags,
        Self.shellCommand(["--replay", results, "--indices", "\(index)"]),
      ].compactMap(\.self).filter { !$0.isEmpty }.joined(separator: " ")
    }
  }

  /// The arguments of the first of the commands that `shellCommand` made, one a line.
  package static func firstCommand(in text: String) -> [String] {
    var words: [String] = []
    var word: String?
    var (isQuoted, isEscaped) = (false, false)
    scan: for character in text {
      switch character {
      case _ where isEscaped:
        word = (word ?? "") + String(character)
        isEscaped = false
      case "'":
        isQuoted.toggle()
        word = word ?? ""
      case _ where isQuoted: word?.append(character)
      case "\\": isEscaped = true
      case "\n": break scan
      case " ":
        if let word { words.append(word) }
        word = nil
      default: word = (word ?? "") + String(character)
      }
    }
    if let word { words.append(word) }
    return words
  }

  private static func shellQuoted(_ argument: String) -> String {
    let isPlain = argument.utf8.allSatisfy {
      switch $0 {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"):
        true
      default: "-_./=:,+@%".utf8.contains($0)
      }
    }
    if isPlain, !argument.isEmpty { return argument }
    return "'"
      + argument.split(separator: "'", omittingEmptySubsequences: false)
      .joined(separator: "'\\''") + "'"
  }
}
