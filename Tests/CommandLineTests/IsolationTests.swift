// SPDX-License-Identifier: Apache-2.0

import CPLReference
import Foundation
import TestSupport
import Testing

@Suite("HDF5 files read by another process")
struct IsolationTests {
  private func helper() throws -> HDF5Isolation.Helper {
    HDF5Isolation.Helper(
      executable: try #require(Program.path), arguments: ["--read-hdf5-for-parent"])
  }

  @Test("they say the same as when they are read here")
  func same() throws {
    for path in [
      fixturePath("checkpoints/reference.h5"), SampleRun.weights,
    ] {
      let here = try HDF5File.open(path, helper: nil)
      let there = try HDF5File.open(path, helper: try helper())
      let digests = (try here.contentDigest(), try there.contentDigest())
      #expect(digests.0 == digests.1, "\(path)")
      for (name, kind) in try here.children(of: "/") where kind == .dataset {
        let identities = (try there.identity(of: name), try there.identity(of: "/"))
        #expect(identities.0 != identities.1)
      }
    }
    let file = try HDF5File.open(fixturePath("hostile/cycle.h5"), helper: try helper())
    let kind = try file.kind(of: "/labels")
    #expect(kind == .dataset)
    let labels = try file.read(UInt8.self, from: "/labels").elements
    #expect(labels == [0, 0])
    let hasOthers = try file.exists("/nothing")
    #expect(!hasOthers)
    #expect(throws: ReferenceError.self) { _ = try file.read(Float.self, from: "/labels") }
    #expect(throws: ReferenceError.self) { _ = try file.readStrings(from: "/labels") }
    #expect(throws: ReferenceError.self) { _ = try file.kind(of: "/labels/below") }
    #expect("a cycle has an end") {
      _ = try file.kind(of: "/images/images")
    } throws: {
      "\($0)".contains("expected one link to each object, found a second one")
    }
  }

  @Test(
    "whatever becomes of the process, the file is refused",
    arguments: [
      ("kill -SEGV $$", "one that makes it crash (signal 11)"),
      ("kill -XCPU $$", "one that takes more than 1 s"),
      ("exit 3", "(code 3)"), ("head -c 100 /dev/zero", "(code 0)"),
      ("head -c 100 /dev/urandom", "expected an HDF5 file that the HDF5 library can read"),
      ("cat", "expected an HDF5 file that the HDF5 library can read"),
    ])
  func otherProcess(script: String, message: String) {
    let helper = HDF5Isolation.Helper(executable: "/bin/sh", arguments: ["-c", script])
    #expect("\(message)") {
      _ = try HDF5File.open(fixturePath("hostile/cycle.h5"), helper: helper).exists("/")
    } throws: {
      guard case ReferenceError.invalid? = $0 as? ReferenceError else { return false }
      return "\($0)".contains(message)
    }
  }

  @Test("the process that reads gives itself a second, and twenty times the file and 128 MiB")
  func limits() throws {
    try SampleRun.withCopy { folder in
      // It waits to be listened to, with its limits set.
      try HDF5File.create(at: folder + "/large.h5") {
        try $0.write([UInt8](repeating: 1, count: 1 << 20), to: "/ones")
      }
      let outcome = try Program.shell(
        """
        mkfifo pipe; "$0" --read-hdf5-for-parent < large.h5 > pipe & exec 3< pipe
        head -c 1 <&3 > /dev/null; cat /proc/$!/limits; kill $!
        """, in: folder)
      func limit(_ name: String) -> Int? {
        let line = outcome.output.split(separator: "\n").first { $0.hasPrefix(name) }
        return line?.dropFirst(name.count).split(separator: " ").first.flatMap { Int($0) }
      }
      #expect(limit("Max cpu time") == 1, "\(outcome)")
      #expect(limit("Max core file size") == 0 && limit("Max file size") == 0, "\(outcome)")
      let size = try bytes(of: folder + "/large.h5").count
      let space = try #require(limit("Max address space"), "\(outcome)")
      // What it had mapped before is less than a gigabyte.
      let least = 20 * size + 128 << 20
      #expect((least..<least + 1 << 30).contains(space), "\(space)")
    }
  }

  @Test("images in arrays are judged, and refused with their place")
  func arrays() throws {
    try SampleRun.withCopy { folder in
      for data in ["checkpoints/reference.h5"] {
        let outcome = try Program.run(
          ["evaluate", "run/last.h5", "--data", fixturePath(data), "--limit", "20", "--json"],
          in: folder)
        #expect(outcome.code == 0, "\(outcome)")
        #expect(try outcome.json()["images"] as? Int == 20)
      }
      expectRefusal(
        try Program.run(
          ["evaluate", "run/last.h5", "--data", fixturePath("fuzz/npy/stored.npz")], in: folder),
        code: 65, "images [3, 32, 32]")
      for name in ["cycle", "soft-link", "external-link"] {
        expectRefusal(
          try Program.run(
            ["evaluate", "run/last.h5", "--data", fixturePath("hostile/\(name).h5")], in: folder),
          code: 65, "\(name).h5")
      }
    }
  }

  @Test("tables are written as CSV too")
  func csv() throws {
    try SampleRun.withCopy { folder in
      let audit = try Program.run(
        "audit run/last.h5 --limit 10 --out a.h5 --quiet", in: folder)
      #expect([0, 2].contains(audit.code), "\(audit)")
      let report = try Program.run("report a.h5 --out report --csv", in: folder)
      #expect(report.code == 0 && report.error.isEmpty, "\(report)")
      for (name, header, rows) in [
        ("layers", "layer,kind,sigma_lower", 7), ("certificates", "index,label,prediction", 10),
        ("audit", "index,label,prediction,radius,distance,attack", 10),
      ] {
        let text = try String(contentsOfFile: "\(folder)/report/\(name).csv", encoding: .utf8)
        let lines = text.split(separator: "\n")
        #expect(lines[0].hasPrefix(header), "\(lines[0])")
        #expect(lines.count == rows + 1, "\(name): \(lines.count)")
        let columns = lines[0].split(separator: ",").count
        #expect(
          lines.allSatisfy {
            $0.split(separator: ",", omittingEmptySubsequences: false).count == columns
          })
      }
    }
  }
}
