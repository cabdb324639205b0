// SPDX-License-Identifier: Apache-2.0

import CPLAttacks
import CPLCertificates
import CPLNetworks

/// One image of an audit.
public struct AuditedImage: Sendable {
  /// What an image was put through.
  public enum Extent: String, Codable, Sendable {
    /// Nothing: it is not certified, or the budget ran out before.
    case none
    /// The search for the nearest adversarial image, with which the plan begins.
    case search
    /// The whole plan.
    case plan
  }

  /// The image's index in its data set.
  public let index: Int
  /// The class that the data set gives it.
  public let label: Int
  /// The class of the executed network; −1 where a logit is not finite.
  public let prediction: Int
  /// The certified radius; 0 where nothing is certified.
  public let radius: Double
  /// The distance of the nearest adversarial image that any attack found; ∞ without one.
  public internal(set) var distance = Double.infinity
  /// The attack that found it.
  public internal(set) var attack: String?
  /// The class that the binary32 network computes, −1 where a logit is not finite; another one than
  /// `prediction` only where the certificate does not speak of the binary32 network.
  package let binary32Prediction: Int
  /// The distance of the nearest image within the radius that is of another class as it is evaluated,
  /// but not in the network that the certificate speaks of: no violation. ∞ without one.
  package internal(set) var binary32OnlyDistance = Double.infinity
  package internal(set) var forwardPasses = 0
  package internal(set) var backwardPasses = 0
  /// What it was put through.
  public internal(set) var extent = Extent.none

  /// - Parameter binary32Prediction: `prediction`, unless it is given.
  package init(
    index: Int, label: Int, prediction: Int, binary32Prediction: Int? = nil, radius: Double
  ) {
    self.index = index
    self.label = label
    self.prediction = prediction
    self.binary32Prediction = binary32Prediction ?? prediction
    self.radius = radius
  }

  /// d/r, at least 1 unless the certificate is broken; nil where nothing is certified or found.
  public var tightness: Double? {
    radius > 0 && distance.isFinite ? distance / radius : nil
  }

  /// How many images went through the network for it, forward and backward.
  package var passes: Int { forwardPasses + backwardPasses }

  /// Takes account of what an attack found.
  ///
  /// - Parameter confirmed: the result, or one farther out, that the network which the certificate
  ///   speaks of confirms; nil when there is none.
  /// - Returns: the image that was confirmed, when it is the nearest so far.
  mutating func take(
    _ result: AttackResult, confirmed: AttackResult?, from name: String
  ) -> [Float]? {
    forwardPasses += result.forwardPasses
    backwardPasses += result.backwardPasses
    if result.distance <= radius, (confirmed?.distance ?? .infinity) > result.distance {
      binary32OnlyDistance = min(binary32OnlyDistance, result.distance)
    }
    guard let confirmed, let image = confirmed.image, confirmed.distance < distance else {
      return nil
    }
    (distance, attack) = (confirmed.distance, name)
    return image
  }
}

/// A certificate that does not hold: an image of another class within the certified radius.
public struct Violation: Sendable {
  /// What broke a certificate.
  public enum Cause: String, Codable, Sendable {
    /// A layer's bound exceeds what the certificate assumed.
    case lipschitz
    /// In binary64 arithmetic the class does not change.
    case rounding
    /// The attack left its ball or the box: a bug of this program.
    case budget
    /// Anything else.
    case certificate
  }

  /// The image's index in its data set.
  public let index: Int
  /// The class that the data set gives it.
  public let label: Int
  /// The class of the executed network.
  public let prediction: Int
  /// The class of the adversarial image; nil in results of versions that did not keep it.
  public let adversarialPrediction: Int?
  /// The radius that was certified.
  public let radius: Double
  /// The l2 distance of the two images, at most the radius.
  public let distance: Double
  /// The attack that found it.
  public let attack: String
  /// What broke the certificate.
  public let cause: Cause
  /// The image, its elements in [0, 1] channel by channel.
  public let original: [Float]
  /// The image of another class.
  public let adversarial: [Float]

