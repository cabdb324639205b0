// SPDX-License-Identifier: Apache-2.0

/// A dataset of an HDF5 file, or something in it that is not read, as it stands in a list.
package struct HDF5Entry: Sendable {
  package let path: String
  /// What it says that it holds: the name of a type; nothing where it does not say.
  package let type: String
  /// The extents that it states, outermost first.
  package let extents: [UInt64]
  /// Why it is not read, if it is not.
  package let problem: String?
}

extension HDF5File {
  /// Everything that the file holds, but for groups that can be read: the paths tell them.
  package func entries() -> [HDF5Entry] {
    (contents ?? HDF5Contents(ofFileAt: path, byteCount: byteLimit)).entries
  }
}

extension HDF5Contents {
  fileprivate var entries: [HDF5Entry] {
    header.objects.compactMap { object in
      if object.isGroup, object.failure == nil { return nil }
      let type = object.target.map { "link to \($0)" } ?? (object.isGroup ? "group" : object.stated)
      return HDF5Entry(
        path: object.path, type: type, extents: object.extents,
        problem: object.failure.map {
          $0.isInputOutput ? $0.found : "expected \($0.expected), found \($0.found)"
        })
    }
  }
}
