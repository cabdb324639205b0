// SPDX-License-Identifier: Apache-2.0

import CPLReference

/// The formats that hold fields by their names.
enum FieldFormat: String, CaseIterable {
  case hdf5 = "HDF5"
  case json = "JSON"
  case csv = "CSV"
}

extension [FieldFormat] {
  static var tables: [FieldFormat] { [.hdf5, .csv] }
  static var documents: [FieldFormat] { [.json, .csv] }
  static var attributes: [FieldFormat] { [.hdf5, .json] }
  static var json: [FieldFormat] { [.json] }
}

/// One field of a kind of record, such as an audited image: how it is called, what it is, and where a
/// record has it. Every format and the tables of `docs/formats.md` take it from its list.
protocol RecordField<Record>: Sendable {
  associatedtype Record
  /// Its name in each format that has it.
  var names: [FieldFormat: String] { get }
  var unit: ReportUnit { get }
  /// What it holds, special values included.
  var meaning: String { get }

  func json(_ record: Record) -> any Encodable
  func csv(_ record: Record) -> String
  /// Adds a dataset with the values of all records and their unit.
  func write(column records: [Record], to group: String, of file: borrowing HDF5File) throws
  /// Adds the value of one record as an attribute, where there is one.
  func write(attribute record: Record, of group: String, in file: borrowing HDF5File) throws
}

/// A field that any format can have, and that is read back.
struct Field<Record, Value: FieldValue>: RecordField {
  let names: [FieldFormat: String]
  let unit: ReportUnit
  let meaning: String
  /// What a file may hold.
  let range: ReportRange
  let value: @Sendable (Record) -> Value

  /// - Parameters:
  ///   - hdf5: the name in HDF5, where it is another.
  ///   - csv: the name in CSV, where it is another.
  ///   - formats: those that have the field.
  init(
    _ name: String, hdf5: String? = nil, csv: String? = nil,
    in formats: [FieldFormat] = FieldFormat.allCases, _ unit: ReportUnit, _ meaning: String,
    range: ReportRange = .any, _ value: @escaping @Sendable (Record) -> Value
  ) {
    let others = [FieldFormat.hdf5: hdf5, .csv: csv].compactMapValues(\.self)
    names = Dictionary(uniqueKeysWithValues: formats.map { ($0, others[$0] ?? name) })
    self.unit = unit
    self.meaning = meaning
    self.range = range
    self.value = value
  }

  func json(_ record: Record) -> any Encodable { value(record).json }
  func csv(_ record: Record) -> String { value(record).csv }

  func write(column records: [Record], to group: String, of file: borrowing HDF5File) throws {
    guard let name = names[.hdf5] else { return }
    // What is stored in words has no unit there.
    let unit = Value.Stored.self == String.self ? .text : unit
    try file.write(column: name, of: group, records.map(value), unit)
  }

  func write(attribute record: Record, of group: String, in file: borrowing HDF5File) throws {
    guard let name = names[.hdf5], let attribute = value(record).attribute else { return }
    try file.setAttribute(name, attribute, of: group)
  }
}

/// A field of JSON alone, such as a number that follows from others.
struct DocumentField<Record>: RecordField {
  let names: [FieldFormat: String]
  let unit: ReportUnit
  let meaning: String
  private let value: @Sendable (Record) -> any Encodable

  init<Value: Encodable>(
    _ name: String, _ unit: ReportUnit, _ meaning: String,
    _ value: @escaping @Sendable (Record) -> Value
  ) {
    names = [.json: name]
    self.unit = unit
    self.meaning = meaning
    self.value = value
  }

  func json(_ record: Record) -> any Encodable { value(record) }
  func csv(_ record: Record) -> String { "" }
  func write(column records: [Record], to group: String, of file: borrowing HDF5File) {}
  func write(attribute record: Record, of group: String, in file: borrowing HDF5File) {}
}

/// All fields of a kind of record: the stored properties, in the order of CSV's columns.
protocol FieldList: Sendable {
  associatedtype Record
  init()
}

extension FieldList {
  typealias F<Value: FieldValue> = Field<Record, Value>
  typealias J = DocumentField<Record>

  static var all: [any RecordField<Record>] {
    Mirror(reflecting: Self()).children.compactMap { $0.value as? any RecordField<Record> }
  }
}

/// One row of a table that is kept column by column.
@dynamicMemberLookup
struct TableRow<Table: Sendable>: Sendable {
  let table: Table
  let row: Int

  subscript<Value>(dynamicMember column: KeyPath<Table, [Value]>) -> Value {
    table[keyPath: column][row]
  }
}

/// A value with what else its fields are told from.
@dynamicMemberLookup
struct Placed<Part: Sendable, Place: Sendable>: Sendable {
  let part: Part
  let place: Place

  subscript<Value>(dynamicMember path: KeyPath<Part, Value>) -> Value { part[keyPath: path] }
}
