// SPDX-License-Identifier: Apache-2.0

extension NumPyFile {
  /// Writes binary32 numbers as a `.npy` file of version 1, in rows, whole or not at all.
  ///
  /// - Parameters:
  ///   - shape: with the rows as its first extent.
  ///   - row: the numbers of each row.
  package static func write(
    shape: [Int], to path: String, row: (Int) throws -> [Float]
  ) throws {
    let extents = shape.map { "\($0)," }.joined(separator: " ")
    var header = "{'descr': '<f4', 'fortran_order': False, 'shape': (\(extents)), }"
    // The numbers begin at a multiple of 64 bytes; a line feed ends the header.
    let start = signature.count + 4
    header += String(repeating: " ", count: 63 - (start + header.utf8.count) % 64) + "\n"
    let length = UInt16(header.utf8.count)
    try AtomicFile.write(to: path) { file in
      try file.append(
        signature + [1, 0, UInt8(length & 255), UInt8(length >> 8)] + Array(header.utf8))
      for index in 0..<shape[0] {
        try row(index).map(\.bitPattern.littleEndian).withUnsafeBytes { try file.append($0) }
      }
    }
  }
}
