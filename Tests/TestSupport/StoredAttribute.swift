// SPDX-License-Identifier: Apache-2.0

import CHDF5
import CPLReference

/// Replaces an integer attribute of the root of the HDF5 file at `path`.
package func setStoredAttribute(_ name: String, _ value: Int64, of path: String) {
  let readWrite: UInt32 = 1
  HDF5Library.locked {
    let file = H5Fopen(path, readWrite, chdf5_default())
    let attribute = H5Aopen(file, name, chdf5_default())
    withUnsafePointer(to: value) { _ = H5Awrite(attribute, chdf5_int64_le(), $0) }
    H5Aclose(attribute)
    H5Fclose(file)
  }
}
