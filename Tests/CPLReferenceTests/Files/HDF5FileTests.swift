// SPDX-License-Identifier: Apache-2.0

import CPLReference
import Foundation
import Testing

@Suite("HDF5File")
struct HDF5FileTests {
  static let shapes: [[Int]] = [
    [], [0], [1], [7], [0, 3, 2], [3, 0], [2, 3, 5, 4], [3, 1 << 18],
  ]

  /// Writes elements made from counters, reads them back and compares them bit by bit.
  private func roundTrip<Element: HDF5Element & FixedWidthInteger>(
    _ shape: [Int], _ element: (UInt64) -> Element
  ) throws {
    try withTemporaryFolder { folder in
      let elements = (0..<shape.reduce(1, *)).map { element(UInt64($0) &* 0x9E37_79B9_7F4A_7C15) }
      try HDF5File.create(at: folder + "/x.h5") { try $0.write(elements, shape: shape, to: "/a/b") }
      let file = try HDF5File.open(folder + "/x.h5")
      let (readShape, readElements) = try file.read(Element.self, from: "/a/b")
      #expect(readShape == shape)
      #expect(readElements == elements)
      #expect(file.openHandleCount == 1)
    }
  }

  @Test("every integer type and shape comes back", arguments: shapes)
  func integers(shape: [Int]) throws {
    try roundTrip(shape) { Int32(truncatingIfNeeded: $0) }
    try roundTrip(shape) { Int64(truncatingIfNeeded: $0) }
    try roundTrip(shape) { UInt8(truncatingIfNeeded: $0 >> 56) }
    try roundTrip(shape) { $0 }
  }

  @Test("floating-point numbers come back bit by bit: zeros, subnormals, infinities, NaN payloads")
  func floats() throws {
    try withTemporaryFolder { folder in
      let narrow =
        [0, 0x8000_0000, 1, 0x8000_0001, 0x7F80_0000, 0xFF80_0000, 0x7FC0_0000, 0x7F80_0001]
        + [0xFFC1_2345, 0xFFBF_FFFF, 0x3F80_0001].map { UInt32($0) }
      let wide =
        [0, 1 << 63, 1, 0x7FF0_0000_0000_0000, 0x7FF0_0000_0000_0001, 0xFFF8_0000_0001_2345]
        + [0x3FF0_0000_0000_0001].map { UInt64($0) }
      try HDF5File.create(at: folder + "/x.h5") { file in
        try file.write(narrow.map { Float(bitPattern: $0) }, to: "/narrow")
        try file.write(wide.map { Double(bitPattern: $0) }, to: "/wide")
      }
      let file = try HDF5File.open(folder + "/x.h5")
      #expect(try file.read(Float.self, from: "/narrow").elements.map(\.bitPattern) == narrow)
      #expect(try file.read(Double.self, from: "/wide").elements.map(\.bitPattern) == wide)
    }
  }

  @Test("tensors come back", arguments: shapes)
  func tensors(shape: [Int]) throws {
    try withTemporaryFolder { folder in
      let tensor = Tensor<Float>(
        shape: shape, elements: (0..<shape.reduce(1, *)).map { Float($0) / 3 })
      try HDF5File.create(at: folder + "/x.h5") { try $0.write(tensor, to: "/t") }
      #expect(try HDF5File.open(folder + "/x.h5").readTensor(from: "/t") == tensor)
    }
  }

  @Test(
    "lists of text come back",
    arguments: [[], [""], ["a"], ["", "Κύκλος", "naïve\n", String(repeating: "x", count: 3000)]])
  func strings(texts: [String]) throws {
    try withTemporaryFolder { folder in
      try HDF5File.create(at: folder + "/x.h5") { try $0.write(texts, to: "/names") }
      #expect(try HDF5File.open(folder + "/x.h5").readStrings(from: "/names") == texts)
    }
  }

