// SPDX-License-Identifier: Apache-2.0

import CHDF5
import Foundation

extension HDF5File {
  /// The shape and the elements of the dataset at `path`, in row-major order.
  package func read<Element: HDF5Element>(
    _ type: Element.Type = Element.self, from path: String
  ) throws -> (shape: [Int], elements: [Element]) {
    func check(_ found: HDF5ElementType) throws {
      guard found == type.hdf5Type else {
        throw invalid(path, expected: "\(type.hdf5Type)", found: "\(found)")
      }
    }
    if let contents {
      let dataset = try contents.dataset(path, of: self.path)
      try check(dataset.type)
      return (dataset.shape, contents.elements(of: dataset))
    }
    return try HDF5Library.locked {
      let dataset = try HDF5Dataset(path, in: self)
      try check(dataset.type)
      return (dataset.shape, try dataset.elements(in: self))
    }
  }

  /// The elements of the dataset at `path`, which has to be of `shape`.
  package func read<Element: HDF5Element>(
    _ type: Element.Type = Element.self, from path: String, shape expected: [Int]
  ) throws -> [Element] {
    let (shape, elements) = try read(type, from: path)
    guard shape == expected else {
      throw invalid(path, expected: "shape \(expected)", found: "shape \(shape)")
    }
    return elements
  }

  /// The elements of the one-dimensional dataset of text at `path`.
  package func readStrings(from path: String) throws -> [String] {
    let (type, shape, bytes) = try elements(of: path)
    guard case .string(let byteCount) = type, shape.count == 1 else {
      throw invalid(path, expected: "a list of strings", found: "\(type) of shape \(shape)")
    }
    return try stride(from: 0, to: bytes.count, by: byteCount).map {
      try text(Array(bytes[$0..<$0 + byteCount]), at: path)
    }
  }

  /// Everything about the dataset at `path`, its elements as little-endian bytes.
  package func elements(of path: String) throws -> (
    type: HDF5ElementType, shape: [Int], bytes: [UInt8]
  ) {
    if let contents {
      let dataset = try contents.dataset(path, of: self.path)
      return (dataset.type, dataset.shape, contents.elements(of: dataset))
    }
    return try HDF5Library.locked {
      let dataset = try HDF5Dataset(path, in: self)
      return (dataset.type, dataset.shape, try dataset.elements(in: self))
    }
  }

  /// What the dataset at `path` says that it holds, whether or not it can be read: the name of its
  /// type, and its extents; none where it states none.
  func outline(of path: String) throws -> (type: String, extents: [UInt64]) {
    try HDF5Library.locked {
      let dataset = try object(path)
      let stored = try own(H5Dget_type(dataset.id), at: path)
      let type = HDF5ElementType(of: stored)?.description ?? HDF5ElementType.describe(stored)
      return (type, (try? extents(of: dataset, at: path)) ?? [])
    }
  }

  fileprivate func extents(of dataset: borrowing HDF5Handle, at path: String) throws -> [hsize_t] {
    let space = try own(H5Dget_space(dataset.id), at: path)
    guard H5Sget_simple_extent_type(space.id) != H5S_NULL else {
      throw invalid(path, expected: "elements", found: "a dataset without a shape")
    }
    var extents = [hsize_t](repeating: 0, count: Int(H5S_MAX_RANK))
    let rank = H5Sget_simple_extent_dims(space.id, &extents, nil)
    try check(rank, at: path)
    return Array(extents.prefix(Int(rank)))
  }

  /// The names of the attributes of the object at `path`, in the order of their UTF-8 bytes.
  package func attributeNames(of path: String) throws -> [String] {
    if let contents { return try contents.object(path, of: self.path).attributes.map(\.name) }
    return try HDF5Library.locked {
      let object = try object(path)
      return try names(at: path) { chdf5_each_attribute(object.id, HDF5Library.collect, $0) }
    }
  }

