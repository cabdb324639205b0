// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLResources

/// The files that are part of the program.
package enum BuiltInFiles {
  /// A small network, trained on the built-in images.
  package static func network(scratch: String) throws -> CPLNetwork<Float> {
    try Checkpoint(path: write(cpl_built_in_weights, to: "\(scratch)/built-in.h5")).network
  }

  /// Writes the values recorded from PyTorch to a file in the folder `scratch`.
  ///
  /// - Returns: its path.
  package static func recordedValues(scratch: String) throws -> String {
    try write(cpl_recorded_values, to: "\(scratch)/parity.h5")
  }

  private static func write(_ resource: cpl_resource, to path: String) throws -> String {
    try AtomicFile.write(
      UnsafeRawBufferPointer(start: resource.bytes, count: resource.count), to: path)
    return path
  }
}
