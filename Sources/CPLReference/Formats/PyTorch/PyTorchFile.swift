// SPDX-License-Identifier: Apache-2.0

import CPLFiles
import CPLNumerics

/// A file that PyTorch's `torch.save` wrote of a state dictionary: a zip archive with a pickle and
/// raw storages, or, before PyTorch 1.6 and on demand since, several pickles and the storages in a
/// row.
enum PyTorchFile {
  /// The magic number of the old format, as a pickle has it.
  private static let magicNumber: [UInt8] = [
    0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e,
  ]

  /// The size of what a file in the old format begins with: a pickle of its magic number, from
  /// protocol 4 on in a frame. Nil for other files.
  static func legacyStart(of bytes: [UInt8]) -> Int? {
    guard bytes.first == 0x80, bytes.count > 1, (2...5).contains(bytes[1]) else { return nil }
    let frame: [UInt8] = [0x95, UInt8(magicNumber.count), 0, 0, 0, 0, 0, 0, 0]
    let start = bytes[2...].starts(with: frame) ? 2 + frame.count : 2
    return bytes[start...].starts(with: magicNumber) ? start + magicNumber.count : nil
  }

  /// What a checkpoint holds: its tensors, in the order of the dictionary, and what else.
  typealias Contents = (tensors: [StoredTensor], company: [StateDictionary.Company])

  /// The contents of an archive.
  static func contents(of file: FileBytes) throws -> Contents {
    let archive = try ZipArchive(file)
    try checkIsCheckpoint(archive)
    let pickle = "data.pkl"
    let roots = archive.entries.keys.filter { $0 == pickle || $0.hasSuffix("/" + pickle) }
    guard roots.count == 1, let root = roots.first?.dropLast(pickle.count) else {
      throw file.invalid(
        "", expected: "a PyTorch checkpoint with one \(pickle)",
        found: "a zip archive with \(roots.isEmpty ? "none" : "\(roots.count)")")
    }
    guard archive.entries["\(root)constants.pkl"] == nil else {
      throw file.invalid(
        "", expected: "a state dictionary; save it with torch.save(model.state_dict(), …)",
        found: "a TorchScript program")
    }
    let (contents, _) = try PickleInterpreter.read(
      try archive.contents(of: root + pickle), pickle, of: file)
    let order = "\(root)byteorder"
    let isBigEndian =
      try archive.entries[order] != nil
      && archive.contents(of: order).elementsEqual("big".utf8)
    var storages: [String: ArraySlice<UInt8>] = [:]
    return try self.contents(contents, isBigEndian: isBigEndian, of: file) { storage in
      if let known = storages[storage.key] { return known }
      let bytes = try archive.contents(of: "\(root)data/\(storage.key)")
      storages[storage.key] = bytes
      return bytes
    }
  }

  /// Refuses archives that PyTorch did not write, for what they are.
  private static func checkIsCheckpoint(_ archive: ZipArchive) throws {
    let names = archive.entries.keys
    func refuse(_ found: String) -> ReferenceError {
      archive.file.invalid("", expected: "a PyTorch checkpoint", found: found)
    }
    if !names.isEmpty, names.allSatisfy({ $0.hasSuffix(".npy") }) {
      throw refuse(
        "a NumPy archive of arrays (.npz); write weights with torch.save or "
          + "safetensors.torch.save_file")
    }
    if names.contains("model.weights.h5") { throw refuse("a Keras model") }
    let inner = names.sorted().first { name in
      [".pt", ".pth", ".safetensors", ".h5", ".bin", ".ckpt"].contains(where: name.hasSuffix)
    }
    if let inner, !names.contains(where: { $0.hasSuffix("data.pkl") }) {
      throw refuse("a zip archive with \(inner.forMessage); unpack it first")
    }
  }

