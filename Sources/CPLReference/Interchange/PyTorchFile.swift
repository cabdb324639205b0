/// A file that PyTorch's `torch.save` wrote of a state dictionary: a zip archive with a pickle and
/// raw storages, or, before PyTorch 1.6 and on demand since, several pickles and the storages in a
/// row.
enum PyTorchFile {
  /// What a file in the old format begins with: a pickle of its magic number.
  static let legacySignature: [UInt8] = [
    0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e,
  ]

  /// The tensors of an archive, in the order of the dictionary.
  static func tensors(of file: FileBytes) throws -> [StoredTensor] {
    let archive = try ZipArchive(file)
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
    return try tensors(contents, isBigEndian: isBigEndian, of: file) { storage in
      if let known = storages[storage.key] { return known }
      let bytes = try archive.contents(of: "\(root)data/\(storage.key)")
      storages[storage.key] = bytes
      return bytes
    }
  }

  /// The tensors of a file in the old format.
  static func legacyTensors(of file: FileBytes) throws -> [StoredTensor] {
    var rest = file.bytes[legacySignature.count...]
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
    return try tensors(contents, isBigEndian: isBigEndian, of: file) { storage in
      guard let bytes = storages[storage.key] else {
        throw file.invalid(
          "storage \(storage.key.forMessage)", expected: "its elements", found: "none")
      }
      return bytes
    }
  }

  private static func tensors(
    _ contents: PickleContents, isBigEndian: Bool, of file: FileBytes,
    storage: (PickledStorage) throws -> ArraySlice<UInt8>
  ) throws -> [StoredTensor] {
    var names: Set<String> = []
    return try flattened(contents, file).map { name, index in
      guard names.insert(name).inserted else {
        throw file.invalid(name.forMessage, expected: "one tensor of that name", found: "two")
      }
      let tensor = contents.tensors[index]
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
      guard StoredTensor.isDense(shape: tensor.shape, strides: tensor.strides) else {
        throw file.invalid(
          name.forMessage, expected: "elements side by side, each once; save a contiguous() tensor",
          found: "shape \(tensor.shape.prefix(16)) with strides \(tensor.strides.prefix(16))")
      }
      let start = bytes.startIndex + tensor.offset * size
      return StoredTensor(
        name: name, format: tensor.storage.format, shape: tensor.shape, strides: tensor.strides,
        storage: bytes[start..<start + count * size], isBigEndian: isBigEndian)
    }
  }

  /// The tensors by name; those in dictionaries inside the dictionary have both names, "a.b". What
  /// is no tensor is left out.
  private static func flattened(
    _ contents: PickleContents, _ file: FileBytes
  ) throws -> [(name: String, tensor: Int)] {
    guard case .dictionary(let root) = contents.root else {
      throw file.invalid(
        "", expected: "a state dictionary; save it with torch.save(model.state_dict(), …)",
        found: contents.root.kind)
    }
    var found: [(name: String, tensor: Int)] = []
    var visits = 0
    func visit(_ dictionary: Int, prefix: String, depth: Int) throws {
      let members = contents.sequences[dictionary]
      visits += members.count
      guard depth < 8, visits <= 1 << 19 else {
        throw file.invalid(
          "", expected: "dictionaries at most 8 deep, and no endless ones", found: "others")
      }
      for key in stride(from: 0, to: members.count, by: 2) {
        let name: String
        switch members[key] {
        case .text(let text): name = prefix + text
        case .integer(let number): name = "\(prefix)\(number)"
        default: continue
        }
        switch members[key + 1] {
        case .tensor(let index): found.append((name, index))
        case .dictionary(let index): try visit(index, prefix: name + ".", depth: depth + 1)
        default: continue
        }
      }
    }
    try visit(root, prefix: "", depth: 0)
    return found
  }
}