  package init(
    index: Int, label: Int, prediction: Int, adversarialPrediction: Int? = nil,
    radius: Double, distance: Double, attack: String, cause: Cause, original: [Float],
    adversarial: [Float]
  ) {
    self.index = index
    self.label = label
    self.prediction = prediction
    self.adversarialPrediction = adversarialPrediction
    self.radius = radius
    self.distance = distance
    self.attack = attack
    self.cause = cause
    self.original = original
    self.adversarial = adversarial
  }
}

/// What an audit came to.
public struct AuditResult: Sendable {
  /// Whether the certificates hold.
  public enum Verdict: String, Codable, Sendable {
    /// Every certificate is proved, was attacked, and was not broken.
    case holds
    /// Every certificate was attacked and none was broken, but their kind is no proof.
    case unproved
    /// At least one was broken.
    case violated
    /// No image is certified, or the budget ran out before each had been put through the plan.
    case inconclusive
  }

  /// What was audited.
  public let certificate: CertificateKind
  /// The names of the attacks that every certified image was to be put through, in order.
  public let plan: [String]
  /// Every image, in the order of the data set.
  public let images: [AuditedImage]
  /// Every certificate that was broken, in the same order.
  public let violations: [Violation]
  /// The layers whose verified bound exceeds 1, which the published certificates take for granted.
  public let excessLayers: [String]

  package init(
    certificate: CertificateKind, plan: [String], images: [AuditedImage],
    violations: [Violation], excessLayers: [String]
  ) {
    self.certificate = certificate
    self.plan = plan
    self.images = images
    self.violations = violations
    self.excessLayers = excessLayers
  }

  /// The number of images with a radius above 0.
  public var certified: Int { images.count { $0.radius > 0 } }

  /// The number of images whose predictions in binary32 and in the executed network differ.
  package var differingPredictions: Int { images.count { $0.prediction != $0.binary32Prediction } }

  /// The number of images whose logits are not finite: they are of no class and not certified.
  package var nonFinite: Int { images.count { $0.prediction < 0 } }

  /// The number of images in whose certified balls there is a change of class that binary32 alone
  /// shows: no violation.
  package var binary32Only: Int { images.count { $0.binary32OnlyDistance.isFinite } }

  /// What follows from all of it.
  public var verdict: Verdict {
    if !violations.isEmpty { return .violated }
    guard certified > 0, unfinished == 0 else { return .inconclusive }
    return certificate.isProved ? .holds : .unproved
  }

  /// The number of certified images that were put through the search alone, and through nothing,
  /// because the budget ran out.
  package var searched: Int { images.count { $0.radius > 0 && $0.extent == .search } }
  /// Certified images that no attack has seen.
  public var unattacked: Int { images.count { $0.radius > 0 && $0.extent == .none } }

  /// The number of certified images that were put through some of the plan.
  public var attacked: Int { certified - unattacked }

  /// The number of certified images that were not put through the whole plan.
  package var unfinished: Int { searched + unattacked }

  /// How many images went through the network, forward and backward.
  package var passes: Int { images.reduce(0) { $0 + $1.passes } }

  /// d/r of every certified image for which an adversarial image was found, ascending.
  public var tightness: [Double] { images.compactMap(\.tightness).sorted() }
}

extension AuditedImage {
  package init(
    stored index: Int, label: Int, prediction: Int, binary32Prediction: Int, radius: Double,
    distance: Double, binary32OnlyDistance: Double, attack: String?, forwardPasses: Int,
    backwardPasses: Int, extent: Extent
  ) {
    self.init(
      index: index, label: label, prediction: prediction, binary32Prediction: binary32Prediction,
      radius: radius)
    self.distance = distance
    self.binary32OnlyDistance = binary32OnlyDistance
    self.attack = attack
    self.forwardPasses = forwardPasses
    self.backwardPasses = backwardPasses
    self.extent = extent
  }
}
