// SPDX-License-Identifier: Apache-2.0

extension HDF5File {
  /// SHA-256 over what the file says, apart from the groups `excluded` and all below them.
  ///
  /// Two files have the same digest if and only if they hold the same objects under the same paths:
  /// the same kinds, element types, shapes, elements bit by bit, and attributes. How the library
  /// laid them out (chunks, order, free space, byte order) does not enter.
  ///
  /// - Throws: `ReferenceError.invalid` for a link other than a plain one, for a second link to the
  ///   same object, cycles included, and for groups nested more than 32 deep.
  package func contentDigest(excluding excluded: Set<String> = []) throws -> String {
    var objects: [(path: String, kind: ObjectKind)] = [("/", .group)]
    var visited: Set<[UInt64]> = [try identity(of: "/")]
    try collect(below: "", depth: 1, excluding: excluded, visited: &visited, into: &objects)
    objects.sort { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }

    var digest = Digest()
    for (path, kind) in objects {
      digest.update(field: path)
      digest.update(field: kind.rawValue)
      if kind == .dataset {
        let (type, shape, bytes) = try elements(of: path)
        digest.update(field: "\(type)")
        digest.update(field: "\(shape)")
        digest.update(field: bytes)
      }
      let attributes = try attributeNames(of: path)
      digest.update(field: "\(attributes.count)")
      for name in attributes {
        digest.update(field: name)
        digest.update(field: try attribute(name, of: path).canonicalText)
      }
    }
    return digest.hex()
  }

  private func collect(
    below group: String, depth: Int, excluding excluded: Set<String>,
    visited: inout Set<[UInt64]>, into objects: inout [(path: String, kind: ObjectKind)]
  ) throws {
    guard depth <= 32 else {
      throw invalid(group, expected: "groups at most 32 deep", found: "deeper ones")
    }
    for (name, kind) in try children(of: group.isEmpty ? "/" : group) {
      let path = group + "/" + name
      if excluded.contains(path) { continue }
      guard visited.insert(try identity(of: path)).inserted else {
        throw invalid(path, expected: "one link to each object", found: "a second one")
      }
      objects.append((path, kind))
      if kind == .group {
        try collect(
          below: path, depth: depth + 1, excluding: excluded, visited: &visited, into: &objects)
      }
    }
  }
}

extension HDF5Attribute {
  /// Kind and value in a text that differs between any two values, NaNs by their bits.
  fileprivate var canonicalText: String {
    switch self {
    case .string(let text): "text " + text
    case .integer(let integer): "int64 \(integer)"
    case .real(let real): "float64 \(String(real.bitPattern, radix: 16))"
    }
  }
}
