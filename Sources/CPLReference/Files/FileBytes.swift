// SPDX-License-Identifier: Apache-2.0

import CPLNumerics
import Foundation

/// A file that anybody may have made, whole in memory. Readers of such files take nothing on trust:
/// every offset and length that a file states is checked against its bytes before it is used.
package struct FileBytes: Sendable {
  /// Where the bytes come from, for messages.
  package let path: String
  package let bytes: [UInt8]

  /// The largest file that is read, in bytes.
  static let limit = 1 << 34

  /// Reads the regular file at `path`.
  ///
  /// - Throws: `ReferenceError.missing`, `.inputOutput`, or `.invalid` for what is no file, for a
  ///   file of more than 16 GiB, and for one that the machine has no memory for.
  package init(_ path: String) throws {
    let file = try InputFile(path)
    guard file.byteCount <= Self.limit, InputFile.hasMemory(file.byteCount) else {
      throw ReferenceError.invalid(
        path: path, location: "", expected: "a file that fits into memory",
        found: "\(file.byteCount) bytes")
    }
    let bytes = try [UInt8](unsafeUninitializedCapacity: file.byteCount) { buffer, count in
      count = try file.fill(UnsafeMutableRawBufferPointer(buffer))
    }
    self.init(bytes, path: path)
  }

  /// Bytes as if they were read from a file at `path`.
  package init(_ bytes: [UInt8], path: String) {
    self.path = path
    self.bytes = bytes
  }

  package func invalid(_ location: String, expected: String, found: String) -> ReferenceError {
    .invalid(path: path, location: location, expected: expected, found: found)
  }

  /// The bytes `offset ..< offset + count` as a range, checked to be in the file.
  ///
  /// - Parameter what: what they are, for the message.
  package func range(_ offset: some BinaryInteger, _ count: some BinaryInteger, _ what: String)
    throws
    -> Range<Int>
  {
    guard let start = Int(exactly: offset), let count = Int(exactly: count), start >= 0, count >= 0,
      start <= bytes.count, count <= bytes.count - start
    else {
      throw invalid(
        "byte \(offset)", expected: "\(what) of \(count) bytes",
        found: "the end of the file at byte \(bytes.count)")
    }
    return start..<start + count
  }

  /// The little-endian integer at `offset`.
  package func integer<Value: FixedWidthInteger & UnsignedInteger>(
    _ offset: some BinaryInteger, as type: Value.Type = Value.self
  ) throws -> Value {
    let range = try range(offset, MemoryLayout<Value>.size, "a number")
    return range.reversed().reduce(0) { $0 << 8 | Value(truncatingIfNeeded: bytes[$1]) }
  }

  /// The text in UTF-8 of these bytes, which are in the file.
  package func text(_ range: Range<Int>, _ what: String) throws -> String {
    guard let text = String(validating: bytes[range], as: UTF8.self) else {
      throw invalid(
        "byte \(range.lowerBound)", expected: "\(what) in UTF-8", found: "other bytes")
    }
    return text
  }
}

extension [Int] {
  /// The product, unless it or the product of any of its parts overflows; extents that are not
  /// negative.
  package var checkedProduct: Int? {
    var product = 1
    for extent in self {
      let (next, overflow) = product.multipliedReportingOverflow(by: Swift.max(1, extent))
      if overflow || extent < 0 { return nil }
      product = next
    }
    return contains(0) ? 0 : product
  }
}

extension String {
  /// A name from a file as it may stand in a message: of one line and not too long.
  package var forMessage: String {
    let clean = unicodeScalars.prefix(80).map { scalar in
      scalar.properties.generalCategory == .control || scalar.properties.isWhitespace
        ? scalar == " " ? " " : "\u{FFFD}" : String(scalar)
    }
    return clean.joined() + (unicodeScalars.count > 80 ? "…" : "")
  }
}
