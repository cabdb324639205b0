// SPDX-License-Identifier: Apache-2.0

import CPLReference
import Testing

/// Registration lasts as long as the process does, so that each test has one of its own.
@Suite("A layer of another package")
struct OutsideLayerTests {
  @Test("is held to what every kind is, once it is registered")
  func conformance() async {
    await #expect(processExitsWith: .success) {
      try LayerSpecification.register(AbsoluteValueKind.self)
      let suite = LayerConformanceTests()
      for specification in LayerSpecification.samples(of: AbsoluteValueKind.self) {
        let sample = LayerConformanceTests.Sample(
          specification: specification, description: "\(specification)")
        try suite.shapes(sample)
        suite.bits(sample)
        suite.gradients(sample)
        try suite.tangent(sample)
        try suite.bound(sample)
        try suite.rounding(sample)
        try suite.storage(sample)
      }
    }
  }

  @Test("cannot be registered twice, nor under a name that there is")
  func names() async {
    await #expect(processExitsWith: .success) {
      try LayerSpecification.register(AbsoluteValueKind.self)
      #expect(throws: VerificationError.self) {
        try LayerSpecification.register(AbsoluteValueKind.self)
      }
      #expect(throws: VerificationError.self) {
        try LayerSpecification.register(FlattenKind.self)
      }
    }
  }
}
