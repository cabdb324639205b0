// SPDX-License-Identifier: Apache-2.0

import CHDF5
import CPLReference

/// A NumPy array as `numpy.save` writes it.
///
/// - Parameter type: such as "<f4".
package func npyFile(
  _ type: String, _ shape: [Int], _ contents: [UInt8], isFortranOrder: Bool = false
) -> [UInt8] {
  let extents = shape.map { "\($0)," }.joined(separator: " ")
  let header =
    "{'descr': '\(type)', 'fortran_order': \(isFortranOrder ? "True" : "False"), "
    + "'shape': (\(extents)), }\n"
  var file: [UInt8] = [0x93]
  file += "NUMPY".utf8
  file += [1, 0]
  file += bytes(UInt16(header.utf8.count))
  file += header.utf8
  return file + contents
}

/// A type that HDF5 stores and this program does not write.
package enum ForeignHDF5Type: CaseIterable, Sendable {
  case float16, float16BigEndian, int8, int16, int16BigEndian, uint16, uint32, int64BigEndian

  fileprivate var handle: hid_t {
    switch self {
    case .float16: chdf5_float16_le()
    case .float16BigEndian: chdf5_float16_be()
    case .int8: chdf5_int8()
    case .int16: chdf5_int16_le()
    case .int16BigEndian: chdf5_int16_be()
    case .uint16: chdf5_uint16_le()
    case .uint32: chdf5_uint32_le()
    case .int64BigEndian: chdf5_int64_be()
    }
  }
}

/// What HDF5 does to the elements of a dataset in chunks.
package enum ForeignHDF5Filter: CaseIterable, Sendable {
  case gzip, gzipShuffled, lzf
}

/// An HDF5 file as other programs make them, by calls of HDF5's own.
package struct ForeignHDF5: ~Copyable {
  private let id: hid_t

  /// Creates the file at `path` with what `fill` writes.
  package static func create(at path: String, _ fill: (borrowing ForeignHDF5) -> Void) {
    HDF5Library.locked {
      let file = ForeignHDF5(
        id: H5Fcreate(path, chdf5_truncate(), chdf5_default(), chdf5_default()))
      fill(file)
      H5Fclose(file.id)
    }
  }

  /// Bytes as numbers of another type, to which HDF5 converts them.
  package func write(_ values: [UInt8], as type: ForeignHDF5Type, _ shape: [Int], to path: String) {
    write(values, type.handle, shape, chdf5_default(), to: path)
  }

  /// Bytes in compressed chunks of some rows.
  package func write(
    _ values: [UInt8], _ shape: [Int], by filter: ForeignHDF5Filter, rows: Int, to path: String
  ) {
    let properties = H5Pcreate(chdf5_class_dataset_create())
    var chunk = ([rows] + shape.dropFirst()).map { hsize_t($0) }
    H5Pset_chunk(properties, Int32(chunk.count), &chunk)
    switch filter {
    case .gzip: H5Pset_deflate(properties, 6)
    case .gzipShuffled:
      H5Pset_shuffle(properties)
      H5Pset_deflate(properties, 6)
    case .lzf:
      Self.letLZFBeWritten()
      let size = chunk.reduce(1, *)
      H5Pset_filter(properties, CHDF5_FILTER_LZF, 1, 3, [4, 0x105, UInt32(size)])
    }
    let dataset = write(
      filter == .lzf ? nil : values, chdf5_uint8(), shape, properties, to: path, keepsOpen: true)
    if filter == .lzf {
      let size = Int(chunk.reduce(1, *))
      for (row, start) in zip(
        stride(from: 0, to: shape[0], by: rows), stride(from: 0, to: values.count, by: size))
      {
        let stored = Self.lzf(Array(values[start..<start + size]))
        var offset = [hsize_t](repeating: 0, count: shape.count)
        offset[0] = hsize_t(row)
        H5Dwrite_chunk(dataset, chdf5_default(), 0, &offset, stored.count, stored)
      }
    }
    H5Dclose(dataset)
    H5Pclose(properties)
  }

  package func group(_ path: String) {
    H5Gclose(H5Gcreate2(id, path, chdf5_default(), chdf5_default(), chdf5_default()))
  }

  package func softLink(_ path: String, to target: String) {
    H5Lcreate_soft(target, id, path, chdf5_default(), chdf5_default())
  }

  package func externalLink(_ path: String, to target: String, of file: String) {
    H5Lcreate_external(file, target, id, path, chdf5_default(), chdf5_default())
  }

  @discardableResult private func write(
    _ values: [UInt8]?, _ type: hid_t, _ shape: [Int], _ properties: hid_t, to path: String,
    keepsOpen: Bool = false
  ) -> hid_t {
    var extents = shape.map { hsize_t($0) }
    let space = H5Screate_simple(Int32(shape.count), &extents, nil)
    let dataset = H5Dcreate2(id, path, type, space, chdf5_default(), properties, chdf5_default())
    if let values {
      H5Dwrite(dataset, chdf5_uint8(), chdf5_all(), chdf5_all(), chdf5_default(), values)
    }
    H5Sclose(space)
    if !keepsOpen { H5Dclose(dataset) }
    return dataset
  }

  /// HDF5 makes no dataset with a filter that only unpacks; the chunks that are written are packed.
  private static func letLZFBeWritten() {
    let name: StaticString = "lzf"
    name.utf8Start.withMemoryRebound(to: CChar.self, capacity: 4) { name in
      var filter = H5Z_class2_t(
        version: H5Z_CLASS_T_VERS, id: CHDF5_FILTER_LZF, encoder_present: 1, decoder_present: 1,
        name: name, can_apply: nil, set_local: nil, filter: chdf5_lzf_filter)
      H5Zregister(&filter)
    }
  }

  /// LZF's data of some bytes: a run of equal ones as a copy of the first, others as they are.
  private static func lzf(_ values: [UInt8]) -> [UInt8] {
    var (stored, position): ([UInt8], Int) = ([], 0)
    while position < values.count {
      let run = values[position...].prefix(while: { $0 == values[position] }).count
      if run > 10 {
        // One byte as it is, and the last byte again: 9 to 264 times.
        let length = min(run - 1, 264)
        stored += [0, values[position], 7 << 5, UInt8(length - 9), 0]
        position += 1 + length
      } else {
        let literal = values[position..<min(values.count, position + 32)]
        stored += [UInt8(literal.count - 1)] + literal
        position += literal.count
      }
    }
    return stored
  }
}
