// SPDX-License-Identifier: Apache-2.0

import CPLNumerics
import Foundation

/// Everything that an HDF5 file says, read at once: what a helper process sends. An object that
/// cannot be read stands in it with the reason, which whoever asks for the object gets.
struct HDF5Contents {
  /// What a helper may send beside the elements, in bytes.
  static let headerLimit = 1 << 25

  /// How many bytes of elements are read of a file, whose datasets can share their bytes or be
  /// compressed.
  static func dataLimit(_ byteCount: Int) -> Int { 16 * min(byteCount, 1 << 40) + 1 << 26 }

  private static let objectLimit = 1 << 16

  struct Header: Codable {
    var objects: [Object] = []
    /// Why the file cannot be opened.
    var failure: Failure?
  }

  struct Object: Codable {
    let path: String
    /// Of a soft link, or a second hard one to a dataset: the path of what it leads to. Nothing else
    /// stands here then.
    var target: String?
    var isGroup = false
    var failure: Failure?
    var type = HDF5ElementType.uint8
    var shape: [Int] = []
    /// What a dataset says that it holds, also where it cannot be read.
    var stated = ""
    var extents: [UInt64] = []
    /// Where in the data the elements lie.
    var offset = 0
    var attributes: [Attribute] = []
  }

  struct Attribute: Codable {
    let name: String
    var text: String?
    var integer: Int64?
    var realBits: UInt64?
    var failure: Failure?
  }

  /// An error without the file's path.
  struct Failure: Codable {
    let location: String
    let expected: String
    let found: String
    let isInputOutput: Bool

    init(_ error: any Error) {
      switch error as? ReferenceError {
      case .invalid(_, let location, let expected, let found):
        (self.location, self.expected, self.found) = (location, expected, found)
        isInputOutput = false
      case .inputOutput(_, let reason):
        (location, expected, found, isInputOutput) = ("", "", reason, true)
      default:
        (location, expected, found) = ("", "a readable file", "\(error)")
        isInputOutput = false
      }
    }

    func error(_ path: String) -> ReferenceError {
      isInputOutput
        ? .inputOutput(path: path, reason: found)
        : .invalid(path: path, location: location, expected: expected, found: found)
    }
  }

  private(set) var header = Header()
  private var data: [UInt8] = []
  /// Where the file is read, the elements of each dataset, which follow each other in the data.
  private var parts: [[UInt8]] = []
  private var partsCount = 0
  /// The positions of the objects by the bytes of their paths.
  private var positions: [[UInt8]: Int] = [:]
  /// For each group's path the names in it.
  private var members: [[UInt8]: [String]] = [:]

  /// Reads a file with the HDF5 library, in this process.
  init(ofFileAt path: String, byteCount: Int) {
    do {
      let file = try HDF5File.openHere(path)
      var visited: [[UInt64]: String] = [:]
      collect("/", depth: 0, of: file, limit: Self.dataLimit(byteCount), visited: &visited)
    } catch {
      header.failure = Failure(error)
    }
  }

  private mutating func collect(
    _ path: String, depth: Int, of file: borrowing HDF5File, limit: Int,
    visited: inout [[UInt64]: String]
  ) {
    var object = Object(path: path)
    var names: [String] = []
    do {
      guard let hardPath = try file.resolved(path) else {
        throw file.invalid(
          path, expected: "a link to something", found: "a soft link that leads nowhere")
      }
      guard hardPath == path || path == "/" else {
        object.target = hardPath.isEmpty ? "/" : hardPath
        header.objects.append(object)
        return
      }
      object.isGroup = try file.kind(of: path) == .group
      let identity = try file.identity(of: path)
      if let first = visited[identity] {
        // A second name for a dataset; of a group it might be a circle.
        if !object.isGroup {
          object.target = first
          header.objects.append(object)
          return
        }
        throw file.invalid(path, expected: "one link to each object", found: "a second one")
      }
      visited[identity] = path
      guard depth <= 32, header.objects.count < Self.objectLimit else {
        throw file.invalid(
          path, expected: "groups at most 32 deep, \(Self.objectLimit) objects", found: "more")
      }
      for name in try file.attributeNames(of: path) {
        object.attributes.append(attribute(name, of: path, in: file))
      }
      if object.isGroup {
        names = try file.memberNames(of: path)
      } else {
        (object.stated, object.extents) = try file.outline(of: path)
        let (type, shape, bytes) = try file.elements(of: path)
        guard bytes.count <= limit - partsCount else {
          throw file.invalid(
            path, expected: "datasets of \(limit) bytes at most, all together", found: "more")
        }
        (object.type, object.shape, object.offset) = (type, shape, partsCount)
        parts.append(bytes)
        partsCount += bytes.count
      }
    } catch {
      object.failure = Failure(error)
    }
    header.objects.append(object)
    for name in names where header.objects.count <= Self.objectLimit {
      let child = path == "/" ? "/" + name : path + "/" + name
      collect(child, depth: depth + 1, of: file, limit: limit, visited: &visited)
    }
  }

  private func attribute(
    _ name: String, of path: String, in file: borrowing HDF5File
  ) -> Attribute {
    var attribute = Attribute(name: name)
    do {
      switch try file.attribute(name, of: path) {
      case .string(let text): attribute.text = text
      case .integer(let integer): attribute.integer = integer
      case .real(let real): attribute.realBits = real.bitPattern
      }
    } catch {
      attribute.failure = Failure(error)
    }
    return attribute
  }