  /// The contents of a file in the old format, behind its magic number, which ends at `start`.
  static func legacyContents(of file: FileBytes, from start: Int) throws -> Contents {
    var rest = file.bytes[start...]
    func next(_ what: String) throws -> PickleContents {
      let (contents, end) = try PickleInterpreter.read(rest, what, of: file)
      rest = file.bytes[end...]
      return contents
    }
    guard case .integer(1001) = try next("the version").root else {
      throw file.invalid("", expected: "version 1001 of PyTorch's old format", found: "another one")
    }
    let system = try next("the system's description")
    var isBigEndian = false
    if case .dictionary(let index) = system.root {
      let pairs = system.sequences[index]
      for key in stride(from: 0, to: pairs.count, by: 2) {
        if case .text("little_endian") = pairs[key], case .bool(false) = pairs[key + 1] {
          isBigEndian = true
        }
      }
    }
    let contents = try next("the state dictionary")
    let keyList = try next("the list of storages")
    let described = Dictionary(
      contents.storages.map { ($0.key, $0) }, uniquingKeysWith: { first, _ in first })
    var storages: [String: ArraySlice<UInt8>] = [:]
    for key in keyList.sequence(keyList.root) ?? [] {
      guard case .text(let key) = key, storages[key] == nil,
        let storage = described[key]
      else {
        throw file.invalid(
          "the list of storages", expected: "the storages of the tensors", found: "others")
      }
      let count = try file.integer(rest.startIndex, as: UInt64.self)
      guard count == storage.count else {
        throw file.invalid(
          "storage \(key.forMessage)", expected: "\(storage.count) elements", found: "\(count)")
      }
      let (size, overflow) = storage.count.multipliedReportingOverflow(by: storage.format.byteCount)
      let range = try file.range(
        rest.startIndex + 8, overflow ? Int.max : size, "storage \(key.forMessage)")
      storages[key] = file.bytes[range]
      rest = file.bytes[range.upperBound...]
    }
    guard rest.isEmpty else {
      throw file.invalid(
        "byte \(rest.startIndex)", expected: "the end of the file", found: "more bytes")
    }
    return try self.contents(contents, isBigEndian: isBigEndian, of: file) { storage in
      guard let bytes = storages[storage.key] else {
        throw file.invalid(
          "storage \(storage.key.forMessage)", expected: "its elements", found: "none")
      }
      return bytes
    }
  }

  private static func contents(
    _ contents: PickleContents, isBigEndian: Bool, of file: FileBytes,
    storage: (PickledStorage) throws -> ArraySlice<UInt8>
  ) throws -> Contents {
    var names: Set<String> = []
    var (found, company) = try flattened(contents, file)
    let tensors: [StoredTensor] = try found.compactMap { name, index in
      guard names.insert(name).inserted else {
        throw file.invalid(name.forMessage, expected: "one tensor of that name", found: "two")
      }
      let tensor = contents.tensors[index]
      let isDense = StoredTensor.isDense(shape: tensor.shape, strides: tensor.strides)
      if !isDense, ConvexPotentialFamily().prefix(of: name) == nil {
        company.append(StateDictionary.Company(name: name, what: "a view of a tensor"))
        return nil
      }
      let size = tensor.storage.format.byteCount
      let bytes = try storage(tensor.storage)
      guard bytes.count % size == 0, bytes.count / size == tensor.storage.count else {
        throw file.invalid(
          name.forMessage,
          expected: "a storage of \(tensor.storage.count) elements in \(tensor.storage.format)",
          found: "\(bytes.count) bytes")
      }
      guard let count = tensor.shape.checkedProduct, tensor.offset >= 0,
        tensor.offset <= tensor.storage.count, count <= tensor.storage.count - tensor.offset
      else {
        throw file.invalid(
          name.forMessage, expected: "at most the \(tensor.storage.count) elements of its storage",
          found: "shape \(tensor.shape.prefix(16)) from element \(tensor.offset)")
      }
      guard isDense else {
        throw file.invalid(
          name.forMessage, expected: "elements side by side, each once; save a contiguous() tensor",
          found: "shape \(tensor.shape.prefix(16)) with strides \(tensor.strides.prefix(16))")
      }
      let start = bytes.startIndex + tensor.offset * size
      return StoredTensor(
        name: name, format: tensor.storage.format, shape: tensor.shape, strides: tensor.strides,
        storage: bytes[start..<start + count * size], isBigEndian: isBigEndian)
    }
    return (tensors, company)
  }

  /// The tensors by name; those in dictionaries and lists inside the dictionary have both names,
  /// "a.b". What the dictionary holds without any tensor is company.
  private static func flattened(
    _ contents: PickleContents, _ file: FileBytes
  ) throws -> (tensors: [(name: String, index: Int)], company: [StateDictionary.Company]) {
    guard let root = contents.members(contents.root) else {
      throw file.invalid(
        "", expected: "a state dictionary; save it with torch.save(model.state_dict(), …)",
        found: contents.root.kind)
    }
    var found: [(name: String, index: Int)] = []
    var company: [StateDictionary.Company] = []
    var visits = 0
    func visit(_ members: [(name: String, value: PickleValue)], prefix: String, depth: Int) throws {
      visits += members.count
      guard visits <= 1 << 19 else {
        throw file.invalid(
          "", expected: "at most \(1 << 19) members of dictionaries and lists", found: "more")
      }
      // No network lies deeper; a dictionary may hold itself.
      guard depth < 8 else { return }
      for (name, value) in members {
        let count = found.count
        if case .tensor(let index) = value {
          found.append((prefix + name, index))
        } else if let members = contents.members(value) {
          try visit(members, prefix: prefix + name + ".", depth: depth + 1)
        }
        if depth == 0, found.count == count {
          company.append(StateDictionary.Company(name: name, what: value.summary))
        }
      }
    }
    try visit(root, prefix: "", depth: 0)
    return (found, company)
  }
}
