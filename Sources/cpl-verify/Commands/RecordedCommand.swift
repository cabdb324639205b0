import ArgumentParser
import CPLReference
import CPLVerify

/// The command that made results, read again: how weights and images are to be read so that they come
/// out as they did then.
struct RecordedCommand {
  private let weights: WeightsReading
  private(set) var dataOptions: DataOptions

  private enum WeightsReading {
    case options(WeightsOptions)
    case path(String, UnstoredOptions)
    /// Those that the results name.
    case named
  }

  /// - Throws: for a text that is no command which judges a network.
  init(_ text: String) throws {
    let words = Provenance.firstCommand(in: text)
    let command = try CPLVerifyCommand.parseAsRoot(Array(words.dropFirst()))
    switch command {
    case let command as any JudgingCommand:
      (weights, dataOptions) = (.options(command.weights), command.dataOptions)
    case let command as VerifyCommand:
      weights = command.weights.map { .path($0, command.unstored) } ?? .named
      dataOptions = command.dataOptions
    case let command as ReproduceCommand:
      (weights, dataOptions) = (.named, command.dataOptions)
    default:
      throw ReferenceError.mismatch(
        expected: "a command that judges a network", found: words.prefix(2).joined(separator: " "))
    }
  }

  /// Reads the weights.
  ///
  /// - Parameters:
  ///   - place: where they are now; nil for where the command found them.
  ///   - name: the file that the results name.
  func readWeights(at place: String?, named name: String) throws -> Checkpoint {
    switch weights {
    case .options(var options):
      options.weights = place ?? options.weights
      return try options.read()
    case .path(let path, let unstored): return try unstored.read(place ?? path)
    case .named: return try Checkpoint(path: place ?? name)
    }
  }

  /// Reads the test images.
  ///
  /// - Parameters:
  ///   - place: where they are now; nil for where the command found them.
  ///   - classes: how many classes they have, where the files do not tell.
  func readImages(at place: String?, classes: Int) throws -> ImageDataset {
    var options = dataOptions
    options.data = place ?? options.data
    return try options.read(.test, classes: classes)
  }
}

/// A command that judges the network in a file by images.
protocol JudgingCommand: ParsableCommand {
  var weights: WeightsOptions { get }
  var dataOptions: DataOptions { get }
}

extension EvaluateCommand: JudgingCommand {}
extension BoundsCommand: JudgingCommand {}
extension CertifyCommand: JudgingCommand {}
extension AttackCommand: JudgingCommand {}
extension AuditCommand: JudgingCommand {}