  /// The header of an answer, and the pieces that its data consist of.
  func encoded() throws -> (header: Data, data: [[UInt8]]) {
    (try JSONEncoder().encode(header), parts)
  }

  /// What an answer says; nil for one that was not made by `encoded`. The helper may have been
  /// taken over by the file: nothing that it sends is trusted.
  init?(_ answer: (header: Data, data: [UInt8]), path: String) {
    guard let header = try? JSONDecoder().decode(Header.self, from: answer.header) else {
      return nil
    }
    self.header = header
    data = answer.data
    for (position, object) in header.objects.enumerated() {
      let path = Array(object.path.utf8)
      guard path.first == UInt8(ascii: "/"), isPossible(object),
        positions.updateValue(position, forKey: path) == nil
      else { return nil }
      if path.count > 1, let slash = path.lastIndex(of: UInt8(ascii: "/")) {
        let name = String(decoding: path[(slash + 1)...], as: UTF8.self)
        members[slash == 0 ? [path[0]] : Array(path[..<slash]), default: []].append(name)
      }
    }
    let root = header.objects.first
    guard header.failure != nil || root?.path == "/" && root?.isGroup == true else { return nil }
  }

  /// Whether an object's elements are in the data.
  private func isPossible(_ object: Object) -> Bool {
    if object.isGroup || object.failure != nil || object.target != nil { return true }
    guard object.type.byteCount > 0, object.offset >= 0, object.offset <= data.count,
      let size = (object.shape + [object.type.byteCount]).checkedProduct
    else { return false }
    return size <= data.count - object.offset
  }

  /// Throws why the file could not be opened, if it could not.
  func checkOpened(_ path: String) throws {
    if let failure = header.failure { throw failure.error(path) }
  }
}

// MARK: Asking

extension HDF5Contents {
  /// The object that a path leads to; nil where there is none.
  ///
  /// - Parameter file: the file's path, for messages.
  func find(_ path: String, of file: String) throws -> Object? {
    try position(of: path, of: file).map { header.objects[$0] }
  }

  private func position(of path: String, of file: String) throws -> Int? {
    var (position, prefix) = (0, "")
    for name in HDF5File.components(of: path) {
      guard header.objects[position].isGroup else {
        throw ReferenceError.invalid(
          path: file, location: prefix, expected: "a group", found: "a dataset")
      }
      prefix += "/" + name
      guard var next = positions[Array(prefix.utf8)] else { return nil }
      if let target = header.objects[next].target {
        guard let end = positions[Array(target.utf8)], header.objects[end].target == nil else {
          return nil
        }
        next = end
        prefix = target == "/" ? "" : target
      }
      position = next
      if let failure = header.objects[position].failure { throw failure.error(file) }
    }
    return position
  }

  /// The object that a path leads to.
  func object(_ path: String, of file: String) throws -> Object {
    guard let object = try find(path, of: file) else {
      throw ReferenceError.invalid(
        path: file, location: path, expected: "a group or a dataset", found: "nothing")
    }
    return object
  }

  /// The dataset that a path leads to.
  func dataset(_ path: String, of file: String) throws -> Object {
    let object = try object(path, of: file)
    guard !object.isGroup else {
      throw ReferenceError.invalid(
        path: file, location: path, expected: "a dataset", found: "a group")
    }
    return object
  }

  /// A number that tells an object from the others.
  func number(of path: String, file: String) throws -> UInt64 {
    _ = try object(path, of: file)
    return UInt64(try position(of: path, of: file) ?? 0)
  }

  /// The names in a group, in the order in which they were sent: that of their UTF-8 bytes.
  func memberNames(of path: String, file: String) throws -> [String] {
    let object = try object(path, of: file)
    guard object.isGroup else {
      throw ReferenceError.invalid(
        path: file, location: path, expected: "a group", found: "a dataset")
    }
    return members[Array(object.path.utf8)] ?? []
  }

  /// The elements of a dataset of this file, of their own type or as bytes.
  func elements<Element: BitwiseCopyable>(of dataset: Object) -> [Element] {
    let byteCount = dataset.shape.reduce(dataset.type.byteCount, *)
    let count = byteCount / MemoryLayout<Element>.size
    return [Element](unsafeUninitializedCapacity: count) { buffer, initialized in
      UnsafeMutableRawBufferPointer(buffer).copyBytes(
        from: data[dataset.offset..<dataset.offset + count * MemoryLayout<Element>.size])
      initialized = count
    }
  }
}

extension HDF5Contents.Object {
  var kind: HDF5File.ObjectKind { isGroup ? .group : .dataset }

  /// The value of an attribute; nil where there is none of that name.
  func value(of name: String, file: String) throws -> HDF5Attribute? {
    guard let attribute = attributes.first(where: { $0.name.utf8.elementsEqual(name.utf8) }) else {
      return nil
    }
    if let failure = attribute.failure { throw failure.error(file) }
    if let text = attribute.text { return .string(text) }
    if let integer = attribute.integer { return .integer(integer) }
    return attribute.realBits.map { .real(Double(bitPattern: $0)) }
  }
}
