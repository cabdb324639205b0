// SPDX-License-Identifier: Apache-2.0

import CHDF5
import CPLNumerics
import Foundation

extension HDF5File {
  /// Writes a new dataset, little-endian, in chunks of about 1 MiB with Fletcher-32 checksums,
  /// and creates the groups above it. A dataset that is a single number or empty cannot be cut
  /// into chunks; it lies in the object's header, which has its own checksum.
  ///
  /// - Parameter shape: the extents, outermost first; one extent for all elements if omitted.
  /// - Precondition: the product of `shape` is the number of elements.
  package func write<Element: HDF5Element>(
    _ elements: [Element], shape: [Int]? = nil, to path: String
  ) throws {
    try elements.withUnsafeBytes {
      try write($0, of: Element.hdf5Type, shape: shape ?? [elements.count], to: path)
    }
  }

  /// Writes a one-dimensional dataset of text, all elements as long as the longest.
  ///
  /// - Throws: `ReferenceError.mismatch` for text with a NUL, which HDF5 cannot hold.
  package func write(_ strings: [String], to path: String) throws {
    let byteCount = max(1, strings.map(\.utf8.count).max() ?? 0)
    let bytes = try strings.flatMap { try padded($0, to: byteCount) }
    try bytes.withUnsafeBytes {
      try write($0, of: .string(byteCount: byteCount), shape: [strings.count], to: path)
    }
  }

  /// Adds an attribute to the object at `path`, a single value that lies in the object's header.
  package func setAttribute(_ name: String, _ value: HDF5Attribute, of path: String) throws {
    switch value {
    case .integer(let integer):
      try withUnsafeBytes(of: integer) { try addAttribute(name, .int64, $0, of: path) }
    case .real(let real):
      try withUnsafeBytes(of: real) { try addAttribute(name, .float64, $0, of: path) }
    case .string(let text):
      let byteCount = max(1, text.utf8.count)
      try padded(text, to: byteCount).withUnsafeBytes {
        try addAttribute(name, .string(byteCount: byteCount), $0, of: path)
      }
    }
  }

  private func write(
    _ bytes: UnsafeRawBufferPointer, of type: HDF5ElementType, shape: [Int], to path: String
  ) throws {
    let count = shape.reduce(1, *)
    precondition(count * type.byteCount == bytes.count, "\(shape) for \(bytes.count) bytes")
    try HDF5Library.locked {
      try makeGroups(Self.components(of: path).dropLast())
      let properties = HDF5Library.creationProperties(chdf5_class_dataset_create())
      if shape.isEmpty || count == 0 {
        H5Pset_layout(properties.id, H5D_COMPACT)
      } else {
        let chunk = type.chunk(of: shape)
        H5Pset_chunk(properties.id, Int32(shape.count), chunk)
        H5Pset_fletcher32(properties.id)
      }
      let extents = shape.map { hsize_t($0) }
      let space = try own(
        shape.isEmpty
          ? H5Screate(H5S_SCALAR) : H5Screate_simple(Int32(shape.count), extents, nil), at: path)
      let stored = type.handle()
      let links = HDF5Library.linkProperties()
      let dataset = try own(
        H5Dcreate2(id, path, stored.id, space.id, links.id, properties.id, chdf5_default()),
        at: path)
      if count == 0 { return }
      try check(
        H5Dwrite(
          dataset.id, stored.id, chdf5_all(), chdf5_all(), chdf5_default(), bytes.baseAddress),
        at: path)
      try check(H5Dflush(dataset.id), at: path)
    }
  }

  private func addAttribute(
    _ name: String, _ type: HDF5ElementType, _ bytes: UnsafeRawBufferPointer, of path: String
  ) throws {
    let location = Self.location(of: name, path)
    try HDF5Library.locked {
      let object = try object(path)
      let space = try own(H5Screate(H5S_SCALAR), at: location)
      let stored = type.handle()
      let attribute = try own(
        H5Acreate2(object.id, name, stored.id, space.id, chdf5_default(), chdf5_default()),
        at: location)
      try check(H5Awrite(attribute.id, stored.id, bytes.baseAddress), at: location)
    }
  }

  private func padded(_ text: String, to byteCount: Int) throws -> [UInt8] {
    let bytes = Array(text.utf8)
    guard !bytes.contains(0) else {
      throw ReferenceError.mismatch(
        expected: "text without NUL for \(path)", found: text.debugDescription)
    }
    return bytes + [UInt8](repeating: 0, count: byteCount - bytes.count)
  }
}
