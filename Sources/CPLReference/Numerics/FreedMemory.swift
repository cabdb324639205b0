// SPDX-License-Identifier: Apache-2.0

import CPLKernels

/// What the C library's allocator does with memory that is given back.
package enum FreedMemory {
  /// Keeps freed memory for later allocations, in one heap that never shrinks.
  ///
  /// A training step allocates and frees every activation. By its own rules glibc returns them to the
  /// system each time, and the system clears the pages again: a quarter of a step's processor time
  /// for CPL-S. A program calls this once, before it starts threads; it sets the whole process, and
  /// does nothing where the C library is another one.
  package static func keep() { cpl_keep_freed_memory() }
}
