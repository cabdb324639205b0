// SPDX-License-Identifier: Apache-2.0

import CPLReference
import Glibc
import Testing

@Suite("The arithmetic of threads")
struct ThreadArithmeticTests {
  /// The C library's other rounding modes, and the usual one: its names are ambiguous in Swift.
  #if arch(x86_64)
    private static let modes = [0x400, 0x800, 0xC00] as [Int32]
  #else
    private static let modes = [0x40_0000, 0x80_0000, 0xC0_0000] as [Int32]
  #endif
  private static let nearest: Int32 = 0

  @Test("rounding that is not to nearest is noticed, and what is as it should be is not refused")
  func rounding() throws {
    #expect(ThreadArithmetic.deviations.isEmpty)
    for mode in Self.modes {
      fesetround(mode)
      let found = ThreadArithmetic.deviations
      fesetround(Self.nearest)
      #expect(found == .rounding)
    }
    #expect(ThreadArithmetic.deviations.isEmpty)
    try ThreadArithmetic.check()
  }

  @Test("each deviation is named")
  func messages() throws {
    for (deviation, text) in [
      (ThreadArithmetic.rounding, "does not round to nearest"),
      (.flushing, "flushes small results to zero"), (.ignoring, "takes small operands for zero"),
      ([.flushing, .ignoring], "to zero and takes"),
    ] {
      let error = #expect(throws: ReferenceError.self) { try deviation.refuse() }
      #expect(error?.description.contains(text) == true)
    }
    try ThreadArithmetic().refuse()
  }
}
