// SPDX-License-Identifier: Apache-2.0

/// An array of bytes in the IDX format of MNIST's authors.
package func idxFile(_ extents: [Int], _ elements: [UInt8], type: UInt8 = 8) -> [UInt8] {
  let header = [0, 0, type, UInt8(extents.count)]
  return header + extents.flatMap { bytes(UInt32($0)).reversed() } + elements
}

/// A gzip file with this content, not compressed.
package func gzipFile(_ content: [UInt8]) -> [UInt8] {
  var file: [UInt8] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]
  for start in stride(from: 0, to: max(1, content.count), by: 65535) {
    let block = content[start..<min(start + 65535, content.count)]
    let length = UInt16(block.count)
    file.append(start + block.count == content.count ? 1 : 0)
    file += bytes(length) + bytes(~length) + block
  }
  let checksum = content.reduce(UInt32.max) { checksum, byte in
    (0..<8).reduce(checksum ^ UInt32(byte)) { value, _ in
      value & 1 == 1 ? value >> 1 ^ 0xedb8_8320 : value >> 1
    }
  }
  return file + bytes(~checksum) + bytes(UInt32(truncatingIfNeeded: content.count))
}
