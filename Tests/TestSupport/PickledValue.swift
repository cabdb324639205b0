// SPDX-License-Identifier: Apache-2.0

/// A value as Python's pickle format, protocol 2, has it, to write checkpoints without Python.
package indirect enum PickledValue {
  case none
  case bool(Bool)
  case integer(Int)
  case real(Double)
  case text(String)
  case list([PickledValue])
  case tuple([PickledValue])
  case dictionary([(String, PickledValue)])
  /// A name of a module's.
  case global(String, String)
  /// What a global makes of arguments.
  case call(String, String, [PickledValue])
  /// An object that is made without a call, and its attributes.
  case object(String, String, [(String, PickledValue)])
  /// Instructions as they are.
  case raw([UInt8])
  case tensor(shape: [Int], [Float])

  /// A whole PyTorch checkpoint in a zip archive.
  package func checkpoint() -> [UInt8] {
    var storages: [[Float]] = []
    var entries = [("x/data.pkl", pickle(&storages))]
    for (key, storage) in storages.enumerated() {
      entries.append(("x/data/\(key)", storage.flatMap { bytes($0.bitPattern) }))
    }
    return zipArchive(entries)
  }

  /// A pickle alone.
  package func pickle() -> [UInt8] {
    var storages: [[Float]] = []
    return pickle(&storages)
  }

  private func pickle(_ storages: inout [[Float]]) -> [UInt8] {
    var bytes: [UInt8] = [0x80, 2]
    bytes += encoded(&storages)
    return bytes + Array(".".utf8)
  }

  private func encoded(_ storages: inout [[Float]]) -> [UInt8] {
    func all(_ values: [PickledValue], then instructions: String = "") -> [UInt8] {
      var bytes: [UInt8] = []
      for value in values { bytes += value.encoded(&storages) }
      return bytes + Array(instructions.utf8)
    }
    func marked(_ opening: String, _ values: [PickledValue], _ closing: String) -> [UInt8] {
      Array(opening.utf8) + all(values, then: closing)
    }
    func dictionary(_ pairs: [(String, PickledValue)]) -> [UInt8] {
      var members: [PickledValue] = []
      for (key, value) in pairs { members += [.text(key), value] }
      return marked("}(", members, "u")
    }
    switch self {
    case .none: return Array("N".utf8)
    case .bool(let value): return [value ? 0x88 : 0x89]
    case .integer(let value):
      let start: [UInt8] = [0x8a, 8]
      return start + bytes(UInt64(bitPattern: Int64(value)))
    case .real(let value): return Array("G".utf8) + Array(bytes(value.bitPattern).reversed())
    case .text(let text):
      let length: [UInt8] = Array("X".utf8) + bytes(UInt32(text.utf8.count))
      return length + Array(text.utf8)
    case .list(let values): return marked("](", values, "e")
    case .tuple(let values): return marked("(", values, "t")
    case .dictionary(let pairs): return dictionary(pairs)
    case .global(let module, let name): return Array("c\(module)\n\(name)\n".utf8)
    case .call(let module, let name, let arguments):
      return all([.global(module, name), .tuple(arguments)], then: "R")
    case .object(let module, let name, let attributes):
      var bytes = all([.global(module, name)], then: ")")
      bytes.append(0x81)
      bytes += dictionary(attributes)
      return bytes + Array("b".utf8)
    case .raw(let bytes): return bytes
    case .tensor(let shape, let elements):
      storages.append(elements)
      var (strides, stride): ([PickledValue], Int) = ([], 1)
      for extent in shape.reversed() {
        strides.insert(.integer(stride), at: 0)
        stride *= extent
      }
      let storage = PickledValue.tuple([
        .text("storage"), .global("torch", "FloatStorage"), .text("\(storages.count - 1)"),
        .text("cpu"), .integer(elements.count),
      ])
      var bytes = all([.global("torch._utils", "_rebuild_tensor_v2")], then: "(")
      bytes += all([storage], then: "Q")
      bytes += all([.integer(0), .tuple(shape.map { .integer($0) }), .tuple(strides)])
      return bytes
        + all([.bool(false), .call("collections", "OrderedDict", [])], then: "tR")
    }
  }
}

/// A number's bytes, the lowest first.
package func bytes<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
  withUnsafeBytes(of: number.littleEndian) { Array($0) }
}

/// A zip archive whose entries are stored as they are.
package func zipArchive(_ entries: [(name: String, contents: [UInt8])]) -> [UInt8] {
  var (archive, directory): ([UInt8], [UInt8]) = ([], [])
  for (name, contents) in entries {
    let size = bytes(UInt32(contents.count))
    // Version, flags, method, time and date, checksum, both sizes, length of the name.
    var header = bytes(UInt16(20))
    header += bytes(UInt64(0))
    header += bytes(crc32(contents))
    header += size
    header += size
    header += bytes(UInt16(name.utf8.count))
    header += bytes(UInt16(0))
    directory += bytes(UInt32(0x0201_4b50))
    directory += bytes(UInt16(20))
    directory += header
    directory += [UInt8](repeating: 0, count: 10)
    directory += bytes(UInt32(archive.count))
    directory += name.utf8
    archive += bytes(UInt32(0x0403_4b50))
    archive += header
    archive += name.utf8
    archive += contents
  }
  let (start, count) = (archive.count, bytes(UInt16(entries.count)))
  archive += directory
  archive += bytes(UInt32(0x0605_4b50))
  archive += bytes(UInt32(0))
  archive += count
  archive += count
  archive += bytes(UInt32(directory.count))
  archive += bytes(UInt32(start))
  archive += bytes(UInt16(0))
  return archive
}

private func crc32(_ contents: [UInt8]) -> UInt32 {
  var remainder: UInt32 = 0xffff_ffff
  for byte in contents {
    remainder ^= UInt32(byte)
    for _ in 0..<8 {
      let isOdd = remainder & 1 == 1
      remainder >>= 1
      if isOdd { remainder ^= 0xedb8_8320 }
    }
  }
  return ~remainder
}
