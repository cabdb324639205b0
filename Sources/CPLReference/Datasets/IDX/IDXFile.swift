// SPDX-License-Identifier: Apache-2.0

import CPLFiles

/// An array of bytes in the IDX format of MNIST's authors (http://yann.lecun.com/exdb/mnist): the bytes
/// 0, 0, 8 and the number of extents, each extent as a big-endian number of 32 bits, and the elements;
/// as it is or compressed by gzip.
package struct IDXFile {
  let path: String
  /// The number of items, such as images.
  let count: Int
  let elements: ArraySlice<UInt8>

  private static let countLimit = 1 << 20

  /// Reads the file at `path`.
  ///
  /// Nothing is made of a size that the file states before it is known to be possible, and of gzip no
  /// more is unpacked than that.
  ///
  /// - Parameters:
  ///   - what: what the items are, for messages.
  ///   - shape: the extents of an item.
  /// - Throws: `ReferenceError` for what is not such an array, and for a file that is cut, too long or
  ///   damaged.
  init(_ path: String, of what: String, shape: [Int]) throws {
    try self.init(FileBytes(path), of: what, shape: shape)
  }

  /// The same of a file that was read.
  package init(_ file: FileBytes, of what: String, shape: [Int]) throws {
    path = file.path
    let isCompressed = file.bytes.starts(with: [0x1f, 0x8b])
    func unpacked(_ count: Int) -> (bytes: ArraySlice<UInt8>, isWhole: Bool) {
      guard isCompressed else { return (file.bytes.prefix(count), file.bytes.count == count) }
      let (bytes, isWhole) = Zlib.gunzip(file.bytes[...], count: count)
      return (bytes[...], isWhole)
    }
    let rank = 1 + shape.count
    let headerCount = 4 + 4 * rank
    let header = unpacked(headerCount).bytes
    let magic = [0, 0, 8, UInt8(rank)]
    guard header.starts(with: magic) else {
      throw file.invalid(
        "byte 0", expected: "the magic number \(Self.number(magic)) of \(what) in the IDX format",
        found: Self.describe(header, isCompressed: isCompressed, file))
    }
    guard header.count == headerCount else {
      throw file.invalid(
        "byte 4", expected: "\(rank) extents of 4 bytes",
        found: "the end of the file after \(header.count - 4) bytes")
    }
    let extents = (1...rank).map { Int(Self.number(header.dropFirst(4 * $0).prefix(4))) }
    guard Array(extents[1...]) == shape else {
      throw file.invalid(
        "byte 8",
        expected: "\(what) of \(shape.map(String.init).joined(separator: "×")) pixels",
        found: extents[1...].map(String.init).joined(separator: "×"))
    }
    guard (1...Self.countLimit).contains(extents[0]) else {
      throw file.invalid(
        "byte 4", expected: "1 to \(Self.countLimit) \(what)", found: "\(extents[0])")
    }
    count = extents[0]
    let byteCount = headerCount + extents.reduce(1, *)
    // A gzip file stands for no more than 1032 times its size.
    guard !isCompressed || byteCount / 1032 <= file.bytes.count else {
      throw file.invalid(
        "", expected: "\(byteCount) bytes of \(count) \(what)",
        found: "a gzip file of \(file.bytes.count) bytes, which is cut")
    }
    guard InputFile.hasMemory(byteCount) else {
      throw file.invalid(
        "", expected: "\(what) that fit into memory", found: "\(byteCount) bytes")
    }
    let (bytes, isWhole) = unpacked(byteCount)
    guard bytes.count == byteCount, isWhole else {
      let found =
        if bytes.count < byteCount {
          "\(bytes.count)" + (isCompressed ? " in a gzip file that is cut or damaged" : "")
        } else {
          isCompressed
            ? "more, or a gzip file whose end or checksum is damaged" : "\(file.bytes.count)"
        }
      throw file.invalid("", expected: "\(byteCount) bytes of \(count) \(what)", found: found)
    }
    elements = bytes.dropFirst(headerCount)
  }

  /// A big-endian number.
  private static func number(_ bytes: some Collection<UInt8>) -> UInt32 {
    bytes.reduce(0) { $0 << 8 | UInt32($1) }
  }

  /// What a file is that does not begin with the right magic number.
  private static func describe(
    _ header: ArraySlice<UInt8>, isCompressed: Bool, _ file: FileBytes
  ) -> String {
    let start = Array(header.prefix(4))
    guard start.count == 4 else {
      return isCompressed ? "a gzip file that is cut or damaged" : FileKind.describe(file.bytes)
    }
    guard start.starts(with: [0, 0]) else {
      return isCompressed ? "\(number(start)) in a gzip file" : FileKind.describe(file.bytes)
    }
    return switch start[2...] {
    case [8, 1]: "\(number(start)), that of labels"
    case [8, 3]: "\(number(start)), that of images"
    default: "\(number(start))"
    }
  }
}
