// SPDX-License-Identifier: Apache-2.0

import CPLReference

/// What the numbers of a field count or measure, as its attribute `unit` says.
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

/// A table is a group whose columns are one-dimensional datasets of equal length.
extension HDF5File {
  func write<Value: FieldValue>(
    column name: String, of group: String, _ values: [Value], _ unit: ReportUnit
  ) throws {
    try Value.Stored.write(values.map(\.stored), to: "\(group)/\(name)", of: self)
    try setAttribute("unit", .string(unit.rawValue), of: "\(group)/\(name)")
  }

  /// Adds a column for each field.
  func write<Record>(
    rows records: [Record], _ fields: [any RecordField<Record>], to group: String
  ) throws {
    for field in fields { try field.write(column: records, to: group, of: self) }
  }

  /// Adds an attribute for each field of which the record has a value.
  func write<Record>(
    attributes record: Record, _ fields: [any RecordField<Record>], to group: String
  ) throws {
    for field in fields { try field.write(attribute: record, of: group, in: self) }
  }

  /// A column; `rows` is how many there have to be.
  func column<Value: FieldValue>(
    _ name: String, of group: String, rows: Int? = nil, _ range: ReportRange = .any
  ) throws -> [Value] {
    let location = "\(group)/\(name)"
    let elements = try Value.Stored.read(location, of: self)
    if let rows, rows != elements.count {
      throw invalid(location, expected: "\(rows) rows, as beside it", found: "\(elements.count)")
    }
    return try elements.indices.map { row in
      try value(elements[row], range, at: location, row: row)
    }
  }

  func column<Record, Value>(
    _ field: Field<Record, Value>, of group: String, rows: Int? = nil
  ) throws -> [Value] {
    try column(field.names[.hdf5] ?? "", of: group, rows: rows, field.range)
  }

  /// A record for each row.
  func records<Record, each Value: FieldValue>(
    of group: String, _ fields: repeat Field<Record, each Value>,
    make: (repeat each Value) -> Record
  ) throws -> [Record] {
    var rows: Int?
    let columns = (repeat try column(each fields, of: group, &rows))
    return (0..<(rows ?? 0)).map { row in make(repeat (each columns)[row]) }
  }

  private func column<Record, Value>(
    _ field: Field<Record, Value>, of group: String, _ rows: inout Int?
  ) throws -> [Value] {
    let values = try column(field, of: group, rows: rows)
    rows = values.count
    return values
  }

  func attribute<Value: FieldValue>(
    _ name: String, of group: String, _ range: ReportRange = .any
  ) throws -> Value {
    let location = "\(group), attribute '\(name)'"
    guard let stored = Value.Stored(try attribute(name, of: group)) else {
      throw invalid(location, expected: Value.expectation, found: "something else")
    }
    return try value(stored, range, at: location)
  }

  /// An attribute that may be missing.
  func attribute<Value: FieldValue>(
    ifPresent name: String, of group: String, _ range: ReportRange = .any
  ) throws -> Value? {
    guard try attributeNames(of: group).contains(name) else { return nil }
    return try attribute(name, of: group, range) as Value
  }

  func attribute<Record, Value>(_ field: Field<Record, Value>, of group: String) throws -> Value {
    try attribute(field.names[.hdf5] ?? "", of: group, field.range)
  }

  func attribute<Record, Value>(
    _ field: Field<Record, Value?>, of group: String
  ) throws -> Value? {
    try attribute(ifPresent: field.names[.hdf5] ?? "", of: group, field.range)
  }

  /// The value of what was found at a location.
  func value<Value: FieldValue>(
    _ stored: Value.Stored, _ range: ReportRange = .any, at location: String, row: Int? = nil
  ) throws -> Value {
    let expected = stored.objection(range)
    guard expected == nil, let value = Value(stored: stored) else {
      throw invalid(
        location, expected: expected ?? Value.expectation,
        found: String(reflecting: stored) + (row.map { " in row \($0)" } ?? ""))
    }
    return value
  }

  func invalid(_ location: String, expected: String, found: String) -> ReferenceError {
    .invalid(path: path, location: location, expected: expected, found: found)
  }
}
