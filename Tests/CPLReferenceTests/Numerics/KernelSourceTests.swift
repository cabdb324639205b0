// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

@Suite("The kernels' two precisions")
struct KernelSourceTests {
  @Test("have one source: Double+Kernels.swift is Float+Kernels.swift with other names")
  func source() throws {
    let folder = Fixture.repository.appending(path: "Sources/CPLReference/Numerics")
    func text(_ name: String) throws -> String {
      try String(contentsOf: folder.appending(path: "\(name)+Kernels.swift"), encoding: .utf8)
    }
    #expect(
      try text("Double")
        == text("Float").replacing("Float", with: "Double").replacing("_f32", with: "_f64"))
  }
}
