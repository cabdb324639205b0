import ArgumentParser
import CPLReference
import CPLVerify
import Foundation

/// A stored network and the profile under which it is executed.
struct WeightsOptions: ParsableArguments {
  @Argument(help: "The weights, such as RUN/last.h5.", completion: .file())
  var weights: String

  @Option(
    help: "Judge with the published pipeline's quirks or without, however the weights were trained."
  )
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

extension Shard: ExpressibleByArgument {
  public init?(argument: String) { self.init(argument) }
}

extension CPLNetwork {
  /// Checks that the network takes the images of a data set and, where they matter, knows its
  /// classes.
  func check(takes images: ImageDataset, needsClasses: Bool = true) throws {
    guard inputShape == images.imageShape, !needsClasses || classes == images.classes else {
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

  func validate() throws {
    if out == "" { throw ValidationError("--out is the name of a file, not empty") }
  }

  /// Checks that the file can be made, before hours are spent on what goes into it, and that it is
  /// not the file of weights.
  func check(notReplacing weights: String) throws {
    guard let out else { return }
    func fail(_ reason: String) -> ReferenceError { .cannotCreate(path: out, reason: reason) }
    var (file, other) = (stat(), stat())
    if stat(out, &file) == 0 {
      if stat(weights, &other) == 0, file.st_dev == other.st_dev, file.st_ino == other.st_ino {
        throw fail("the weights are in it")
      }
      guard file.st_mode & S_IFMT == S_IFREG else {
        throw fail(file.st_mode & S_IFMT == S_IFDIR ? "it is a folder" : "it is no regular file")
      }
    }
    // Not written through: what is there stays until the results replace it.
    let folder = URL(fileURLWithPath: out).resolvingSymlinksInPath().deletingLastPathComponent()
    let probe = folder.appending(path: ".cpl-verify-\(UUID().uuidString).tmp").path
    let descriptor = open(probe, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw fail(String(cString: strerror(errno))) }
    close(descriptor)
    unlink(probe)
  }
}