  /// The value of an attribute of the object at `path`.
  package func attribute(_ name: String, of path: String) throws -> HDF5Attribute {
    let location = Self.location(of: name, path)
    if let contents {
      let object = try contents.object(path, of: self.path)
      guard let value = try object.value(of: name, file: self.path) else {
        throw invalid(location, expected: "a value", found: "nothing")
      }
      return value
    }
    return try HDF5Library.locked {
      let object = try object(path)
      let exists = H5Aexists(object.id, name)
      try check(exists, at: location)
      guard exists > 0 else { throw invalid(location, expected: "a value", found: "nothing") }
      let attribute = try own(H5Aopen(object.id, name, chdf5_default()), at: location)
      let space = try own(H5Aget_space(attribute.id), at: location)
      let stored = try own(H5Aget_type(attribute.id), at: location)
      guard H5Sget_simple_extent_type(space.id) == H5S_SCALAR else {
        throw invalid(location, expected: "a single value", found: "several or none")
      }
      // Ours have a fixed length and lie in the header, under its checksum. h5py's have a variable
      // length and lie in a heap without one, which HDF5 1.10 reads without looking: where that
      // heap is damaged, the process may crash.
      if H5Tis_variable_str(stored.id) > 0 {
        var pointer: UnsafeMutablePointer<UInt8>?
        try check(H5Aread(attribute.id, stored.id, &pointer), at: location)
        defer { H5free_memory(pointer) }
        let bytes = pointer.map { UnsafeBufferPointer(start: $0, count: strlen($0)) }
        return .string(try text(bytes.map { Array($0) } ?? [], at: location))
      }
      let type = HDF5ElementType(of: stored)
      switch type {
      case .int64:
        var integer: Int64 = 0
        let memory = HDF5ElementType.int64.handle()
        try check(H5Aread(attribute.id, memory.id, &integer), at: location)
        return .integer(integer)
      case .float64:
        var real = 0.0
        let memory = HDF5ElementType.float64.handle()
        try check(H5Aread(attribute.id, memory.id, &real), at: location)
        return .real(real)
      case .string(let byteCount) where byteCount <= byteLimit:
        var bytes = [UInt8](repeating: 0, count: byteCount)
        try check(H5Aread(attribute.id, stored.id, &bytes), at: location)
        return .string(try text(bytes, at: location))
      default:
        throw invalid(
          location, expected: "text, int64 or float64",
          found: type.map { "\($0)" } ?? HDF5ElementType.describe(stored))
      }
    }
  }

  static func location(of attribute: String, _ path: String) -> String {
    "\(path), attribute '\(attribute)'"
  }
}

/// A dataset that is open, with what it says of itself checked before memory is taken for it.
/// Lives with the library locked.
private struct HDF5Dataset: ~Copyable {
  let path: String
  let type: HDF5ElementType
  let shape: [Int]
  private let handle: HDF5Handle
  private let stored: HDF5Handle

  init(_ path: String, in file: borrowing HDF5File) throws {
    let handle = try file.object(path)
    guard try file.kind(of: handle, at: path) == .dataset else {
      throw file.invalid(path, expected: "a dataset", found: "a group")
    }
    let stored = try file.own(H5Dget_type(handle.id), at: path)
    guard let type = HDF5ElementType(of: stored) else {
      throw file.invalid(
        path, expected: "integers, floating-point numbers, or text of fixed length",
        found: HDF5ElementType.describe(stored))
    }
    let extents = try file.extents(of: handle, at: path)
    let isCompressed = try file.isCompressed(handle, at: path)
    let limit = isCompressed ? HDF5Contents.dataLimit(file.byteLimit) : file.byteLimit
    let bound = isCompressed ? "\(limit) bytes" : "the \(limit) bytes of the file"
    guard let shape = type.shape(extents, within: limit) else {
      throw file.invalid(
        path, expected: "at most \(bound)", found: "\(type) of shape \(extents)")
    }
    if let chunk = try file.chunk(of: handle, at: path), type.shape(chunk, within: limit) == nil {
      throw file.invalid(
        path, expected: "chunks of at most \(bound)", found: "chunks of shape \(chunk)")
    }
    self.path = path
    self.type = type
    self.shape = shape
    self.handle = handle
    self.stored = stored
  }

  /// The elements in row-major order; `[UInt8]` takes those of any type as little-endian bytes.
  func elements<Element: HDF5Element>(in file: borrowing HDF5File) throws -> [Element] {
    let byteCount = shape.reduce(type.byteCount, *)
    let elementCount = byteCount / MemoryLayout<Element>.size
    return try [Element](unsafeUninitializedCapacity: elementCount) { buffer, count in
      if elementCount == 0 { return }
      // Numbers are brought into this machine's order; text stays as it lies.
      let number = type.handle()
      var memory = number.id
      switch type {
      case .string, .bool: memory = stored.id
      default: break
      }
      try file.check(
        H5Dread(
          handle.id, memory, chdf5_all(), chdf5_all(), chdf5_default(), buffer.baseAddress),
        at: path)
      count = elementCount
    }
  }
}

