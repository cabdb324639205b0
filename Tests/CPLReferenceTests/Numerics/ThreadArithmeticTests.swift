import CPLReference
import Glibc
import Testing

@Suite("The arithmetic of threads")
struct ThreadArithmeticTests {
  @Test("rounding that is not to nearest is noticed, and what is as it should be is not refused")
  func rounding() throws {
    #expect(ThreadArithmetic.deviations.isEmpty)
    for mode in [FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO] {
      fesetround(Int32(mode))
      let found = ThreadArithmetic.deviations
      fesetround(Int32(FE_TONEAREST))
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
