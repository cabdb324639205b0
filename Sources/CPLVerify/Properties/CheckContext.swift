// SPDX-License-Identifier: Apache-2.0

import CPLAttacks
import CPLBounds
import CPLCertificates
import CPLReference

/// What checks work on, and with: a network, images, and the components that production code is made
/// of. A planted fault is a context with one of these replaced.
public struct CheckContext: Sendable {
  /// How long a check may look.
  public enum Effort: Int, Comparable, Sendable {
    /// As long as a matrix of faults and checks allows.
    case quick
    /// What `verify` takes unless told otherwise.
    case normal
    /// As long as it takes.
    case thorough

    public static func < (first: Effort, second: Effort) -> Bool {
      first.rawValue < second.rawValue
    }

    /// A number of cases for each effort.
    package func choose(_ quick: Int, _ normal: Int, _ thorough: Int) -> Int {
      switch self {
      case .quick: quick
      case .normal: normal
      case .thorough: thorough
      }
    }
  }

  /// What everything random comes from.
  public var seed: UInt64
  /// How long a check may look.
  public var effort: Effort
  /// The threads that compute.
  public var workers: Workers
  /// The network with the steps that it is executed with, and its bounds.
  public var verified: VerifiedNetwork?
  /// Images that the network takes.
  public var images: ImageDataset?
  /// Whether the images' labels are those that the network was trained for.
  public var isLabelled = false
  /// The accuracy that the network had on held-out images when it was trained, where that is known.
  package var validationAccuracy: Double?
  /// A folder for files that checks write and remove.
  package var scratch: String?
  /// The file of values recorded from PyTorch.
  package var recordedValues: String?
  /// The profile of the short trainings; checks hold it to `Profile.corrected`.
  package var training = Profile.corrected
  /// What is wrong with every layer of a kind; nil for nothing.
  package var fault: (any LayerFault)?
  package var fixedBudgetAttacks = AttackSuite.fixedBudget
  package var minimumNormAttacks = AttackSuite.minimumNorm
  package var certify: CertifiedNetwork.Certify = { try $0.certify($1) }
  /// The bound D of local certificates.
  package var localDecrease:
    @Sendable (LocalBound, _ radius: Double, _ featureDistance: Double, LocalMultipliers) -> Double =
      { $0.decreaseUpperBound(radius: $1, featureDistance: $2, $3) }
  /// Whether an independent program finds that every claim of the bundle in a folder holds; nil where there is none.
  package var checkBundle: (@Sendable (_ folder: String) throws -> Bool)?
  /// Writes a network to a weights file.
  package var writeWeights: @Sendable (CPLNetwork<Float>, _ path: String) throws -> Void = {
    try $0.write(
      to: $1,
      description: CheckpointDescription(
        profile: .corrected, createdBy: "cpl-verify", gitCommit: "unknown"))
  }

  /// A context without network and images, with the components that production code is made of.
  public init(seed: UInt64, effort: Effort, workers: Workers) {
    self.seed = seed
    self.effort = effort
    self.workers = workers
  }

  /// The numbers of one check: streams of its own, whatever other checks there are.
  package func random(for check: String, _ stream: Int = 0, _ position: Int = 0) -> CounterRandom {
    // FNV-1a of the id.
    let name = check.utf8.reduce(2_166_136_261 as UInt32) { ($0 ^ UInt32($1)) &* 16_777_619 }
    return CounterRandom(
      seed: seed, purpose: .properties, major: name, middle: UInt32(stream),
      minor: UInt32(position))
  }
}

extension CheckContext {
  /// The network at hand.
  func network() throws(NotApplicable) -> VerifiedNetwork {
    guard let verified else { throw NotApplicable("no network is given") }
    return verified
  }

  /// The first images.
  func images(_ count: Int) throws(NotApplicable) -> ImageDataset {
    guard let images, images.count > 0 else {
      throw NotApplicable("no images are given that the network takes")
    }
    return images.prefix(count)
  }

  func scratchFile(_ name: String) throws(NotApplicable) -> String {
    guard let scratch else { throw NotApplicable("no folder for temporary files is given") }
    return "\(scratch)/\(name)"
  }

  /// A layer as this context makes them.
  package func altered<Scalar: TensorScalar>(_ layer: any Layer<Scalar>) -> any Layer<Scalar> {
    fault.map { $0.planted(in: layer) } ?? layer
  }

  /// A network of this context's layers with freshly drawn parameters.
  package func network<Scalar: TensorScalar>(
    _ specifications: [LayerSpecification], seed: UInt64, as type: Scalar.Type = Scalar.self
  ) -> CPLNetwork<Scalar> {
    altered(CPLNetwork(specifications, seed: seed))
  }

  /// A network with this context's layers in place of its own.
  package func altered<Scalar: TensorScalar>(_ network: CPLNetwork<Scalar>) -> CPLNetwork<Scalar> {
    CPLNetwork(layers: network.layers.map { altered($0) })
  }

  /// Bounds a network and sets its steps, as the program does.
  package func verify(
    _ network: CPLNetwork<Float>, profile: Profile = .corrected
  ) throws -> VerifiedNetwork {
    try VerifiedNetwork(network, profile: profile, workers: workers) { _, _ in }
  }
}
