import ArgumentParser
import CPLReference
import CPLVerify

/// A stored network and the profile under which it is executed.
struct WeightsOptions: ParsableArguments {
  @Argument(help: "The weights, such as RUN/last.h5.", completion: .file())
  var weights: String

  @Option(help: "Reproduce the published pipeline's quirks, or mend them.")
  var profile = ProfileName.corrected

  /// Reads the weights, bounds every layer and sets the steps.
  ///
  /// - Parameter images: what the network is to be applied to, checked before the long part.
  func verified(
    _ options: RunOptions, for images: ImageDataset? = nil
  ) throws -> (network: VerifiedNetwork, digest: String) {
    let checkpoint = try Checkpoint(path: weights)
    if let images { try checkpoint.network.check(takes: images) }
    let progress = options.progress
    let verified = try VerifiedNetwork(
      checkpoint.network, profile: profile.profile, workers: options.workers
    ) { done, total in
      progress.update("bounding", done: done, total: total, unit: "layers")
      Interruption.leaveIfRequested()
    }
    progress.finish()
    try Interruption.check()
    return (verified, checkpoint.digest)
  }
}

/// Which certificates a command speaks of.
struct CertificateOptions: ParsableArguments {
  @Option(help: "The kind of certificate; 'published' under the published profile.")
  var certificate: CertificateKind?

  func kind(under profile: ProfileName) -> CertificateKind {
    certificate ?? (profile == .published ? .published : .lipschitz)
  }
}

extension CertificateKind: ExpressibleByArgument {}

extension Epsilon: ExpressibleByArgument {
  public init?(argument: String) { self.init(argument) }
}

extension CPLNetwork {
  /// Checks that the network takes the images of a data set and knows its classes.
  func check(takes images: ImageDataset) throws {
    guard inputShape == images.imageShape, classes == images.classes else {
      throw ReferenceError.mismatch(
        expected: "images \(inputShape) in \(classes) classes, which the network takes",
        found: "\(images.name) with images \(images.imageShape) in \(images.classes) classes")
    }
  }
}
