import CPLCertificates
import CPLReference

/// What the numbers of a column count or measure, as its attribute `unit` says.
enum ReportUnit: String {
  /// A name.
  case text
  /// An index or a class, counted from 0, or an epoch, counted from 1.
  case ordinal
  case count
  /// A number without a dimension.
  case ratio = "1"
  case logit
  /// A Euclidean distance between images with channels in [0, 1].
  case pixels = "pixel values in [0, 1], Euclidean norm"
  /// One channel of an image.
  case intensity = "pixel value in [0, 1]"
}

/// The numbers that a column may hold.
enum ReportRange {
  case any, notNaN
  /// Finite or ∞, and not below 0.
  case distance

  func contains(_ value: Double) -> Bool {
    switch self {
    case .any: true
    case .notNaN: !value.isNaN
    case .distance: value >= 0
    }
  }
}

/// The largest count or index that a report may hold: sums over all rows of a file stay far below
/// the largest integer.
private let countLimit: Int64 = 1 << 40

// MARK: Columns

/// A table is a group whose columns are one-dimensional datasets of equal length.
extension HDF5File {
  func write<Element: HDF5Element>(
    column name: String, of group: String, _ values: [Element], _ unit: ReportUnit
  ) throws {
    try write(values, to: "\(group)/\(name)")
    try setAttribute("unit", .string(unit.rawValue), of: "\(group)/\(name)")
  }

  func write(column name: String, of group: String, _ values: [Int], _ unit: ReportUnit) throws {
    try write(column: name, of: group, values.map { Int64($0) }, unit)
  }

  func write(column name: String, of group: String, _ values: [String]) throws {
    try write(values, to: "\(group)/\(name)")
    try setAttribute("unit", .string(ReportUnit.text.rawValue), of: "\(group)/\(name)")
  }

  /// Counts or indices; `rows` is how many there have to be.
  func integers(_ name: String, of group: String, rows: Int? = nil) throws -> [Int] {
    let values = try column(Int64.self, name, of: group, rows: rows)
    if let row = values.firstIndex(where: { !(0...countLimit).contains($0) }) {
      throw invalid("\(group)/\(name)", expected: "a count", found: "\(values[row]) in row \(row)")
    }
    return values.map { Int($0) }
  }

  /// Classes; −1 where a network's logits were not finite.
  func predictions(_ name: String, of group: String, rows: Int) throws -> [Int] {
    let values = try column(Int64.self, name, of: group, rows: rows)
    if let row = values.firstIndex(where: { !(-1...countLimit).contains($0) }) {
      throw invalid(
        "\(group)/\(name)", expected: "a class, or -1 for none",
        found: "\(values[row]) in row \(row)")
    }
    return values.map { Int($0) }
  }

  func reals(
    _ name: String, of group: String, rows: Int? = nil, _ range: ReportRange
  ) throws -> [Double] {
    let values = try column(Double.self, name, of: group, rows: rows)
    if let row = values.firstIndex(where: { !range.contains($0) }) {
      throw invalid(
        "\(group)/\(name)", expected: range == .distance ? "numbers ≥ 0" : "numbers",
        found: "\(values[row]) in row \(row)")
    }
    return values
  }

  func texts(_ name: String, of group: String, rows: Int? = nil) throws -> [String] {
    let values = try readStrings(from: "\(group)/\(name)")
    try require(values.count, rows, "\(group)/\(name)")
    return values
  }

  /// A column of names that Swift knows; an empty one is nil.
  func cases<Value: RawRepresentable<String>>(
    _ type: Value.Type = Value.self, _ name: String, of group: String, rows: Int
  ) throws -> [Value?] {
    try texts(name, of: group, rows: rows).map { text in
      try text.isEmpty ? nil : value(text, at: "\(group)/\(name)")
    }
  }

  func column<Element: HDF5Element>(
    _ type: Element.Type, _ name: String, of group: String, rows: Int?
  ) throws -> [Element] {
    let (shape, elements) = try read(type, from: "\(group)/\(name)")
    guard shape.count == 1 else {
      throw invalid("\(group)/\(name)", expected: "one row after the other", found: "\(shape)")
    }
    try require(elements.count, rows, "\(group)/\(name)")
    return elements
  }

  private func require(_ found: Int, _ rows: Int?, _ location: String) throws {
    guard let rows, rows != found else { return }
    throw invalid(location, expected: "\(rows) rows, as beside it", found: "\(found)")
  }
}

// MARK: Attributes

extension HDF5File {
  func text(_ name: String, of path: String) throws -> String {
    guard case .string(let text) = try attribute(name, of: path) else {
      throw invalid("\(path), attribute '\(name)'", expected: "text", found: "a number")
    }
    return text
  }

  func real(_ name: String, of path: String, _ range: ReportRange) throws -> Double {
    guard case .real(let real) = try attribute(name, of: path), range.contains(real) else {
      throw invalid(
        "\(path), attribute '\(name)'", expected: "a number", found: "something else")
    }
    return real
  }

  func count(_ name: String, of path: String) throws -> Int {
    guard case .integer(let count) = try attribute(name, of: path),
      (0...countLimit).contains(count)
    else {
      throw invalid("\(path), attribute '\(name)'", expected: "a count", found: "something else")
    }
    return Int(count)
  }

  /// What `text` names, which was found at `location`.
  func value<Value: RawRepresentable<String>>(_ text: String, at location: String) throws -> Value {
    guard let value = Value(rawValue: text) else {
      throw invalid(location, expected: "a known name", found: text.debugDescription)
    }
    return value
  }

  func certificate(_ text: String, at location: String) throws -> CertificateKind {
    guard let kind = CertificateKind(rawValue: text) else {
      throw invalid(
        location, expected: "a kind of certificate: \(CertificateKind.names)",
        found: text.debugDescription)
    }
    return kind
  }

  func epsilon(_ text: String, at location: String) throws -> Epsilon {
    guard let epsilon = Epsilon(text) else {
      throw invalid(location, expected: "a radius, such as 36/255", found: text.debugDescription)
    }
    return epsilon
  }

  func invalid(_ location: String, expected: String, found: String) -> ReferenceError {
    .invalid(path: path, location: location, expected: expected, found: found)
  }
}
