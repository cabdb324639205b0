// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@Suite("Resumption")
struct ResumptionTests {
  /// A configuration that trains for seconds: long enough to be interrupted.
  static let longer = TinyConfiguration.yaml(replacing: "channels: 4", by: "channels: 16")
    .replacingOccurrences(of: "epochs: 1", with: "epochs: 12")
  static let arguments = ["train", "longer.yml", "--limit", "400", "--threads", "1"]

  /// The files of the longer run, not interrupted.
  static let uninterrupted: [String: [UInt8]] = {
    do {
      return try withTemporaryFolder { folder in
        try write(longer, to: folder + "/longer.yml")
        let outcome = try Program.run(arguments + ["--out", "run", "--quiet"], in: folder)
        #expect(outcome.code == 0 && outcome.error.isEmpty, "\(outcome)")
        return try weights(in: folder + "/run")
      }
    } catch {
      Issue.record(error)
      return [:]
    }
  }()

  private static func weights(in run: String) throws -> [String: [UInt8]] {
    Dictionary(
      uniqueKeysWithValues: try ["last.h5", "best.h5", "history.h5"].map {
        ($0, try bytes(of: "\(run)/\($0)"))
      })
  }

  /// Starts the longer run and waits until it is under way.
  private func startLonger(in folder: String, _ flags: String...) throws -> RunningProgram {
    try write(Self.longer, to: folder + "/longer.yml")
    let program = try Program.start(Self.arguments + ["--out", "run"] + flags, in: folder)
    program.wait { exists(folder + "/run/run.yml") }
    usleep(100_000)
    return program
  }

  @Test(
    "a signal saves the run, which then ends as if nothing had happened",
    arguments: [(SIGINT, 130), (SIGTERM, 143)] as [(Int32, Int32)])
  func signal(number: Int32, code: Int32) throws {
    try withTemporaryFolder { folder in
      let program = try startLonger(in: folder)
      program.send(number)
      let outcome = try program.wait()
      #expect(outcome.code == code && outcome.output.isEmpty, "\(outcome)")
      #expect(outcome.error.hasSuffix("stopped; continue with: cpl-verify train --resume run\n"))
      let resumed = try Program.run("train --resume run --quiet", in: folder)
      #expect(resumed.code == 0 && resumed.error.isEmpty, "\(resumed)")
      #expect(try Self.weights(in: folder + "/run") == Self.uninterrupted)
    }
  }

  @Test("two signals end the run at once, and it can be taken up all the same")
  func twoSignals() throws {
    try withTemporaryFolder { folder in
      let program = try startLonger(in: folder, "--quiet")
      program.send(SIGINT)
      program.send(SIGINT)
      let outcome = try program.wait()
      #expect(outcome.code == 130 && outcome.output.isEmpty && outcome.error.isEmpty, "\(outcome)")
      #expect(try Program.run("inspect run/last.h5 --quiet", in: folder).code == 0)
    }
  }

  @Test("a run that was killed goes on from what was saved on the way")
  func killed() throws {
    try withTemporaryFolder { folder in
      let program = try startLonger(in: folder, "--save-every", "0.05")
      program.send(SIGKILL)
      #expect(try program.wait().code == 128 + SIGKILL)
      #expect(try Program.run("train --resume run", in: folder).code == 0)
      #expect(try Self.weights(in: folder + "/run") == Self.uninterrupted)
    }
  }

  @Test("a run that was killed when its best weights had their final steps, and its last ones not")
  func halfFinished() throws {
    try withTemporaryFolder { folder in
      try write(Self.longer, to: folder + "/longer.yml")
      let first = try Program.run(Self.arguments + ["--out", "run", "--quiet"], in: folder)
      #expect(first.code == 0, "\(first)")
      try FileManager.default.removeItem(atPath: folder + "/run/last.h5")
      let second = try Program.run("train --resume run --quiet", in: folder)
      #expect(second.code == 0, "\(second)")
      #expect(try Self.weights(in: folder + "/run") == Self.uninterrupted)
    }
  }

