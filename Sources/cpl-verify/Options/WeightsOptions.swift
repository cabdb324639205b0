// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import CPLReference
import CPLVerify
import Foundation

/// A stored network and the profile under which it is executed.
struct WeightsOptions: ParsableArguments {
  @Argument(
    help: "The weights: RUN/last.h5, a safetensors file, or a PyTorch checkpoint.",
    completion: .file())
  var weights: String

  @OptionGroup(title: "What a PyTorch checkpoint does not store") var unstored: UnstoredOptions

  @OptionGroup(title: "Which network is judged") var judgingOptions: JudgingOptions

  var judging: Judging { judgingOptions.judging }

  /// The flags that read and judge the weights in this way again.
  var flags: [String] { unstored.flags + judgingOptions.flags }

  func read() throws -> Checkpoint { try unstored.read(weights) }
}

/// What a published checkpoint does not tell of its network, and which of its networks is meant.
struct UnstoredOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The network whose names have this prefix, where a file holds several that differ, such as 'model' "
        + "and 'ema'.", valueName: "prefix"))
  var network: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "The mean that is subtracted from each channel; without it the stored one, or CIFAR's where "
        + "its images fit.", valueName: "0.49,0.48,0.45"))
  var mean: ChannelNumbers?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "What each channel is then divided by; without it what is stored, or 1.",
      valueName: "0.25,0.24,0.26"))
  var std: ChannelNumbers?

  @Option(help: "How channels are added to an image; zero without it.")
  var padding: ChannelPadding?

  @Option(help: "The head of a network without a normalised last layer; trunc without it.")
  var head: FeaturePooling?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "How many classes a network without a normalised last layer has; 10 without it.",
      valueName: "count"))
  var classes: Int?

  @Option(
    help: ArgumentHelp(
      "The last power in the series of SOC layers, 1 to 20; 12 without it.", valueName: "count"))
  var terms: Int?

  @Option(
    help: ArgumentHelp(
      "How convolutions of AOL and convex potential layers pad; without it as in the published code."
    ))
  var convolutionPadding: ConvolutionPadding?

  @Option(
    help: ArgumentHelp(
      "What is added to σ̂² in the step of convex potential layers, under the root of AOL's scaling, or to SLL's |q|; "
        + "without it as in the published code.",
      valueName: "number"))
  var regularization: Double?

  @Option(help: "What stands behind the layers of a ConvNet; max-min without it.")
  var activation: ConvNetActivation?

  var settings: UnstoredSettings {
    UnstoredSettings(
      network: network, mean: mean?.values, standardDeviation: std?.values, padding: padding,
      pooling: head,
      classes: classes, terms: terms, convolutionPadding: convolutionPadding,
      regularization: regularization, activation: activation)
  }

  /// The flags that say the same again.
  var flags: [String] {
    let texts: [(flag: String, value: String?)] = [
      ("--network", network), ("--mean", mean?.text), ("--std", std?.text),
      ("--padding", padding?.rawValue),
      ("--head", head?.rawValue), ("--classes", classes.map(String.init)),
      ("--terms", terms.map(String.init)),
      ("--convolution-padding", convolutionPadding?.rawValue),
      ("--regularization", regularization.map { "\($0)" }),
      ("--activation", activation?.rawValue),
    ]
    return texts.flatMap { flag, value in value.map { [flag, $0] } ?? [] }
  }

  func read(_ path: String) throws -> Checkpoint {
    try Checkpoint.read(path, settings: settings)
  }
}

extension ChannelPadding: ExpressibleByArgument {}
extension ConvNetActivation: ExpressibleByArgument {}
extension FeaturePooling: ExpressibleByArgument {}
extension ConvolutionPadding: ExpressibleByArgument {}

/// A number for each channel, as a flag lists them: "0.49,0.48,0.45".
struct ChannelNumbers: ExpressibleByArgument {
  let values: [Float]

  var text: String { values.map { "\($0)" }.joined(separator: ",") }

  /// Reads finite numbers; nil for anything else.
  init?(argument: String) {
    let numbers = argument.split(separator: ",", omittingEmptySubsequences: false).map { Float($0) }
    values = numbers.compactMap(\.self)
    guard values.count == numbers.count, values.count <= 64, values.allSatisfy(\.isFinite) else {
      return nil
    }
  }
}

/// Which certificates a command speaks of.
struct CertificateOptions: ParsableArguments {
  @Option(help: "The kind of certificate; without it 'sound', or 'published' under that profile.")
  var certificate: CertificateKind?

  func kind(under profile: ProfileName?) -> CertificateKind {
    certificate ?? (profile == .published ? .published : .sound)
  }
}

extension CertificateKind: ExpressibleByArgument {}

extension Epsilon: ExpressibleByArgument {
  public init?(argument: String) { self.init(argument) }
}

extension Shard: ExpressibleByArgument {
  public init?(argument: String) { self.init(argument) }
}

/// Where a command keeps what it found.
struct ResultOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Write the results to this HDF5 file, from which 'report' makes pages.", valueName: "file"))
  var out: String?

  @Flag(help: "Overwrite files that exist.")
  var force = false

  func validate() throws {
    if out == "" { throw ValidationError("--out is the name of a file, not empty") }
  }

  /// Checks the file, if there is to be one, before hours are spent on what goes into it.
  func check(notReplacing weights: String) throws {
    guard let out else { return }
    try ResultFile.check(out, notReplacing: weights, force: force)
  }
}
