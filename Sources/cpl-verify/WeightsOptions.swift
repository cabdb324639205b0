import ArgumentParser
import CPLReference
import CPLVerify

/// A stored network and the profile under which it is executed.
struct WeightsOptions: ParsableArguments {
  @Argument(help: "The weights, such as RUN/last.h5.", completion: .file())
  var weights: String

  @Option(help: "Reproduce the published pipeline's quirks, or mend them.")
  var profile = ProfileName.corrected
}

/// Which certificates a command speaks of.
struct CertificateOptions: ParsableArguments {
  @Option(help: "The kind of certificate; without it 'sound', or 'published' under that profile.")
  var certificate: CertificateKind?

  func kind(under profile: ProfileName) -> CertificateKind {
    certificate ?? (profile == .published ? .published : .sound)
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

/// Where a command keeps what it found.
struct ResultOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Keep the results in this HDF5 file, from which 'report' makes pages.", valueName: "file"))
  var out: String?
}