  @Test("saving often changes nothing", arguments: ["--save-every 0", "--save-steps 2"])
  func savingOften(flags: String) throws {
    try SampleRun.withCopy { folder in
      let line = "train tiny.yml --limit 200 --out often \(flags)"
      let outcome = try Program.run(line, in: folder)
      #expect(outcome.code == 0)
      #expect(try bytes(of: folder + "/often/last.h5") == bytes(of: folder + "/run/last.h5"))
    }
  }

  @Test("one process trains into a folder at a time, and the message says which")
  func lock() throws {
    try withTemporaryFolder { folder in
      let program = try startLonger(in: folder, "--quiet")
      let message = "run: cannot create: process \(program.identifier) is training into it"
      expectRefusal(
        try Program.run(Self.arguments + ["--out", "run"], in: folder), code: 73, message)
      expectRefusal(try Program.run("train --resume run", in: folder), code: 73, message)
      program.send(SIGTERM)
      #expect(try program.wait().code == 143, "the run under way is not disturbed")
    }
  }

  @Test("a finished run can be made longer, and a resumed one not shorter than it is")
  func epochs() throws {
    try SampleRun.withCopy { folder in
      let resumed = try Program.run("train --resume run --epochs 3 --json", in: folder)
      #expect(resumed.code == 0, "\(resumed)")
      #expect(try resumed.json()["epochs"] as? Int == 3)
      let run = try String(contentsOfFile: folder + "/run/run.yml", encoding: .utf8)
      #expect(run.contains("epochs: 3"))
      expectRefusal(
        try Program.run("train --resume run --epochs 2", in: folder), code: 65,
        "at least 3 epochs", "found 2")
      let finished = try Program.run("train --resume run", in: folder)
      #expect(finished.code == 0 && finished.error.isEmpty, "nothing is left to do")
    }
  }

  @Test("a folder without a run is missing one", arguments: ["nothing", "empty"])
  func noRun(name: String) throws {
    try SampleRun.withCopy { folder in
      try FileManager.default.createDirectory(
        atPath: folder + "/empty", withIntermediateDirectories: false)
      expectRefusal(
        try Program.run("train --resume \(name)", in: folder), code: 66, "\(name)/run.yml")
      #expect(try names(in: folder + "/empty").isEmpty)
      #expect(!exists(folder + "/nothing"))
    }
  }

