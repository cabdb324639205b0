// SPDX-License-Identifier: Apache-2.0

import CPLReference

/// The numbers that a field may hold.
enum ReportRange {
  case any, notNaN, finite
  /// Finite or ∞, and not below 0.
  case distance
  /// A count, or −1 for no class.
  case classOrNone
}

/// What HDF5 holds of a value: an element of a column, or an attribute.
protocol StoredValue: Equatable, Sendable {
  /// What stands for no value.
  static var absent: Self { get }
  var attribute: HDF5Attribute { get }
  /// What the value is to be, where it is not in a range.
  func objection(_ range: ReportRange) -> String?
  static func write(_ values: [Self], to path: String, of file: borrowing HDF5File) throws
  static func read(_ path: String, of file: borrowing HDF5File) throws -> [Self]
}

extension StoredValue {
  /// Absent, or not a number.
  var isAbsent: Bool { self == .absent || self != self }

  func objection(_ range: ReportRange) -> String? { nil }

  /// nil for an attribute of another type.
  init?(_ attribute: HDF5Attribute) {
    let value: Any =
      switch attribute {
      case .integer(let value): value
      case .real(let value): value
      case .string(let value): value
      }
    guard let value = value as? Self else { return nil }
    self = value
  }
}

extension StoredValue where Self: HDF5Element {
  static func write(_ values: [Self], to path: String, of file: borrowing HDF5File) throws {
    try file.write(values, to: path)
  }

  static func read(_ path: String, of file: borrowing HDF5File) throws -> [Self] {
    let (shape, elements) = try file.read(Self.self, from: path)
    guard shape.count == 1 else {
      throw file.invalid(path, expected: "one row after the other", found: "\(shape)")
    }
    return elements
  }
}

extension Int64: StoredValue {
  /// The largest count or index that a report may hold: sums over all rows of a file stay far below
  /// the largest integer.
  private static let limit: Int64 = 1 << 40

  static var absent: Int64 { -1 }
  var attribute: HDF5Attribute { .integer(self) }

  func objection(_ range: ReportRange) -> String? {
    if range == .classOrNone {
      return (-1...Self.limit).contains(self) ? nil : "a class, or -1 for none"
    }
    return (0...Self.limit).contains(self) ? nil : "a count"
  }
}

extension Double: StoredValue {
  static var absent: Double { .nan }
  var attribute: HDF5Attribute { .real(self) }

  func objection(_ range: ReportRange) -> String? {
    switch range {
    case .any, .classOrNone: nil
    case .notNaN: isNaN ? "a number" : nil
    case .finite: self >= 0 && isFinite ? nil : "a finite number"
    case .distance: self >= 0 ? nil : "numbers ≥ 0"
    }
  }
}

extension Float: StoredValue {
  static var absent: Float { .nan }
  var attribute: HDF5Attribute { .real(Double(self)) }
}

extension String: StoredValue {
  static var absent: String { "" }
  var attribute: HDF5Attribute { .string(self) }

  static func write(_ values: [String], to path: String, of file: borrowing HDF5File) throws {
    try file.write(values, to: path)
  }

  static func read(_ path: String, of file: borrowing HDF5File) throws -> [String] {
    try file.readStrings(from: path)
  }
}
