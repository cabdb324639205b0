// SPDX-License-Identifier: Apache-2.0

import CPLNumerics

/// NumPy's array files (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html):
/// `.npy`, one array behind a header in Python's notation, and `.npz`, a zip archive of those.
package enum NumPyFile {
  static let signature: [UInt8] = [0x93] + Array("NUMPY".utf8)
  package static let archiveSignature: [UInt8] = [0x50, 0x4b, 3, 4]

  /// The longest header that is read, in bytes.
  private static let headerLimit = 1 << 16

  /// The array of a `.npy` file.
  package static func array(_ file: FileBytes) throws -> StoredTensor {
    try array(file.bytes[...], name: "", of: file)
  }

  /// The arrays of an `.npz` archive with these names, "images" for `images.npy`.
  package static func arrays(_ names: [String], of file: FileBytes) throws -> [StoredTensor] {
    let archive = try ZipArchive(file)
    return try names.map { name in
      guard archive.entries["\(name).npy"] != nil else {
        let found = archive.entries.keys.sorted().prefix(8).map(\.forMessage)
        throw file.invalid(
          "", expected: "an array '\(name)'", found: found.joined(separator: ", "))
      }
      return try array(try archive.contents(of: "\(name).npy"), name: name, of: file)
    }
  }

  /// The names of an archive's arrays.
  package static func names(in file: FileBytes) throws -> [String] {
    try ZipArchive(file).entries.keys.filter { $0.hasSuffix(".npy") }.map { String($0.dropLast(4)) }
  }

  /// Every array of a `.npy` file or an archive of such; nil where the file is neither.
  package static func all(in file: FileBytes) throws -> [StoredTensor]? {
    if file.bytes.starts(with: signature) { return [try array(file)] }
    guard file.bytes.starts(with: archiveSignature) else { return nil }
    let suffix = ".npy"
    let names = try ZipArchive(file).entries.keys.sorted()
    guard names.allSatisfy({ $0.hasSuffix(suffix) }) else { return nil }
    return try arrays(names.map { String($0.dropLast(suffix.count)) }, of: file)
  }

  private static func array(
    _ bytes: ArraySlice<UInt8>, name: String, of file: FileBytes
  ) throws -> StoredTensor {
    func invalid(_ expected: String, _ found: String) -> ReferenceError {
      file.invalid(name, expected: expected, found: found)
    }
    guard bytes.starts(with: signature), bytes.count >= 12 else {
      throw invalid("a NumPy array", "something else")
    }
    let start = bytes.startIndex
    let version = bytes[start + 6]
    guard (1...3).contains(version) else {
      throw invalid("version 1 to 3 of NumPy's format", "\(version)")
    }
    // The header's length has two bytes, four from version 2 on.
    let lengthBytes = version == 1 ? 2 : 4
    let length = bytes[start + 8..<start + 8 + lengthBytes].reversed()
      .reduce(0) { $0 << 8 | Int($1) }
    let body = start + 8 + lengthBytes
    guard length <= headerLimit, length <= bytes.endIndex - body else {
      throw invalid(
        "a header of at most \(min(headerLimit, bytes.endIndex - body)) bytes", "\(length)")
    }
    let header = try NumPyHeader(bytes[body..<body + length], invalid)
    let elements = bytes[(body + length)...]
    guard (header.shape + [header.format.byteCount]).checkedProduct == elements.count else {
      throw invalid(
        "the bytes of \(header.format) of shape \(header.shape)", "\(elements.count)")
    }
    let strides = StoredTensor.rowMajorStrides(
      header.isFortranOrder ? header.shape.reversed() : header.shape)
    return StoredTensor(
      name: name, format: header.format, shape: header.shape,
      strides: header.isFortranOrder ? strides.reversed() : strides, storage: elements,
      isBigEndian: header.isBigEndian)
  }
}

/// The header of an array: a dictionary in Python's notation with three keys.
private struct NumPyHeader {
  private(set) var format = NumberFormat.uint8
  private(set) var isBigEndian = false
  private(set) var isFortranOrder = false
  private(set) var shape: [Int] = []

  private var rest: ArraySlice<UInt8>
  private let invalid: (_ expected: String, _ found: String) -> ReferenceError

  init(
    _ bytes: ArraySlice<UInt8>,
    _ invalid: @escaping (_ expected: String, _ found: String) -> ReferenceError
  ) throws {
    rest = bytes
    self.invalid = invalid
    var keys: Set<String> = []
    try expect("{")
    while !accept("}") {
      let key = try text()
      guard keys.insert(key).inserted else { throw invalid("each key once", key.forMessage) }
      try expect(":")
      switch key {
      case "descr": try readFormat(try text())
      case "fortran_order": isFortranOrder = try truth()
      case "shape": shape = try extents()
      default: throw invalid("descr, fortran_order and shape", "'\(key.forMessage)'")
      }
      if !accept(",") {
        try expect("}")
        break
      }
    }
    skipSpace()
    guard keys.count == 3, rest.isEmpty else {
      throw invalid("descr, fortran_order and shape", "\(keys.count) keys")
    }
  }

  /// A type such as "<f4".
  private mutating func readFormat(_ text: String) throws {
    let formats: [String: NumberFormat] = [
      "f8": .float64, "f4": .float32, "f2": .float16, "i8": .int64, "i4": .int32, "i2": .int16,
      "i1": .int8, "u8": .uint64, "u4": .uint32, "u2": .uint16, "u1": .uint8, "b1": .bool,
    ]
    guard let order = text.first, "<>|=".contains(order),
      let found = formats[String(text.dropFirst())]
    else {
      throw invalid(
        "numbers of a fixed size", "'\(text.forMessage)', which is refused; nothing was executed")
    }
    format = found
    isBigEndian = order == ">"
  }

  private mutating func text() throws -> String {
    try expect("'")
    guard let end = rest.firstIndex(of: UInt8(ascii: "'")),
      let text = String(validating: rest[..<end], as: UTF8.self)
    else { throw invalid("a quoted name in the header", "none") }
    rest = rest[(end + 1)...]
    return text
  }

  private mutating func truth() throws -> Bool {
    skipSpace()
    for (word, value) in [("True", true), ("False", false)] where rest.starts(with: word.utf8) {
      rest = rest.dropFirst(word.utf8.count)
      return value
    }
    throw invalid("True or False in the header", "something else")
  }

  private mutating func extents() throws -> [Int] {
    try expect("(")
    var extents: [Int] = []
    while !accept(")") {
      skipSpace()
      let digits = rest.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
      guard let extent = Int(String(decoding: digits, as: UTF8.self)), extents.count < 16 else {
        let text = String(decoding: rest.prefix(20), as: UTF8.self).forMessage
        throw invalid("at most 16 extents that are not negative", "'\(text)'")
      }
      extents.append(extent)
      rest = rest[digits.endIndex...]
      if !accept(",") {
        try expect(")")
        break
      }
    }
    return extents
  }

  private mutating func skipSpace() {
    rest = rest.drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\n") }
  }

  private mutating func accept(_ character: Unicode.Scalar) -> Bool {
    skipSpace()
    guard rest.first == UInt8(ascii: character) else { return false }
    rest = rest.dropFirst()
    return true
  }

  private mutating func expect(_ character: Unicode.Scalar) throws {
    guard accept(character) else {
      let text = String(decoding: rest.prefix(20), as: UTF8.self).forMessage
      throw invalid("'\(character)' in the header", "'\(text)'")
    }
  }
}
