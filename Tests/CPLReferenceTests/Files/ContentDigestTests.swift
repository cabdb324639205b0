// SPDX-License-Identifier: Apache-2.0

import CPLReference
import Foundation
import Testing

@Suite("Content digest")
struct ContentDigestTests {
  /// The digest of a file that `fill` writes.
  private func digest(
    excluding excluded: Set<String> = [], _ fill: (borrowing HDF5File) throws -> Void
  ) throws -> String {
    try withTemporaryFolder { folder in
      try HDF5File.create(at: folder + "/x.h5", fill)
      return try HDF5File.open(folder + "/x.h5").contentDigest(excluding: excluded)
    }
  }

  @Test("the order in which a file was written does not enter")
  func order() throws {
    let first = try digest { file in
      try file.write([1, 2] as [Float], to: "/a/x")
      try file.write([3], to: "/a-b")
      try file.setAttribute("p", .integer(1), of: "/")
      try file.setAttribute("q", .integer(2), of: "/")
    }
    let second = try digest { file in
      try file.setAttribute("q", .integer(2), of: "/")
      try file.setAttribute("p", .integer(1), of: "/")
      try file.write([3], to: "/a-b")
      try file.write([1, 2] as [Float], to: "/a/x")
    }
    #expect(first == second)
  }

  @Test("what is excluded does not enter, all else does")
  func excluded() throws {
    func file(_ value: Int64, in group: String) throws -> String {
      try digest(excluding: ["/provenance"]) { file in
        try file.write([value], to: group + "/x/y")
        try file.setAttribute("a", .integer(value), of: group)
      }
    }
    #expect(try file(1, in: "/provenance") == file(2, in: "/provenance"))
    #expect(try file(1, in: "/provenance2") != file(2, in: "/provenance2"))
  }

  @Test("every difference of path, kind, type, shape, bits and attributes shows")
  func differences() throws {
    let digests = [
      try digest { _ in },
      try digest { try $0.createGroup("/a") },
      try digest { try $0.createGroup("/b") },
      try digest { try $0.createGroup("/a/b") },
      try digest { try $0.write([Float](), to: "/a") },
      try digest { try $0.write([Int32](), to: "/a") },
      try digest { try $0.write([Float](), shape: [0, 1], to: "/a") },
      try digest { try $0.write([Float(0)], to: "/a") },
      try digest { try $0.write([Float(-0.0)], to: "/a") },
      try digest { try $0.write([Float(0)], shape: [], to: "/a") },
      try digest { try $0.write([Int32(0)], to: "/a") },
      try digest { try $0.write([Float(bitPattern: 0x7FC0_0000)], to: "/a") },
      try digest { try $0.write([Float(bitPattern: 0x7FC0_0001)], to: "/a") },
      try digest { try $0.write(["a", "bc"], to: "/a") },
      try digest { try $0.write(["ab", "c"], to: "/a") },
      try digest { try $0.setAttribute("a", .integer(0), of: "/") },
      try digest { try $0.setAttribute("a", .real(0), of: "/") },
      try digest { try $0.setAttribute("a", .real(-0.0), of: "/") },
      try digest { try $0.setAttribute("a", .string("0"), of: "/") },
      try digest { try $0.setAttribute("b", .string("0"), of: "/") },
    ]
    for (first, digest) in digests.enumerated() {
      for second in digests.indices where second != first {
        #expect(digest != digests[second], "\(first) and \(second)")
      }
    }
  }

  @Test(
    "the layout, the byte order and the library that wrote a file do not enter",
    .enabled(if: Tool.h5py != nil, "no python3 with h5py on the PATH"))
  func layout() throws {
    let ours = try digest { file in
      try file.write([1.5, 2.5] as [Float], to: "/a")
      try file.setAttribute("t", .string("ε"), of: "/a")
    }
    try withTemporaryFolder { folder in
      let path = folder + "/x.h5"
      try Tool.python(
        "f = h5py.File(path, 'w'); f['a'] = np.array([1.5, 2.5], '>f4'); f['a'].attrs['t'] = np.bytes_('ε'.encode())",
        path: path)
      #expect(try HDF5File.open(path).contentDigest() == ours)
    }
  }
}
