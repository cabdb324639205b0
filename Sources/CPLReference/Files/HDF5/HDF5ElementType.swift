// SPDX-License-Identifier: Apache-2.0

/// The type of the elements of a dataset: those that this package stores, and others that images and
/// labels come in.
package enum HDF5ElementType: Codable, Equatable, Sendable {
  case float32, float64, int32, int64, uint8, uint64
  case float16, int8, int16, uint16, uint32
  /// An enumeration of one byte, as h5py stores it.
  case bool
  /// Text in UTF-8, filled up with zero bytes.
  case string(byteCount: Int)

  /// The size of one element.
  var byteCount: Int {
    switch self {
    case .uint8, .int8, .bool: 1
    case .float16, .int16, .uint16: 2
    case .float32, .int32, .uint32: 4
    case .float64, .int64, .uint64: 8
    case .string(let byteCount): byteCount
    }
  }

  /// The shape of a dataset with these extents, unless it would take more than `byteLimit` bytes
  /// or its strides would not fit an integer.
  func shape(_ extents: [UInt64], within byteLimit: Int) -> [Int]? {
    var stride = byteCount
    for extent in extents {
      guard let extent = Int(exactly: extent) else { return nil }
      let (product, overflow) = stride.multipliedReportingOverflow(by: max(1, extent))
      if overflow { return nil }
      stride = product
    }
    return stride <= byteLimit || extents.contains(0) ? extents.map { Int($0) } : nil
  }

  /// The extents of the chunks that a dataset of `shape` is stored in: as many whole slices of the
  /// outermost extents as fit into 1 MiB.
  func chunk(of shape: [Int]) -> [UInt64] {
    shape.indices.map { axis in
      let slice = shape[(axis + 1)...].reduce(byteCount, *)
      return UInt64(min(shape[axis], max(1, (1 << 20) / slice)))
    }
  }
}

extension HDF5ElementType: CustomStringConvertible {
  package var description: String {
    switch self {
    case .float32: "float32"
    case .float64: "float64"
    case .int32: "int32"
    case .int64: "int64"
    case .uint8: "uint8"
    case .uint64: "uint64"
    case .float16: "float16"
    case .int8: "int8"
    case .int16: "int16"
    case .uint16: "uint16"
    case .uint32: "uint32"
    case .bool: "bool"
    case .string(let byteCount): "text of \(byteCount) bytes"
    }
  }
}

/// A type of Swift's that a dataset can hold.
package protocol HDF5Element: BitwiseCopyable, Sendable {
  /// What the elements are in the file.
  static var hdf5Type: HDF5ElementType { get }
}

extension Float: HDF5Element {
  package static var hdf5Type: HDF5ElementType { .float32 }
}
extension Double: HDF5Element {
  package static var hdf5Type: HDF5ElementType { .float64 }
}
extension Int32: HDF5Element {
  package static var hdf5Type: HDF5ElementType { .int32 }
}
extension Int64: HDF5Element {
  package static var hdf5Type: HDF5ElementType { .int64 }
}
extension UInt8: HDF5Element {
  package static var hdf5Type: HDF5ElementType { .uint8 }
}
extension UInt64: HDF5Element {
  package static var hdf5Type: HDF5ElementType { .uint64 }
}

/// The value of an attribute.
package enum HDF5Attribute: Equatable, Sendable {
  case string(String)
  case integer(Int64)
  case real(Double)
}
