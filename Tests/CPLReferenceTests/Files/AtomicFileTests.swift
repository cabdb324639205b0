// SPDX-License-Identifier: Apache-2.0

import CPLReference
import Foundation
import Testing

@Suite("AtomicFile")
struct AtomicFileTests {
  struct Interruption: Error {}

  private func names(in folder: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
  }

  @Test("a new file holds what was written, in order, and nothing else is left")
  func writes() throws {
    try withTemporaryFolder { folder in
      try AtomicFile.write(to: folder + "/x") {
        try $0.append([UInt8]("one ".utf8))
        try $0.append(Data("two".utf8))
      }
      #expect(try bytes(of: folder + "/x") == Array("one two".utf8))
      #expect(try names(in: folder) == ["x"])
    }
  }

  @Test("a file is not locked once it has its name, whoever else has its descriptor")
  func unlocked() throws {
    try withTemporaryFolder { folder in
      var copies: [Int32] = []
      defer { for copy in copies { close(copy) } }
      try AtomicFile.write(to: folder + "/x") { file in
        try file.append([UInt8]("x".utf8))
        // As a process that is started now would have it until it becomes another program.
        for descriptor in try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd") {
          let target = try? FileManager.default.destinationOfSymbolicLink(
            atPath: "/proc/self/fd/" + descriptor)
          guard let target, target.hasPrefix(folder + "/"), let number = Int32(descriptor) else {
            continue
          }
          copies.append(dup(number))
        }
      }
      #expect(!copies.isEmpty)
      let reader = open(folder + "/x", O_RDONLY)
      defer { close(reader) }
      #expect(flock(reader, LOCK_SH | LOCK_NB) == 0)
    }
  }

  @Test("a file that is replaced keeps its permissions")
  func permissions() throws {
    try withTemporaryFolder { folder in
      try write("old".utf8, to: folder + "/x")
      let manager = FileManager.default
      try manager.setAttributes([.posixPermissions: 0o640], ofItemAtPath: folder + "/x")
      try AtomicFile.write([UInt8]("new".utf8), to: folder + "/x")
      let mode = try manager.attributesOfItem(atPath: folder + "/x")[.posixPermissions] as? Int
      #expect(mode == 0o640)
      #expect(try bytes(of: folder + "/x") == Array("new".utf8))
    }
  }

  @Test("when the caller fails, the old file stays and nothing else is left")
  func callerFails() throws {
    try withTemporaryFolder { folder in
      try write("old".utf8, to: folder + "/x")
      #expect(throws: Interruption.self) {
        try AtomicFile.write(to: folder + "/x") { file in
          try file.append([UInt8]("new".utf8))
          throw Interruption()
        }
      }
      #expect(try bytes(of: folder + "/x") == Array("old".utf8))
      #expect(try names(in: folder) == ["x"])
    }
  }

  @Test("what a killed writer left is removed by the next one, and what another is writing is not")
  func sweeping() throws {
    try withTemporaryFolder { folder in
      try write("torn".utf8, to: folder + "/.cpl-verify-0123.tmp")
      try write("another's".utf8, to: folder + "/.other-0123.tmp")
      try AtomicFile.write(to: folder + "/slow") { slow in
        try slow.append([UInt8]("slow".utf8))
        try AtomicFile.write([UInt8]("quick".utf8), to: folder + "/quick")
      }
      #expect(try names(in: folder) == [".other-0123.tmp", "quick", "slow"])
      #expect(try bytes(of: folder + "/slow") == Array("slow".utf8))
    }
  }

  @Test("a symbolic link is kept and its target written", arguments: [true, false])
  func link(targetExists: Bool) throws {
    try withTemporaryFolder { folder in
      try FileManager.default.createDirectory(
        atPath: folder + "/sub", withIntermediateDirectories: false)
      if targetExists { try write("old".utf8, to: folder + "/sub/x") }
      try FileManager.default.createSymbolicLink(
        atPath: folder + "/link", withDestinationPath: "sub/x")
      try AtomicFile.write([UInt8]("new".utf8), to: folder + "/link")
      #expect(try bytes(of: folder + "/sub/x") == Array("new".utf8))
      #expect(
        try FileManager.default.destinationOfSymbolicLink(atPath: folder + "/link") == "sub/x")
    }
  }

  @Test(
    "what cannot be created is said before anything is written",
    arguments: [
      ("/no/such/x", "No such file or directory"), ("/file/x", "Not a directory"),
      ("/folder", "it is a folder"), ("/loop", "Too many levels of symbolic links"),
      ("/pipe", "it is no regular file"),
    ])
  func cannotCreate(name: String, reason: String) throws {
    try withTemporaryFolder { folder in
      try write("".utf8, to: folder + "/file")
      try FileManager.default.createDirectory(
        atPath: folder + "/folder", withIntermediateDirectories: false)
      try FileManager.default.createSymbolicLink(
        atPath: folder + "/loop", withDestinationPath: "loop")
      mkfifo(folder + "/pipe", 0o600)
      let before = try names(in: folder)
      let path = folder + name
      #expect(throws: ReferenceError.cannotCreate(path: path, reason: reason)) {
        try AtomicFile.write(to: path) { _ in Issue.record("nothing should be asked for") }
      }
      #expect(try names(in: folder) == before)
    }
  }

  @Test("a read-only folder is said to be one", .enabled(if: canMount, "needs the right to mount"))
  func readOnly() throws {
    try withFileSystem(options: "size=64k,ro") { folder in
      let path = folder + "/x"
      #expect(throws: ReferenceError.cannotCreate(path: path, reason: "Read-only file system")) {
        try AtomicFile.write([1], to: path)
      }
    }
  }

  @Test(
    "a full disk is said to be full and the old file stays",
    .enabled(if: canMount, "needs the right to mount"))
  func fullDisk() throws {
    try withFileSystem(options: "size=64k") { folder in
      let path = folder + "/x"
      try write("old".utf8, to: path)
      #expect(throws: ReferenceError.inputOutput(path: path, reason: "No space left on device")) {
        try AtomicFile.write([UInt8](repeating: 1, count: 1 << 20), to: path)
      }
      #expect(try bytes(of: path) == Array("old".utf8))
      #expect(try names(in: folder) == ["x"])
    }
  }
}