extension HDF5File {
  /// Whether the elements of a dataset are compressed, so that a few bytes can stand for many.
  /// Refuses those that are not in this file, or in a form that is not read.
  fileprivate func isCompressed(
    _ dataset: borrowing HDF5Handle, at path: String
  ) throws -> Bool {
    let properties = try own(H5Dget_create_plist(dataset.id), at: path)
    let layout = H5Pget_layout(properties.id)
    guard [H5D_COMPACT, H5D_CONTIGUOUS, H5D_CHUNKED].contains(layout),
      H5Pget_external_count(properties.id) == 0
    else {
      throw invalid(path, expected: "elements in this file", found: "a reference to other files")
    }
    let filters = H5Pget_nfilters(properties.id)
    try check(filters, at: path)
    var isCompressed = false
    for index in 0..<UInt32(filters) {
      var flags: UInt32 = 0
      var parameters = 0
      let filter = H5Pget_filter2(properties.id, index, &flags, &parameters, nil, 0, nil, nil)
      switch filter {
      case H5Z_FILTER_FLETCHER32, H5Z_FILTER_SHUFFLE: continue
      case H5Z_FILTER_DEFLATE, CHDF5_FILTER_LZF: isCompressed = true
      default:
        let names = [
          H5Z_FILTER_SZIP: "szip", H5Z_FILTER_NBIT: "n-bit",
          H5Z_FILTER_SCALEOFFSET: "scale and offset", 32001: "Blosc", 32004: "LZ4",
          32008: "bitshuffle", 32015: "Zstandard", 32026: "Blosc2",
        ]
        throw invalid(
          path, expected: "elements as they are, or compressed by gzip or lzf",
          found: "compression by \(names[filter] ?? "filter \(filter)")")
      }
    }
    return isCompressed
  }

  /// The extents of a dataset's chunks; nil where it has none.
  fileprivate func chunk(
    of dataset: borrowing HDF5Handle, at path: String
  ) throws -> [hsize_t]? {
    let properties = try own(H5Dget_create_plist(dataset.id), at: path)
    guard H5Pget_layout(properties.id) == H5D_CHUNKED else { return nil }
    var chunk = [hsize_t](repeating: 0, count: Int(H5S_MAX_RANK))
    let rank = H5Pget_chunk(properties.id, H5S_MAX_RANK, &chunk)
    try check(rank, at: path)
    return Array(chunk.prefix(Int(rank)))
  }
}

extension HDF5ElementType {
  /// The type that a handle of HDF5 stands for, in either byte order; none if it is not one of ours.
  fileprivate init?(of handle: borrowing HDF5Handle) {
    if H5Tget_class(handle.id) == H5T_STRING {
      guard H5Tis_variable_str(handle.id) == 0 else { return nil }
      self = .string(byteCount: H5Tget_size(handle.id))
      return
    }
    let id = handle.id
    if H5Tget_class(id) == H5T_ENUM, H5Tget_size(id) == 1, H5Tget_nmembers(id) == 2 {
      self = .bool
      return
    }
    let match = Self.numbers.first {
      H5Tequal(id, $0.littleEndian()) > 0 || H5Tequal(id, $0.bigEndian()) > 0
    }
    guard let match else { return nil }
    self = match.type
  }

  /// HDF5's handle for the type, little-endian.
  func handle() -> HDF5Handle {
    if case .string(let byteCount) = self {
      let handle = HDF5Handle(H5Tcopy(chdf5_c_string()))
      H5Tset_size(handle.id, byteCount)
      H5Tset_strpad(handle.id, H5T_STR_NULLPAD)
      H5Tset_cset(handle.id, H5T_CSET_UTF8)
      return handle
    }
    // The bytes of an enumeration are the integers that its names stand for.
    let type = self == .bool ? .int8 : self
    let number = Self.numbers.first { $0.type == type }
    return HDF5Handle(H5Tcopy(number?.littleEndian() ?? -1))
  }

  private static let numbers:
    [(
      type: HDF5ElementType, littleEndian: @Sendable () -> hid_t, bigEndian: @Sendable () -> hid_t
    )] = [
      (.float32, chdf5_float32_le, chdf5_float32_be),
      (.float64, chdf5_float64_le, chdf5_float64_be),
      (.int32, chdf5_int32_le, chdf5_int32_be),
      (.int64, chdf5_int64_le, chdf5_int64_be),
      (.uint8, chdf5_uint8, chdf5_uint8),
      (.uint64, chdf5_uint64_le, chdf5_uint64_be), (.float16, chdf5_float16_le, chdf5_float16_be),
      (.int8, chdf5_int8, chdf5_int8), (.int16, chdf5_int16_le, chdf5_int16_be),
      (.uint16, chdf5_uint16_le, chdf5_uint16_be), (.uint32, chdf5_uint32_le, chdf5_uint32_be),
    ]

  /// What a type is called that is not one of ours.
  fileprivate static func describe(_ handle: borrowing HDF5Handle) -> String {
    if H5Tis_variable_str(handle.id) > 0 { return "text of variable length" }
    let names = [
      "integer", "float", "time", "text", "bit field", "opaque type", "compound", "reference",
      "enumeration", "list", "array",
    ]
    let name = Int(H5Tget_class(handle.id).rawValue)
    return "\(H5Tget_size(handle.id))-byte "
      + (names.indices.contains(name) ? names[name] : "unknown type")
  }
}
