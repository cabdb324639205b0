// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// What the program writes to a terminal of so many columns that is its standard output, and its exit code.
private func onTerminal(
  columns: Int, _ line: String, in folder: String
) throws -> (text: String, code: Int32) {
  var (terminal, program): (Int32, Int32) = (0, 0)
  var size = winsize(ws_row: 24, ws_col: UInt16(columns), ws_xpixel: 0, ws_ypixel: 0)
  try #require(openpty(&terminal, &program, nil, nil, &size) == 0)
  let process = Process()
  process.executableURL = URL(fileURLWithPath: try #require(Program.path))
  process.arguments = line.split(separator: " ").map(String.init)
  process.currentDirectoryURL = URL(fileURLWithPath: folder)
  process.standardInput = FileHandle.nullDevice
  process.standardOutput = FileHandle(fileDescriptor: program)
  process.standardError = FileHandle.nullDevice
  try process.run()
  close(program)
  defer { close(terminal) }
  var (bytes, block) = ([UInt8](), [UInt8](repeating: 0, count: 4096))
  while case let count = read(terminal, &block, block.count), count > 0 { bytes += block[..<count] }
  process.waitUntilExit()
  return (String(decoding: bytes, as: UTF8.self), process.terminationStatus)
}

@Suite("Watching a run")
struct WatchTests {
  @Test("on a pipe a finished training is shown once, without control codes")
  func pipe() throws {
    for flag in ["", " --once"] {
      let outcome = try Program.run("watch run\(flag)", in: SampleRun.folder)
      #expect(outcome.code == 0 && outcome.error.isEmpty, "\(outcome)")
      #expect(outcome.output.hasPrefix("train: epoch 1 of 1: finished\n"), "\(outcome)")
      for text in ["loss: ", "validation accuracy: ", "certified at 36/255", "1 epochs"] {
        #expect(outcome.output.contains(text), "\(text): \(outcome)")
      }
      #expect(!outcome.output.contains("\u{1B}") && !outcome.output.contains("\r"))
      #expect(outcome.output.split(separator: "\n").allSatisfy { $0.count <= 80 })
    }
    let json = try Program.run("watch run --json", in: SampleRun.folder).json()
    #expect(json["run"] as? String == "train" && json["state"] as? String == "finished")
    #expect((json["curves"] as? [String: Any])?["loss"] != nil)
  }

  @Test("numbers of whatever size are drawn", arguments: ["1e308", "-1e308", "5e-324", "0"])
  func extremes(number: String) throws {
    try SampleRun.withCopy { folder in
      let path = folder + "/run/events.jsonl"
      var events = try String(contentsOfFile: path, encoding: .utf8)
      for key in ["loss", "images_per_second", "accuracy"] {
        let pattern = try Regex("\"\(key)\":[^,}]*")
        // Every other one, so that curves go from the usual to the extreme.
        for (index, match) in events.matches(of: pattern).enumerated().reversed()
        where index % 2 == 0 {
          events.replaceSubrange(match.range, with: "\"\(key)\":\(number)")
        }
      }
      try write(events, to: path)
      let outcome = try Program.run("watch run --once", in: folder)
      #expect(outcome.code == 0 && outcome.output.contains("loss: "), "\(outcome)")
    }
  }

  @Test("a run is followed to its end on a terminal", arguments: [80, 30])
  func followed(columns: Int) throws {
    try withTemporaryFolder { folder in
      try write(
        TinyConfiguration.yaml(replacing: "epochs: 1", by: "epochs: 3"), to: folder + "/tiny.yml")
      let training = try Program.start(
        "train tiny.yml --limit 400 --out run --tensorboard --quiet".split(separator: " ")
          .map(String.init), in: folder)
      training.wait { exists(folder + "/run/events.jsonl") }
      let (text, code) = try onTerminal(columns: columns, "watch run", in: folder)
      #expect(try training.wait().code == 0)
      #expect(code == 0, "\(text)")
      #expect(text.contains("train: epoch 3 of 3"), "\(text)")
      for line in text.split(whereSeparator: \.isNewline) {
        let shown = line.replacing(#/\u{1B}\[\d*[A-Z]/#, with: "").filter { $0 != "\r" }
        #expect(shown.count < columns, "\(shown)")
      }
      #expect(try names(in: folder + "/run").contains { $0.hasPrefix("events.out.tfevents.") })
    }
  }

  @Test("an audit is watched by its results, and its verdict is the exit code")
  func audit() throws {
    try SampleRun.withCopy { folder in
      for (kind, code) in [("sound", 0), ("published", 2)] as [(String, Int32)] {
        let line = "audit run/last.h5 --limit 4 --certificate \(kind) --quiet --out a.h5 --force"
        #expect(try Program.run(line, in: folder).code == code)
        let outcome = try Program.run("watch a.h5", in: folder)
        #expect(outcome.code == code, "\(outcome)")
        #expect(outcome.output.hasPrefix("audit: 4 of 4 certified images attacked, none broken: "))
        for text in ["images done: 4", "broken certificates: 0", "median d/r: "] {
          #expect(outcome.output.contains(text), "\(text): \(outcome)")
        }
      }
      let events = try String(contentsOfFile: folder + "/a.events.jsonl", encoding: .utf8)
      #expect(events.components(separatedBy: "\"begin\"").count == 2, "begun again: \(events)")
    }
  }

  @Test("a run that was killed has not come to its end; taken up, it does")
  func killed() throws {
    try withTemporaryFolder { folder in
      try write(
        TinyConfiguration.yaml(replacing: "epochs: 1", by: "epochs: 40"), to: folder + "/tiny.yml")
      let training = try Program.start(
        "train tiny.yml --limit 400 --out run --quiet".split(separator: " ").map(String.init),
        in: folder)
      training.wait {
        (try? String(contentsOfFile: folder + "/run/events.jsonl", encoding: .utf8))?
          .contains("\"epoch\":2,") == true
      }
      let during = try Program.run("watch run", in: folder)
      #expect(during.code == 0 && during.output.contains(": running"), "\(during)")
      training.send(SIGKILL)
      _ = try training.wait()
      let outcome = try Program.run("watch run", in: folder)
      #expect(outcome.code == 2, "\(outcome)")
      #expect(outcome.output.hasSuffix("no process is writing its events\n"))
      #expect(try Program.run("train --resume run --epochs 40 --quiet", in: folder).code == 0)
      let finished = try Program.run("watch run", in: folder)
      #expect(finished.code == 0 && finished.output.contains("epoch 40 of 40: finished"))
    }
  }

  @Test("what holds no events is refused")
  func refused() throws {
    try withTemporaryFolder { folder in
      expectRefusal(try Program.run("watch nowhere", in: folder), code: 66, "nowhere")
      expectRefusal(try Program.run("watch .", in: folder), code: 66, "events.jsonl")
      try write("no event\n", to: folder + "/events.jsonl")
      expectRefusal(try Program.run("watch .", in: folder), code: 65, "line 1")
      expectRefusal(try Program.run("watch", in: folder), code: 64, "<run>")
    }
  }
}