  @Test("attributes of the root, of groups and of datasets come back")
  func attributes() throws {
    try withTemporaryFolder { folder in
      let values: [String: HDF5Attribute] = [
        "text": .string("ε ≤ 36/255"), "empty": .string(""), "integer": .integer(.min),
        "real": .real(-0.0), "long": .string(String(repeating: "{\"å\": 1}", count: 5000)),
        "longer than a header": .string(String(repeating: "0123456789", count: 20000)),
      ]
      try HDF5File.create(at: folder + "/x.h5") { file in
        try file.write([Int32](), to: "/group/data")
        for path in ["/", "/group", "/group/data"] {
          for name in values.keys.sorted() {
            try file.setAttribute(name, values[name]!, of: path)
          }
        }
      }
      let file = try HDF5File.open(folder + "/x.h5")
      for path in ["/", "/group", "/group/data"] {
        #expect(try file.attributeNames(of: path) == values.keys.sorted())
        for (name, value) in values { #expect(try file.attribute(name, of: path) == value) }
      }
      #expect(file.openHandleCount == 1)
    }
  }

  @Test("groups list their members by name with their kinds, many of them too")
  func groups() throws {
    try withTemporaryFolder { folder in
      try HDF5File.create(at: folder + "/x.h5") { file in
        try file.createGroup("/z/y/x")
        try file.createGroup("/z/y")
        for index in 0..<100 { try file.write([UInt8(index)], to: "/many/\(index)") }
      }
      let file = try HDF5File.open(folder + "/x.h5")
      #expect(try file.children(of: "/").map(\.name) == ["many", "z"])
      #expect(try file.children(of: "/z/y/x").isEmpty)
      let many = try file.children(of: "/many")
      #expect(many.map(\.name) == (0..<100).map(String.init).sorted())
      #expect(many.allSatisfy { $0.kind == .dataset })
      #expect(try file.kind(of: "/z/y") == .group)
      #expect(try file.exists("/z/y/x"))
      #expect(try !file.exists("/z/y/x/w"))
      #expect(try !file.exists("/nowhere/at/all"))
      #expect(file.openHandleCount == 1)
    }
  }

  @Test("what is asked for and is not there, or is something else, is said with its place")
  func expectations() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/x.h5"
      try HDF5File.create(at: path) { try $0.write([Float](repeating: 1, count: 6), to: "/g/a") }
      let file = try HDF5File.open(path)
      func invalid(_ location: String, _ expected: String, _ found: String) -> ReferenceError {
        .invalid(path: path, location: location, expected: expected, found: found)
      }
      #expect(throws: invalid("/g/a", "float64", "float32")) {
        try file.read(Double.self, from: "/g/a")
      }
      #expect(throws: invalid("/g/a", "shape [2, 3]", "shape [6]")) {
        try file.read(Float.self, from: "/g/a", shape: [2, 3])
      }
      #expect(throws: invalid("/g/b", "a group or a dataset", "nothing")) {
        try file.read(Float.self, from: "/g/b")
      }
      #expect(throws: invalid("/g", "a dataset", "a group")) {
        try file.read(Float.self, from: "/g")
      }
      #expect(throws: invalid("/g/a", "a group", "a dataset")) { try file.children(of: "/g/a") }
      #expect(throws: invalid("/g/a", "a group", "a dataset")) { try file.exists("/g/a/b") }
      #expect(throws: invalid("/g/a", "a list of strings", "float32 of shape [6]")) {
        try file.readStrings(from: "/g/a")
      }
      #expect(throws: invalid("/g, attribute 'units'", "a value", "nothing")) {
        try file.attribute("units", of: "/g")
      }
      #expect(file.openHandleCount == 1)
    }
  }

  @Test("text with a NUL, which HDF5 would cut short, is refused")
  func nul() throws {
    try withTemporaryFolder { folder in
      #expect(throws: ReferenceError.self) {
        try HDF5File.create(at: folder + "/x.h5") { try $0.write(["a\0b"], to: "/names") }
      }
      #expect(throws: ReferenceError.self) {
        try HDF5File.create(at: folder + "/x.h5") {
          try $0.setAttribute("a", .string("\0"), of: "/")
        }
      }
    }
  }

  @Test("a file that is read cannot be written, nor a name taken twice")
  func misuse() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/x.h5"
      try HDF5File.create(at: path) { file in
        try file.write([1.0], to: "/a")
        #expect(throws: ReferenceError.self) { try file.write([1.0], to: "/a") }
        #expect(throws: ReferenceError.self) { try file.write([1.0], to: "/a/b") }
        #expect(file.openHandleCount == 1)
      }
      let file = try HDF5File.open(path)
      #expect(throws: ReferenceError.self) { try file.write([1.0], to: "/b") }
      #expect(file.openHandleCount == 1)
    }
  }

  @Test("equal contents, written at different times, make equal bytes")
  func reproducible() throws {
    try withTemporaryFolder { folder in
      for name in ["/x.h5", "/y.h5"] {
        try HDF5File.create(at: folder + name) { file in
          try file.write((0..<700_000).map { Float($0) }, shape: [7, 100_000], to: "/p/q/r")
          try file.setAttribute("format", .string("cpl-weights"), of: "/")
          for index in 0..<20 { try file.write(["\(index)"], to: "/many/\(index)") }
        }
        // HDF5's times are in whole seconds.
        Thread.sleep(forTimeInterval: 1.1)
      }
      #expect(try bytes(of: folder + "/x.h5") == bytes(of: folder + "/y.h5"))
    }
  }

  @Test("files can be written and read by many threads at once")
  func threads() throws {
    try withTemporaryFolder { folder in
      DispatchQueue.concurrentPerform(iterations: 16) { index in
        do {
          let path = folder + "/\(index % 4).h5"
          try HDF5File.create(at: path) { try $0.write([1, 2, Float(index % 4)], to: "/a/b") }
          #expect(try HDF5File.open(path).read(from: "/a/b").elements == [1, 2, Float(index % 4)])
        } catch { Issue.record(error) }
      }
    }
  }
}
