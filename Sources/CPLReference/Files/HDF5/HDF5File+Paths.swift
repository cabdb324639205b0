// SPDX-License-Identifier: Apache-2.0

import CHDF5

extension HDF5File {
  /// The object that a path leads to; nil where there is none. Lives with the library locked.
  func find(_ path: String) throws -> HDF5Handle? {
    try walk(path) { object, _ in object }
  }

  /// The path by hard links alone that leads where `path` does; nil where that is nowhere.
  func resolved(_ path: String) throws -> String? {
    try HDF5Library.locked { try walk(path) { _, hardPath in hardPath } }
  }

  /// Follows a path, and soft links on it, by hand: HDF5 itself would follow external links too.
  private func walk<Result: ~Copyable>(
    _ path: String, _ body: (_ object: consuming HDF5Handle, _ hardPath: String) -> Result
  ) throws -> Result? {
    var object = try own(H5Oopen(id, "/", chdf5_default()), at: "/")
    var prefix = ""
    var names = Self.components(of: path)[...]
    var links = 0
    while let name = names.popFirst() {
      guard try kind(of: object, at: prefix) == .group else {
        throw invalid(prefix, expected: "a group", found: "a dataset")
      }
      let place = prefix + "/" + name
      let link = chdf5_link_kind(object.id, name)
      try check(link, at: place)
      switch link {
      case 0: return nil
      case 1:
        object = try own(H5Oopen(object.id, name, chdf5_default()), at: place)
        prefix = place
      case 2:
        links += 1
        guard links <= Self.linkLimit else {
          throw invalid(place, expected: "soft links that lead somewhere", found: "a circle")
        }
        let target = try target(of: name, in: object, at: place)
        names = (Self.components(of: target).filter { $0 != "." } + names)[...]
        guard names.count <= 1 << 10 else {
          throw invalid(place, expected: "a path of at most 1024 names", found: "a longer one")
        }
        if target.utf8.first == UInt8(ascii: "/") {
          object = try own(H5Oopen(id, "/", chdf5_default()), at: "/")
          prefix = ""
        }
      default:
        throw invalid(
          place, expected: "a link inside the file", found: "an external or user-defined link")
      }
    }
    return body(object, prefix)
  }

  private static let linkLimit = 16

  /// The path that a soft link holds.
  private func target(
    of name: String, in group: borrowing HDF5Handle, at place: String
  ) throws -> String {
    var bytes = [UInt8](repeating: 0, count: 1 << 12)
    let status = bytes.withUnsafeMutableBytes {
      chdf5_link_target(
        group.id, name, $0.baseAddress?.assumingMemoryBound(to: CChar.self), $0.count)
    }
    try check(status, at: place)
    return try text(bytes, at: place)
  }
}
