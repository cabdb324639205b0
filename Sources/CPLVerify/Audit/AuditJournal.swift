// SPDX-License-Identifier: Apache-2.0

import CPLNetworks
import Foundation

/// What the images of an audit, or of a search for their radii, have come to while it goes on, kept in a file: each
/// batch is on the medium when `append` returns. A killed run loses the batch that it was at.
///
/// The journal's first record says what the results depend on; it is refused for any other.
package struct AuditJournal: ~Copyable {
  private var file: JournalFile

  /// What the results depend on, by names that messages use.
  package typealias Identity = [String: String]

  /// SHA-256 of an identity.
  package static func digest(of identity: Identity) throws -> String {
    Digest.of(try text(identity))
  }

  private struct Header: Codable {
    var format = "cpl-audit-journal"
    var version = 1
    let identity: Identity
  }

  /// Begins a journal.
  ///
  /// - Throws: `ReferenceError.cannotCreate` also when there is a file already.
  package static func create(_ path: String, for identity: Identity) throws -> AuditJournal {
    var file = try JournalFile.create(path)
    try file.append(text(Header(identity: identity)))
    return AuditJournal(file: file)
  }

  /// Takes up a journal.
  ///
  /// - Parameter progress: what is in it is added to this.
  /// - Throws: `ReferenceError.missing`, `.mismatch` when it was begun with another identity, or
  ///   `.invalid` when it is damaged elsewhere than at its end.
  package static func resume(
    _ path: String, for identity: Identity, on dataset: ImageDataset,
    into progress: inout AuditProgress
  ) throws -> AuditJournal {
    var count = 0
    var read = progress
    var file = try JournalFile.resume(path) { number, text in
      count += 1
      func invalid(_ expected: String) -> ReferenceError {
        .invalid(
          path: path, location: "record \(number)", expected: expected, found: "something else")
      }
      func decoded<Value: Decodable>(_ expected: String) throws -> Value {
        do {
          return try JSONDecoder().decode(Value.self, from: Data(text.utf8))
        } catch {
          throw invalid(expected)
        }
      }
      guard number > 0 else {
        let expected = "the header of an audit's journal, version 1"
        let header: Header = try decoded(expected)
        let own = Header(identity: identity)
        guard header.format == own.format, header.version == own.version else {
          throw invalid(expected)
        }
        return try check(header.identity, is: identity, path)
      }
      let expected = "attacked images of \(dataset.name)"
      let entries: [Entry] = try decoded(expected)
      guard let batch = AuditedBatch(entries, of: dataset) else { throw invalid(expected) }
      read.add(batch)
    }
    // A process that died at once may not have come to the header.
    if count == 0 { try file.append(text(Header(identity: identity))) }
    progress = read
    return AuditJournal(file: file)
  }

  private init(file: consuming JournalFile) { self.file = file }

  /// Keeps what a batch came to.
  package mutating func append(_ batch: AuditedBatch) throws {
    try file.append(Self.text(Entry.entries(of: batch)))
  }

  /// Removes the file: its results are elsewhere.
  package consuming func remove() { file.remove() }

  private static func check(
    _ found: Identity, is expected: Identity, _ path: String
  ) throws {
    for name in Set(found.keys).union(expected.keys).sorted()
    where found[name] != expected[name] {
      throw ReferenceError.mismatch(
        expected: "the run that \(path) was begun with, \(name) \(found[name] ?? "none")",
        found: expected[name] ?? "none")
    }
  }

  private static func text(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(value), as: UTF8.self)
  }
}

/// One image in a journal. A distance that is not there is infinite.
private struct Entry: Codable {
  let position: Int
  let index: Int
  let label: Int
  let prediction: Int
  let binary32Prediction: Int
  let radius: Double?
  let distance: Double?
  let binary32OnlyDistance: Double?
  let attack: String?
  let forwardPasses: Int
  let backwardPasses: Int
  let extent: AuditedImage.Extent
  let cause: Violation.Cause?
  let adversarialPrediction: Int?
  /// The adversarial image of a violation: its elements in binary32, little-endian.
  let adversarial: Data?

  static func entries(of batch: AuditedBatch) -> [Entry] {
    let violations = Dictionary(uniqueKeysWithValues: batch.violations.map { ($0, $1) })
    return zip(batch.positions, batch.images).map { position, image in
      Entry(position, image, violations[position])
    }
  }

  private init(_ position: Int, _ image: AuditedImage, _ violation: Violation?) {
    func finite(_ value: Double) -> Double? { value.isFinite ? value : nil }
    self.position = position
    index = image.index
    label = image.label
    prediction = image.prediction
    binary32Prediction = image.binary32Prediction
    radius = finite(image.radius)
    distance = finite(image.distance)
    binary32OnlyDistance = finite(image.binary32OnlyDistance)
    attack = image.attack
    forwardPasses = image.forwardPasses
    backwardPasses = image.backwardPasses
    extent = image.extent
    cause = violation?.cause
    adversarialPrediction = violation?.adversarialPrediction
    adversarial = violation.map {
      $0.adversarial.map(\.bitPattern.littleEndian).withUnsafeBytes { Data($0) }
    }
  }

  var image: AuditedImage {
    AuditedImage(
      stored: index, label: label, prediction: prediction, binary32Prediction: binary32Prediction,
      radius: radius ?? .infinity, distance: distance ?? .infinity,
      binary32OnlyDistance: binary32OnlyDistance ?? .infinity, attack: attack,
      forwardPasses: forwardPasses, backwardPasses: backwardPasses, extent: extent)
  }

  func violation(of dataset: ImageDataset) -> Violation? {
    guard let cause, let adversarial, let attack, let distance else { return nil }
    let original = dataset.images(at: [position]).elements
    let bytes = Array(adversarial)
    guard bytes.count == original.count * 4 else { return nil }
    let elements = original.indices.map { element in
      Float(
        bitPattern: bytes[element * 4..<element * 4 + 4].reversed().reduce(0) {
          $0 << 8 | UInt32($1)
        })
    }
    return Violation(
      index: index, label: label, prediction: prediction,
      adversarialPrediction: adversarialPrediction, radius: radius ?? .infinity,
      distance: distance, attack: attack, cause: cause, original: original,
      adversarial: elements)
  }
}

extension AuditedBatch {
  /// nil when the entries cannot be of images of this data set, or contradict themselves.
  fileprivate init?(_ entries: [Entry], of dataset: ImageDataset) {
    var violations: [(Int, Violation)] = []
    for entry in entries {
      guard (0..<dataset.count).contains(entry.position),
        dataset.indices[entry.position] == entry.index,
        (0...1 << 40).contains(entry.forwardPasses), (0...1 << 40).contains(entry.backwardPasses),
        [entry.radius, entry.distance, entry.binary32OnlyDistance].allSatisfy({ $0 ?? 0 >= 0 })
      else { return nil }
      let image = entry.image
      guard image.distance.isFinite, image.distance <= image.radius else { continue }
      guard let violation = entry.violation(of: dataset) else { return nil }
      violations.append((entry.position, violation))
    }
    self.init(
      positions: entries.map(\.position), images: entries.map(\.image), violations: violations)
  }
}