  @Test("a run goes on with the images that it was trained on and no others")
  func images() throws {
    try SampleRun.withCopy { folder in
      try DataFiles.write(DataFiles.records(60), to: folder + "/data")
      #expect(
        try Program.run("train tiny.yml --data data --out real", in: folder).code == 0)
      let before = try bytes(of: folder + "/run/last.h5")
      for flags in ["--limit 100", "--data data", "--indices 1-200"] {
        expectRefusal(
          try Program.run("train --resume run --epochs 2 \(flags)", in: folder), code: 65,
          "the images that run was trained on")
      }
      #expect(try bytes(of: folder + "/run/last.h5") == before)
      let run = try String(contentsOfFile: folder + "/run/run.yml", encoding: .utf8)
      #expect(run.contains("epochs: 1"), "a refused call changes nothing")

      // From another folder, and after the data has moved.
      let elsewhere = try Program.run("train --resume ../real --epochs 2", in: folder + "/run")
      #expect(elsewhere.code == 0, "\(elsewhere)")
      try FileManager.default.moveItem(atPath: folder + "/data", toPath: folder + "/moved")
      expectRefusal(
        try Program.run("train --resume real --epochs 3", in: folder), code: 66, "--data")
      #expect(
        try Program.run("train --resume real --epochs 3 --data moved", in: folder).code == 0)
      try DataFiles.write(DataFiles.records(50), to: folder + "/moved")
      expectRefusal(
        try Program.run("train --resume real --epochs 4 --data moved", in: folder), code: 65,
        "the images that real was trained on")
    }
  }

  @Test(
    "a run goes on with the configuration that it began with",
    arguments: [
      ("batch: 32", "batch: 16", "expected 'batch: 32', with which run/last.h5 was trained"),
      ("channels: 4", "channels: 8", "found 'channels: 8'"),
      ("seed: 0", "seed: 1", "found 'seed: 1'"),
      ("channels: 4", "channels: four", "key 'model.channels'"),
      ("channels: 4", "chanels: 4", "nearest: 'channels'"),
      ("limit: 200", "limit: many", "a run's configuration"),
      ("experiment:", "experiments:", "'experiment'"),
      ("images:", "pictures:", "'images'"),
    ])
  func configuration(old: String, new: String, message: String) throws {
    try SampleRun.withCopy { folder in
      let path = folder + "/run/run.yml"
      let text = try String(contentsOfFile: path, encoding: .utf8)
      try #require(text.contains(old))
      try write(text.replacingOccurrences(of: old, with: new), to: path)
      expectRefusal(
        try Program.run("train --resume run --epochs 2", in: folder), code: 65, "run/run.yml",
        message)
    }
  }

  @Test(
    "a run whose last state is damaged or gone goes on from the one before it", arguments: [0, 1])
  func previousState(_ length: Int) throws {
    try SampleRun.withCopy { folder in
      let last = folder + "/run/last.h5"
      let finished = try bytes(of: last)
      if length == 0 {
        try FileManager.default.removeItem(atPath: last)
      } else {
        try Data(finished.prefix(finished.count / 2)).write(to: URL(fileURLWithPath: last))
      }
      let resumed = try Program.run("train --resume run", in: folder)
      #expect(resumed.code == 0, "\(resumed)")
      #expect(resumed.error.hasPrefix("run/last.h5: "), "\(resumed)")
      #expect(resumed.error.contains("; going on from run/previous.h5\n"), "\(resumed)")
      #expect(try bytes(of: last) == finished)
      for name in ["last.h5", "previous.h5"] {
        try Data("torn".utf8).write(to: URL(fileURLWithPath: "\(folder)/run/\(name)"))
      }
      expectRefusal(
        try Program.run("train --resume run", in: folder), code: 65, "run/last.h5",
        "expected an HDF5 file")
    }
  }

  @Test("a run that was killed before its first state was kept begins when it is taken up")
  func beginning() throws {
    try SampleRun.withCopy { folder in
      let finished = try bytes(of: folder + "/run/last.h5")
      for name in ["last.h5", "previous.h5", "best.h5", "history.h5"] {
        try FileManager.default.removeItem(atPath: "\(folder)/run/\(name)")
      }
      let resumed = try Program.run("train --resume run --quiet", in: folder)
      #expect(resumed.code == 0 && resumed.error.isEmpty, "\(resumed)")
      #expect(try bytes(of: folder + "/run/last.h5") == finished)
    }
  }

  @Test("weights alone are no run")
  func weightsAlone() throws {
    try SampleRun.withCopy { folder in
      try FileManager.default.removeItem(atPath: folder + "/run/previous.h5")
      try FileManager.default.removeItem(atPath: folder + "/run/last.h5")
      expectRefusal(try Program.run("train --resume run", in: folder), code: 66, "run/last.h5")
      try FileManager.default.copyItem(
        atPath: folder + "/run/best.h5", toPath: folder + "/run/last.h5")
      expectRefusal(
        try Program.run("train --resume run", in: folder), code: 65, "run/last.h5",
        "found weights alone")
    }
  }

  @Test(
    "measuring stops at a signal",
    arguments: [
      "evaluate run/last.h5 --pgd 0.1 --pgd 0.2 --pgd 0.3 --pgd 0.4", "audit run/last.h5",
      "attack run/last.h5 --attack minimum-norm",
    ])
  func measuring(line: String) throws {
    let words = line.split(separator: " ").map(String.init) + ["--threads", "1", "--json"]
    let program = try Program.start(words, in: SampleRun.folder)
    usleep(200_000)
    program.send(SIGINT)
    let outcome = try program.wait()
    #expect(outcome.code == 130 && outcome.output.isEmpty && outcome.error.isEmpty, "\(outcome)")
  }
}
