// SPDX-License-Identifier: Apache-2.0

import CPLFiles
import CPLNumerics
import Foundation

/// Reads the header of a safetensors file: JSON of a fixed form, read strictly. Unlike a general
/// reader of JSON it refuses a key that comes twice, of which others take the first or the last, and
/// it needs no more memory than the header's own size a few times over.
struct SafetensorsHeader {
  struct Entry {
    let name: String
    let type: String
    let shape: [Int]
    /// In bytes from the end of the header.
    let begin: Int
    let end: Int
  }

  private(set) var entries: [Entry] = []
  private(set) var metadata: [String: String] = [:]

  private let file: FileBytes
  private let end: Int
  private var position: Int

  /// Reads the header that lies in `range` of the file.
  init(_ file: FileBytes, _ range: Range<Int>) throws {
    self.file = file
    position = range.lowerBound
    end = range.upperBound
    var names: Set<String> = []
    try members { header, name in
      guard names.insert(name).inserted else { throw header.duplicate(name) }
      if name == "__metadata__" {
        try header.readMetadata()
      } else {
        header.entries.append(try header.entry(name))
      }
    }
    skipSpace()
    guard position == end else { throw expected("the end of the header") }
  }

  private mutating func readMetadata() throws {
    try members { header, key in
      let value = try header.string()
      guard header.metadata.updateValue(value, forKey: key) == nil else {
        throw header.duplicate(key)
      }
    }
  }

  private mutating func entry(_ name: String) throws -> Entry {
    var type: String?
    var shape: [Int]?
    var offsets: [Int]?
    try members { header, key in
      switch key {
      case "dtype" where type == nil: type = try header.string()
      case "shape" where shape == nil: shape = try header.numbers()
      case "data_offsets" where offsets == nil: offsets = try header.numbers()
      default: throw header.duplicate(key)
      }
    }
    guard let type, let shape, let offsets, offsets.count == 2 else {
      throw file.invalid(
        name.forMessage, expected: "dtype, shape and two data_offsets", found: "something else")
    }
    return Entry(name: name, type: type, shape: shape, begin: offsets[0], end: offsets[1])
  }

  /// Reads an object and hands each key to `body`, which reads the value.
  private mutating func members(
    _ body: (inout SafetensorsHeader, String) throws -> Void
  ) throws {
    try expect("{")
    if accept("}") { return }
    repeat {
      let key = try string()
      try expect(":")
      try body(&self, key)
    } while accept(",")
    try expect("}")
  }

  /// A list of at most 16 integers that are not negative.
  private mutating func numbers() throws -> [Int] {
    try expect("[")
    if accept("]") { return [] }
    var numbers: [Int] = []
    repeat {
      guard numbers.count < 16 else { throw expected("at most 16 extents") }
      numbers.append(try number())
    } while accept(",")
    try expect("]")
    return numbers
  }

  private mutating func number() throws -> Int {
    skipSpace()
    let start = position
    let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
    while position < end, digits.contains(file.bytes[position]) { position += 1 }
    let text = String(decoding: file.bytes[start..<position], as: UTF8.self)
    guard let number = Int(text), text == "0" || !text.hasPrefix("0") else {
      position = start
      throw expected("an integer below 2⁶³")
    }
    return number
  }

  private mutating func string() throws -> String {
    try expect("\"")
    let start = position
    var isEscaped = false
    while position < end, file.bytes[position] != UInt8(ascii: "\"") {
      guard file.bytes[position] >= 0x20 else { throw expected("a character of a string") }
      if file.bytes[position] == UInt8(ascii: "\\") {
        isEscaped = true
        position += 1
      }
      position += 1
    }
    guard position < end else {
      position = end
      throw expected("the end of a string")
    }
    position += 1
    guard isEscaped else { return try file.text(start..<position - 1, "a string") }
    let quoted = Data(file.bytes[start - 1..<position])
    guard let text = try? JSONDecoder().decode(String.self, from: quoted) else {
      position = start
      throw expected("a string in JSON")
    }
    return text
  }

  private mutating func skipSpace() {
    while position < end, [0x20, 0x09, 0x0a, 0x0d].contains(file.bytes[position]) { position += 1 }
  }

  private mutating func accept(_ character: Unicode.Scalar) -> Bool {
    skipSpace()
    guard position < end, file.bytes[position] == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  private mutating func expect(_ character: Unicode.Scalar) throws {
    guard accept(character) else { throw expected("'\(character)'") }
  }

  private func expected(_ what: String) -> ReferenceError {
    let found =
      position == end
      ? "the end"
      : (33...126).contains(file.bytes[position])
        ? "'\(Character(Unicode.Scalar(file.bytes[position])))'" : "another character"
    return file.invalid("header, byte \(position)", expected: what, found: found)
  }

  private func duplicate(_ key: String) -> ReferenceError {
    file.invalid(
      "header, byte \(position)", expected: "each known key once",
      found: "'\(key.forMessage)'")
  }
}
