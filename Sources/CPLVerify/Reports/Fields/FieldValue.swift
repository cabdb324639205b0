// SPDX-License-Identifier: Apache-2.0

import CPLAudit
import CPLBounds
import CPLCertificates
import CPLFindings
import CPLReference
import Foundation

/// A value that a field can have, in every format.
protocol FieldValue: Sendable {
  associatedtype Stored: StoredValue
  /// As HDF5 holds it.
  var stored: Stored { get }
  /// nil for what no such value is stored as.
  init?(stored: Stored)
  /// As an attribute of HDF5; nil where there is none.
  var attribute: HDF5Attribute? { get }
  /// What is stored, for messages.
  static var expectation: String { get }
  /// As JSON holds it: null where there is none, or no text for it.
  var json: any Encodable { get }
  /// As text that reads back as the same value; empty where there is none.
  var csv: String { get }
}

extension FieldValue {
  var attribute: HDF5Attribute? { stored.attribute }
}

/// A count, an index or a class; a negative one is none.
extension Int: FieldValue {
  var stored: Int64 { Int64(self) }
  init?(stored: Int64) { self.init(exactly: stored) }
  static var expectation: String { "a count" }
  var json: any Encodable { OrNull(class: self) }
  var csv: String { self < 0 ? "" : "\(self)" }
}

/// As decimal text: HDF5's integers here are signed.
extension UInt64: FieldValue {
  var stored: String { "\(self)" }
  init?(stored: String) { self.init(stored) }
  static var expectation: String { "a seed" }
  var json: any Encodable { self }
  var csv: String { stored }
}

extension Double: FieldValue {
  var stored: Double { self }
  init?(stored: Double) { self = stored }
  static var expectation: String { "a number" }
  var json: any Encodable { OrNull(number: self) }
  var csv: String { description }
}

extension Float: FieldValue {
  var stored: Float { self }
  init?(stored: Float) { self = stored }
  static var expectation: String { "a number" }
  var json: any Encodable { OrNull(number: Double(self)) }
  var csv: String { description }
}

extension String: FieldValue {
  var stored: String { self }
  init?(stored: String) { self = stored }
  static var expectation: String { "text" }
  var json: any Encodable { self }
  var csv: String { self }
}

/// A list of names, stored as JSON's text, whatever the names are.
extension Array: FieldValue where Element == String {
  var stored: String {
    (try? JSONEncoder().encode(self)).map { String(decoding: $0, as: UTF8.self) } ?? "[]"
  }
  init?(stored: String) {
    guard let names = try? JSONDecoder().decode([String].self, from: Data(stored.utf8)) else {
      return nil
    }
    self = names
  }
  static var expectation: String { "a list of names in JSON" }
  var json: any Encodable { self }
  var csv: String { stored }
}

extension Epsilon: FieldValue {
  var stored: String { description }
  init?(stored: String) { self.init(stored) }
  static var expectation: String { "a radius, such as 36/255" }
  var json: any Encodable { OrNull(number: value) }
  var csv: String { description }
}

extension Optional: FieldValue where Wrapped: FieldValue {
  var stored: Wrapped.Stored { self?.stored ?? .absent }
  init?(stored: Wrapped.Stored) {
    if stored.isAbsent {
      self = .none
    } else {
      guard let value = Wrapped(stored: stored) else { return nil }
      self = value
    }
  }
  var attribute: HDF5Attribute? { self?.attribute }
  static var expectation: String { Wrapped.expectation }
  var json: any Encodable { self?.json ?? OrNull<String>(nil) }
  var csv: String { self?.csv ?? "" }
}

/// A value that is stored by its name.
protocol NamedValue: FieldValue, RawRepresentable<String>, Encodable {}

extension NamedValue {
  var stored: String { rawValue }
  init?(stored: String) { self.init(rawValue: stored) }
  static var expectation: String { "a known name" }
  var json: any Encodable { self }
  var csv: String { rawValue }
}

extension SpectralNormEnclosure.Method: NamedValue {}
extension StepRule: NamedValue {}
extension AuditedImage.Extent: NamedValue {}
extension AuditResult.Verdict: NamedValue {}
extension Violation.Cause: NamedValue {}
extension CheckResult.Verdict: NamedValue {}
extension CPLFindings.Measurement.Relation: NamedValue {}
extension CPLFindings.Measurement.Verdict: NamedValue {}
extension Notice.Kind: NamedValue {}
extension CertificateKind: NamedValue {
  static var expectation: String { "a kind of certificate: \(names)" }
}
