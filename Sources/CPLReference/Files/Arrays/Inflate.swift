// SPDX-License-Identifier: Apache-2.0

import CZlib

/// What zip archives and gzip files need of zlib.
package enum Zlib {
  /// The CRC-32 of a zip archive's entry.
  static func checksum(_ bytes: ArraySlice<UInt8>) -> UInt32 {
    bytes.withUnsafeBytes {
      UInt32(crc32_z(0, $0.bindMemory(to: UInt8.self).baseAddress, $0.count))
    }
  }

  /// The `count` bytes that `deflated` stands for; nil where it stands for anything else.
  static func inflate(_ deflated: ArraySlice<UInt8>, count: Int) -> [UInt8]? {
    // Negative: without zlib's own header, as in zip archives.
    let (bytes, isWhole) = inflate(deflated, count: count, windowBits: -15)
    return isWhole ? bytes : nil
  }

  /// The first `count` bytes that a gzip file stands for, fewer where it is shorter or damaged, and
  /// whether they are all of it, its checksum among them.
  package static func gunzip(
    _ file: ArraySlice<UInt8>, count: Int
  ) -> (bytes: [UInt8], isWhole: Bool) {
    inflate(file, count: count, windowBits: 16 + 15)
  }

  private static func inflate(
    _ deflated: ArraySlice<UInt8>, count: Int, windowBits: Int32
  ) -> (bytes: [UInt8], isWhole: Bool) {
    var stream = z_stream()
    let size = Int32(MemoryLayout<z_stream>.size)
    guard inflateInit2_(&stream, windowBits, ZLIB_VERSION, size) == Z_OK else { return ([], false) }
    defer { inflateEnd(&stream) }
    var isWhole = false
    let bytes = [UInt8](unsafeUninitializedCapacity: max(1, count)) { output, filled in
      deflated.withUnsafeBytes { input in
        // zlib counts in 32 bits.
        var (read, status) = (0, Z_OK)
        repeat {
          let (inputPart, outputPart) = (
            min(input.count - read, 1 << 30), min(count - filled, 1 << 30)
          )
          stream.next_in = UnsafeMutablePointer(
            mutating: input.bindMemory(to: UInt8.self).baseAddress.map { $0 + read })
          stream.avail_in = UInt32(inputPart)
          stream.next_out = output.baseAddress! + filled
          stream.avail_out = UInt32(outputPart)
          status = CZlib.inflate(&stream, Z_NO_FLUSH)
          let progress = (inputPart - Int(stream.avail_in), outputPart - Int(stream.avail_out))
          read += progress.0
          filled += progress.1
          if status == Z_OK, progress == (0, 0) { status = Z_BUF_ERROR }
        } while status == Z_OK
        isWhole = status == Z_STREAM_END && read == input.count && filled == count
      }
    }
    return (bytes, isWhole)
  }
}
