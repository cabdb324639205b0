// SPDX-License-Identifier: Apache-2.0

import CPLFiles
import CPLNumerics
import Foundation

/// The safetensors format (https://github.com/huggingface/safetensors): the length of a header in
/// eight bytes, the header in JSON, and the elements of all tensors in a row.
package enum Safetensors {
  /// The largest header that is read, in bytes.
  private static let headerLimit = 1 << 24

  /// The tensors of a file in the order of their bytes, and its metadata.
  ///
  /// - Throws: `ReferenceError.invalid` also for tensors that overlap or leave gaps, and for bytes
  ///   behind the last one.
  static func read(
    _ file: FileBytes
  ) throws -> (tensors: [StoredTensor], metadata: [String: String]) {
    let length: UInt64 = try file.integer(0)
    guard length <= headerLimit else {
      throw file.invalid(
        "byte 0", expected: "a header of at most \(headerLimit) bytes", found: "one of \(length)")
    }
    let range = try file.range(8, length, "a header")
    let header = try SafetensorsHeader(file, range)
    var position = 0
    let tensors = try header.entries.sorted { ($0.begin, $0.end) < ($1.begin, $1.end) }.map {
      guard let format = formats[$0.type] else {
        throw file.invalid(
          $0.name.forMessage, expected: "one of \(formats.keys.sorted().joined(separator: ", "))",
          found: "'\($0.type.forMessage)'")
      }
      guard $0.begin == position, $0.end >= $0.begin else {
        throw file.invalid(
          $0.name.forMessage, expected: "data_offsets from \(position), where the last tensor ends",
          found: "\($0.begin) to \($0.end)")
      }
      let bytes = try file.range(
        range.upperBound.addingReportingOverflow($0.begin).partialValue, $0.end - $0.begin,
        $0.name.forMessage)
      guard ($0.shape + [format.byteCount]).checkedProduct == bytes.count else {
        throw file.invalid(
          $0.name.forMessage, expected: "the bytes of \(format) of shape \($0.shape)",
          found: "\(bytes.count)")
      }
      position = $0.end
      return StoredTensor(
        name: $0.name, format: format, shape: $0.shape, storage: file.bytes[bytes])
    }
    guard range.upperBound + position == file.bytes.count else {
      throw file.invalid(
        "byte \(range.upperBound + position)", expected: "the end of the file", found: "more bytes")
    }
    return (tensors, header.metadata)
  }

  /// Writes tensors in binary32, whole or not at all.
  ///
  /// - Precondition: no two tensors have the same name.
  package static func write(
    _ tensors: [(name: String, value: Tensor<Float>)], metadata: [String: String], to path: String
  ) throws {
    struct Entry: Encodable {
      let dtype = "F32"
      let shape: [Int]
      let data_offsets: [Int]
    }
    var position = 0
    var members = metadata.isEmpty ? [] : ["\"__metadata__\":\(try json(metadata))"]
    for (name, value) in tensors {
      let end = position + MemoryLayout<Float>.size * value.count
      let entry = Entry(shape: value.shape, data_offsets: [position, end])
      members.append("\(try json(name)):\(try json(entry))")
      position = end
    }
    var header = Array("{\(members.joined(separator: ","))}".utf8)
    // The elements begin at a multiple of eight bytes.
    header += [UInt8](repeating: UInt8(ascii: " "), count: (8 - header.count % 8) % 8)
    try AtomicFile.write(to: path) { file in
      try withUnsafeBytes(of: UInt64(header.count).littleEndian) { try file.append(Array($0)) }
      try file.append(header)
      for (_, value) in tensors {
        try value.elements.map(\.bitPattern.littleEndian).withUnsafeBytes { try file.append($0) }
      }
    }
  }

  private static let formats: [String: NumberFormat] = [
    "F64": .float64, "F32": .float32, "F16": .float16, "BF16": .bfloat16, "I64": .int64,
    "I32": .int32, "I16": .int16, "I8": .int8, "U64": .uint64, "U32": .uint32, "U16": .uint16,
    "U8": .uint8, "BOOL": .bool,
  ]
}
