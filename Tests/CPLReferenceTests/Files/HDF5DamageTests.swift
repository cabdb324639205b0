// SPDX-License-Identifier: Apache-2.0

import CPLReference
import Foundation
import Testing

@Suite("HDF5File on files that are not what they should be")
struct HDF5DamageTests {
  struct Interruption: Error {}

  private func writeExample(_ path: String) throws {
    try HDF5File.create(at: path) { file in
      try file.write((0..<300).map { Float($0) }, shape: [3, 100], to: "/parameters/kernel")
      try file.write(["one", "two"], to: "/names")
      try file.setAttribute("format", .string("cpl-weights"), of: "/")
    }
  }

  /// Whether this process still has the file open.
  private func isOpen(_ path: String) -> Bool {
    let folder = "/proc/self/fd"
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return names.contains {
      (try? FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/\($0)")) == path
    }
  }

  @Test("a missing file is missing")
  func missing() {
    #expect(throws: ReferenceError.missing(path: "/nowhere/x.h5")) {
      _ = try HDF5File.open("/nowhere/x.h5")
    }
  }

  @Test(
    "a file in another format is said to be one",
    arguments: [
      ("", "an empty file"), ("PK\u{3}\u{4}", "a zip archive"), ("not HDF5 at all", "a text"),
    ])
  func otherFormat(text: String, found: String) throws {
    try withTemporaryFolder { folder in
      let path = folder + "/x.h5"
      try write(text.utf8, to: path)
      #expect(
        throws: ReferenceError.invalid(
          path: path, location: "", expected: "an HDF5 file", found: found)
      ) {
        _ = try HDF5File.open(path)
      }
    }
  }

  @Test("a file cut short anywhere is refused")
  func truncated() throws {
    try withTemporaryFolder { folder in
      try writeExample(folder + "/x.h5")
      let whole = try bytes(of: folder + "/x.h5")
      let path = folder + "/short.h5"
      for count in Array(stride(from: 8, to: whole.count, by: 97)) + [whole.count - 1] {
        try write(whole.prefix(count), to: path)
        #expect(throws: ReferenceError.self, "\(count) of \(whole.count) bytes") {
          _ = try HDF5File.open(path)
        }
      }
      #expect(!isOpen(path))
    }
  }

  @Test("a flipped bit in a chunk is reported with the dataset's path")
  func damagedChunk() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/x.h5"
      try writeExample(path)
      let content = try bytes(of: path)
      let value = withUnsafeBytes(of: Float(123)) { Array($0) }
      let offset = try #require(
        content.indices.dropLast(3).first { content[$0..<$0 + 4] == value[...] })
      try overwrite(content[offset + 1] ^ 4, at: offset + 1, of: path)
      do {
        let file = try HDF5File.open(path)
        #expect(
          throws: ReferenceError.invalid(
            path: path, location: "/parameters/kernel",
            expected: "chunks that match their checksums", found: "one that does not")
        ) {
          try file.read(Float.self, from: "/parameters/kernel")
        }
        #expect(try file.readStrings(from: "/names") == ["one", "two"])
        #expect(file.openHandleCount == 1)
      }
      #expect(!isOpen(path))
    }
  }

  @Test("a flipped bit anywhere is reported or changes nothing")
  func anyFlippedBit() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/x.h5"
      try writeExample(path)
      let whole = try bytes(of: path)
      let digest = try HDF5File.open(path).contentDigest()
      var reported = 0
      for offset in whole.indices {
        try overwrite(whole[offset] ^ 1 << UInt8(offset % 8), at: offset, of: path)
        defer { try? overwrite(whole[offset], at: offset, of: path) }
        do {
          let found = try HDF5File.open(path).contentDigest()
          #expect(found == digest, "byte \(offset)")
        } catch is ReferenceError {
          reported += 1
        }
      }
      // The 1,200 bytes of the kernel are covered, and the metadata, which are more than that.
      #expect(reported > 1800, "\(reported) of \(whole.count)")
      #expect(!isOpen(path))
    }
  }

  @Test("a writer that fails leaves the old file as it was and nothing beside it")
  func failingWriter() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/x.h5"
      try writeExample(path)
      let before = try bytes(of: path)
      #expect(throws: Interruption.self) {
        try HDF5File.create(at: path) { file in
          try file.write([1.0], to: "/a")
          throw Interruption()
        }
      }
      #expect(try bytes(of: path) == before)
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["x.h5"])
    }
  }

  @Test(
    "a full disk leaves the old file as it was", .enabled(if: canMount, "needs the right to mount"))
  func fullDisk() throws {
    try withFileSystem(options: "size=256k") { folder in
      let path = folder + "/x.h5"
      try writeExample(path)
      let before = try bytes(of: path)
      for count in [50_000, 60_000, 70_000, 1_000_000] {
        #expect(
          throws: ReferenceError.inputOutput(path: path, reason: "No space left on device"),
          "\(count) numbers"
        ) {
          try HDF5File.create(at: path) { file in
            try file.write([Float](repeating: 1, count: count), to: "/a")
            try file.write([Float](repeating: 1, count: 20_000), to: "/b")
          }
        }
      }
      #expect(try bytes(of: path) == before)
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["x.h5"])
    }
  }

  @Test("a folder that is not there is said before anything is computed")
  func cannotCreate() {
    let path = "/proc/self/stat/x.h5"
    #expect(throws: ReferenceError.cannotCreate(path: path, reason: "Not a directory")) {
      try HDF5File.create(at: path) { _ in Issue.record("nothing should be asked for") }
    }
  }

  static let strange: [(script: String, message: String)] = [
    (
      "f.create_dataset('x', (2**40,), 'f4', chunks=(1024,))",
      "/x: expected at most the SIZE bytes of the file, found float32 of shape [1099511627776]"
    ),
    (
      "f.create_dataset('x', (2**40, 2**40, 0), 'f4', chunks=(1, 1, 1), maxshape=(None,)*3)",
      "/x: expected at most the SIZE bytes of the file, "
        + "found float32 of shape [1099511627776, 1099511627776, 0]"
    ),
    (
      "f.create_dataset('x', (4,), 'f4', chunks=(2**29,), maxshape=(None,))",
      "/x: expected chunks of at most the SIZE bytes of the file, found chunks of shape [536870912]"
    ),
    (
      "f.create_dataset('x', data=np.zeros(100, 'i4'), chunks=(50,), scaleoffset=0)",
      "/x: expected elements as they are, or compressed by gzip or lzf, found compression by "
        + "scale and offset"
    ),
    (
      "f.create_dataset('x', (4,), 'f4', external=[('/etc/passwd', 0, 16)])",
      "/x: expected elements in this file, found a reference to other files"
    ),
    (
      "f['x'] = h5py.SoftLink('/y'); f['y'] = h5py.SoftLink('x')",
      "/x: expected soft links that lead somewhere, found a circle"
    ),
    (
      "f['x'] = h5py.ExternalLink('other.h5', '/y')",
      "/x: expected a link inside the file, found an external or user-defined link"
    ),
    ("f['x'] = np.dtype('f4')", "/x: expected a group or a dataset, found a named type"),
    ("f['x'] = h5py.Empty('f4')", "/x: expected elements, found a dataset without a shape"),
    (
      "f['x'] = np.zeros(3, 'c8')",
      "/x: expected integers, floating-point numbers, or text of fixed length, "
        + "found 8-byte compound"
    ),
    (
      "f['x'] = ['a', 'b']",
      "/x: expected integers, floating-point numbers, or text of fixed length, "
        + "found text of variable length"
    ),
  ]

  @Test(
    "what does not lie plainly in the file, or cannot, is refused",
    .enabled(if: Tool.h5py != nil, "no python3 with h5py on the PATH"), arguments: strange.indices)
  func refused(index: Int) throws {
    try withTemporaryFolder { folder in
      let path = folder + "/x.h5"
      let (script, message) = Self.strange[index]
      try Tool.python("f = h5py.File(path, 'w')\n\(script)", path: path)
      let file = try HDF5File.open(path)
      let expected =
        "\(path): " + message.replacingOccurrences(of: "SIZE", with: "\(try bytes(of: path).count)")
      for attempt in [
        { _ = try file.read(Float.self, from: "/x") }, { _ = try file.contentDigest() },
      ] {
        let error = #expect(throws: ReferenceError.self) { try attempt() }
        #expect(error?.description == expected)
      }
      #expect(file.openHandleCount == 1)
    }
  }

  @Test(
    "cycles, doubled objects and bottomless groups do not loop the digest",
    .enabled(if: Tool.h5py != nil, "no python3 with h5py on the PATH"),
    arguments: [
      ("f['a/b/c'] = f['/']", "/a/b/c: expected one link to each object, found a second one"),
      (
        "f['a/b/c'] = 1.0; f['d'] = f['a/b']",
        "/d: expected one link to each object, found a second one"
      ),
      (
        "f.create_group('/x' * 33)",
        String(repeating: "/x", count: 32) + ": expected groups at most 32 deep, found deeper ones"
      ),
    ])
  func cycles(script: String, message: String) throws {
    try withTemporaryFolder { folder in
      let path = folder + "/x.h5"
      try Tool.python("f = h5py.File(path, 'w')\n\(script)", path: path)
      let file = try HDF5File.open(path)
      let error = #expect(throws: ReferenceError.self) { try file.contentDigest() }
      #expect(error?.description == "\(path): \(message)")
    }
  }
}
