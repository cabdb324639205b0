// SPDX-License-Identifier: Apache-2.0

import CPLReference
import Foundation
import TestSupport
import Testing

@Suite("Files that people have")
struct ForeignFilesTests {
  /// A checkpoint with the network of `fixtures/checkpoints/plain.pt` under each prefix, every
  /// number times a factor, and company.
  private func checkpoint(
    _ networks: [(prefix: String, factor: Float)], _ company: [(String, PickledValue)] = []
  ) throws -> [UInt8] {
    let stored = try StateDictionary(path: fixturePath("checkpoints/plain.pt")).tensors
    var members = company
    for (prefix, factor) in networks {
      for tensor in stored {
        let elements = try tensor.floats(path: "").elements.map { $0 * factor }
        members.append((prefix + tensor.name, .tensor(shape: tensor.shape, elements)))
      }
    }
    return PickledValue.dictionary(members).checkpoint()
  }

  @Test("inspect lists networks, company and what is passed over; --network chooses")
  func networks() throws {
    try withTemporaryFolder { folder in
      let file = try checkpoint(
        [("model.", 1), ("ema.", 2)],
        [("args", .object("argparse", "Namespace", [("lr", .real(0.1))])), ("epoch", .integer(7))])
      try Data(file).write(to: URL(fileURLWithPath: folder + "/two.pt"))
      let shown = try Program.run("inspect two.pt --json", in: folder).json()
      #expect(shown["networks"] as? [String] == ["model.", "ema."])
      #expect((shown["problem"] as? String)?.contains("--network") == true)
      let company = shown["company"] as? [[String: String]]
      #expect(
        company == [
          ["name": "args", "what": "argparse.Namespace"], ["name": "epoch", "what": "7"],
        ])
      expectRefusal(
        try Program.run("bounds two.pt", in: folder), code: 65, "'model.' and 'ema.', which differ")
      let chosen = try Program.run("inspect two.pt --network ema", in: folder)
      #expect(chosen.code == 0 && chosen.output.contains("passed over"), "\(chosen)")
      #expect(chosen.output.contains("args (argparse.Namespace), epoch (7)"), "\(chosen)")
      let plain = try Program.run(
        ["inspect", fixturePath("checkpoints/plain.pt"), "--json"], in: folder
      ).json()
      let model = try Program.run("inspect two.pt --network model --json", in: folder).json()
      #expect(model["digest"] as? String == plain["digest"] as? String)
    }
  }

  @Test("images of another shape are refused by what the network takes and what they are")
  func otherImages() throws {
    try withTemporaryFolder { folder in
      try DataFiles.write(DataFiles.records(10), to: folder + "/cifar")
      try Data(try checkpoint([("", 1)])).write(to: URL(fileURLWithPath: folder + "/x.pt"))
      expectRefusal(
        try Program.run("evaluate x.pt --mean 0.1307 --data cifar --quiet", in: folder), code: 65,
        "images [1, 32, 32] in 10 classes", "found cifar10 with images [3, 32, 32]")
    }
  }

  @Test("compressed HDF5 images behind links are judged, read by a process of their own")
  func hdf5() throws {
    try SampleRun.withCopy { folder in
      ForeignHDF5.create(at: folder + "/x.h5") {
        $0.group("/a")
        $0.write(
          [UInt8](repeating: 7, count: 4 * 3072), [4, 3, 32, 32], by: .lzf, rows: 2, to: "/a/x")
        $0.write([0, 1, 2, 3], as: .int16BigEndian, [4, 1], to: "/a/y")
        $0.softLink("/images", to: "a/x")
        $0.softLink("/labels", to: "/a/y")
      }
      let outcome = try Program.run("evaluate run/last.h5 --data x.h5 --quiet", in: folder)
      #expect(outcome.code == 0 && outcome.output.contains("4 of hdf5"), "\(outcome)")
    }
  }

  @Test("a corruption and its severity are chosen by flags, and stand in the data's name")
  func corruption() throws {
    try SampleRun.withCopy { folder in
      let pixels = (0..<10 * 3072).map { UInt8(truncatingIfNeeded: $0 &* 31) }
      try FileManager.default.createDirectory(
        atPath: folder + "/c", withIntermediateDirectories: false)
      for (name, bytes) in [
        ("fog", npyFile("|u1", [10, 32, 32, 3], pixels)),
        ("snow", npyFile("|u1", [10, 32, 32, 3], pixels)),
        ("labels", npyFile("|u1", [10], [1, 2, 1, 2, 1, 2, 1, 2, 1, 2])),
      ] {
        try Data(bytes).write(to: URL(fileURLWithPath: "\(folder)/c/\(name).npy"))
      }
      let line = "evaluate run/last.h5 --data c --quiet"
      expectRefusal(try Program.run(line, in: folder), code: 65, "--corruption, found fog, snow")
      let outcome = try Program.run(line + " --corruption snow --severity 4", in: folder)
      #expect(outcome.output.contains("2 of cifar10-c snow, severity 4"), "\(outcome)")
      expectRefusal(
        try Program.run(line + " --corruption snow --severity 6", in: folder), code: 64, "1 to 5")
      expectRefusal(
        try Program.run("evaluate run/last.h5 --severity 1", in: folder), code: 64, "need --data")
      expectRefusal(
        try Program.run("evaluate run/last.h5 --data tiny.yml", in: folder), code: 65, "YAML")
    }
  }
}
