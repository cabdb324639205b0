// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@Suite("File systems that refuse", .enabled(if: canMount, "mounting file systems takes root"))
struct FileSystemTests {
  private func train(_ out: String, _ flags: String = "") throws -> Outcome {
    try Program.run("train tiny.yml --limit 100 --out \(out) \(flags)", in: SampleRun.folder)
  }

  @Test("a read-only file system cannot be written to, and can be read from")
  func readOnly() throws {
    try withFileSystem(options: "ro,size=1m") { folder in
      expectRefusal(try train(folder + "/run"), code: 73, "Read-only file system")
      expectRefusal(
        try Program.run("synthesize \(folder)/data", in: "/"), code: 73, "Read-only file system")
    }
    try withFileSystem(options: "size=1m") { folder in
      #expect(try train(folder + "/run").code == 0)
      try RunningProgram.remount(folder, "ro")
      expectRefusal(
        try Program.run("train --resume \(folder)/run --epochs 2", in: "/"), code: 73,
        "Read-only file system")
      #expect(try Program.run("evaluate \(folder)/run/last.h5 --limit 3", in: "/").code == 0)
    }
  }

  @Test("a disk that is full from the start keeps no part of a run")
  func fullAtStart() throws {
    for options in ["size=64k", "size=128k,nr_inodes=3"] {
      try withFileSystem(options: options) { folder in
        expectRefusal(try train(folder + "/run"), code: 74, "No space left on device")
        #expect(try names(in: folder).isEmpty)
      }
    }
    try withFileSystem(options: "size=64k") { folder in
      expectRefusal(
        try Program.run("synthesize \(folder)/data", in: "/"), code: 74, "No space left on device")
      #expect(try names(in: folder + "/data").isEmpty)
    }
  }

  @Test("a disk that fills up during training keeps the last good state, from which it goes on")
  func fullOnTheWay() throws {
    try withFileSystem(options: "size=280k") { folder in
      expectRefusal(
        try Program.run(
          "train tiny.yml --limit 200 --out \(folder)/run --quiet", in: SampleRun.folder),
        code: 74, "\(folder)/run/last.h5", "No space left on device")
      #expect(
        try names(in: folder + "/run") == [
          "best.h5", "events.jsonl", "history.h5", "last.h5", "lock", "previous.h5", "run.yml",
        ])
      #expect(try Program.run("inspect \(folder)/run/last.h5", in: "/").code == 0)
      try RunningProgram.remount(folder, "size=2m")
      #expect(try Program.run("train --resume \(folder)/run", in: "/").code == 0)
      for name in ["last.h5", "best.h5", "history.h5"] {
        #expect(
          try bytes(of: "\(folder)/run/\(name)") == bytes(of: "\(SampleRun.folder)/run/\(name)"))
      }
    }
  }
}
