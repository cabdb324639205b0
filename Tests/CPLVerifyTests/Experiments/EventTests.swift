// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify
import Foundation
import TestSupport
import Testing

@Suite("Events of a run")
struct EventTests {
  /// With CPL_WRITE_DOCS=1 the table in the page is replaced.
  @Test("docs/formats.md explains every key of an event")
  func documentation() throws {
    let path = Fixture.repository.appending(path: "docs/formats.md").path
    var page = try String(contentsOfFile: path, encoding: .utf8)
    let start = try #require(page.range(of: "<!-- events -->\n\n")).upperBound
    let end = try #require(page.range(of: "\n<!-- end of events -->")).lowerBound
    if ProcessInfo.processInfo.environment["CPL_WRITE_DOCS"] != nil {
      page.replaceSubrange(start..<end, with: RunEvent.documentation)
      try page.write(toFile: path, atomically: true, encoding: .utf8)
    }
    #expect(page.contains("<!-- events -->\n\n\(RunEvent.documentation)\n<!-- end of events -->"))
  }

  private static func epoch(_ number: Int, loss: Double, of epochs: Int = 4) -> RunEvent {
    var event = RunEvent(.epoch)
    (event.epoch, event.epochs, event.steps) = (number, epochs, 10)
    (event.loss, event.accuracy, event.certifiedAccuracy) = (loss, 0.75, 0.5)
    return event
  }

  private static func log(
    _ path: String, resumes: Bool = false, now: @escaping () -> Date = { Date() }
  ) throws -> EventLog {
    try EventLog(path, resumes: resumes, now: now) { Issue.record("\($0)") }
  }

  @Test("a line that a killed process began is never read, and goes when the run is taken up")
  func halfLine() throws {
    try ExperimentSample.withFolder { folder in
      let path = folder + "/events.jsonl"
      let log = try Self.log(path)
      log.append(Self.epoch(1, loss: 0.5))
      _ = consume log
      let whole = try String(contentsOfFile: path, encoding: .utf8)
      #expect(whole.hasSuffix("}\n") && whole.split(separator: "\n").count == 1)
      #expect(whole.contains(#/"time":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z"/#), "\(whole)")
      try (whole + "{\"kind\":\"epo").write(toFile: path, atomically: false, encoding: .utf8)
      var reader = try EventReader(of: folder)
      #expect(try reader.read().events.map(\.epoch) == [1])
      #expect(try reader.read().events.isEmpty)
      #expect(!reader.isBeingWritten)
      let again = try Self.log(path, resumes: true)
      #expect(reader.isBeingWritten)
      again.append(Self.epoch(2, loss: 0.25))
      var fresh = try EventReader(of: path)
      #expect(try fresh.read().events.map(\.epoch) == [1, 2])
      #expect(throws: ReferenceError.self) { try Self.log(path, resumes: true) }
      _ = consume again
    }
  }

  @Test("another run in the same place begins the file again, and a reader sees it")
  func restart() throws {
    try ExperimentSample.withFolder { folder in
      let path = folder + "/events.jsonl"
      for number in 1...3 {
        let log = try Self.log(path, resumes: number > 1)
        log.append(Self.epoch(number, loss: 1))
        _ = consume log
      }
      var reader = try EventReader(of: folder)
      #expect(try reader.read().events.count == 3)
      let log = try Self.log(path)
      log.append(Self.epoch(1, loss: 7))
      let (events, restarted) = try reader.read()
      #expect(restarted && events.map(\.loss) == [7])
    }
  }

  @Test("a line that is no event is named, and so is a folder without events")
  func refused() throws {
    try ExperimentSample.withFolder { folder in
      #expect(throws: HintedError.self) { try EventReader(of: folder) }
      #expect(throws: HintedError.self) { try EventReader(of: folder + "/a.h5") }
      try "{}\n".write(toFile: folder + "/a.events.jsonl", atomically: false, encoding: .utf8)
      var reader = try EventReader(of: folder + "/a.h5")
      #expect {
        try reader.read()
      } throws: {
        "\($0)".contains("line 1")
      }
    }
  }

  @Test("long runs tell of a step less often")
  func seldom() throws {
    try ExperimentSample.withFolder { folder in
      var time = Date(timeIntervalSince1970: 0)
      let log = try Self.log(folder + "/events.jsonl", now: { time })
      time += 0.9
      #expect(!log.isDue)
      time += 0.2
      #expect(log.isDue)
      time += 100_000
      log.append(Self.epoch(1, loss: 1))
      time += 100
      #expect(!log.isDue)
      log.count(images: 300)
      #expect(log.imagesPerSecond == 3)
      time += 200
      #expect(log.isDue)
    }
  }

  @Test("curves drop what a run that was taken up has left behind")
  func curves() {
    var curves = RunCurves()
    var begin = RunEvent(.begin)
    (begin.run, begin.resumed) = (.train, false)
    curves.add(begin)
    for (number, loss) in [(1, 4.0), (2, 3), (3, 2), (2, 5)] {
      curves.add(Self.epoch(number, loss: loss))
    }
    #expect(curves.curves.map(\.key) == ["loss", "accuracy", "certified_accuracy"])
    #expect(curves.curves[0].points.map(\.x) == [1, 2])
    #expect(curves.curves[0].points.map(\.y) == [4, 5])
    #expect(curves.range == 0...4)
    #expect(curves.state == .running)
    var end = RunEvent(.end)
    end.outcome = .stopped
    curves.add(end)
    #expect(curves.state == .stopped)
    begin.resumed = true
    curves.add(begin)
    #expect(curves.state == .running && curves.curves[0].points.count == 2)
  }

  @Test("what TensorBoard reads is byte by byte what its own writer writes")
  func tensorBoard() {
    // By tensorboard 2.21.0: RecordWriter.write of Event(wall_time=1700000000.5, file_version="brain.Event:2"),
    // and of step=300 with the summary values below.
    let time = Date(timeIntervalSince1970: 1_700_000_000.5)
    func hex(_ bytes: [UInt8]) -> String { bytes.map { String(format: "%02x", $0) }.joined() }
    #expect(
      hex(TensorBoardFile.record(TensorBoardFile.version(at: time)))
        == "1800000000000000a37f4b220900002040fc54d9411a0d627261696e2e4576656e743a322b353110")
    let event = TensorBoardFile.event(
      [("train/loss", 0.25), ("validation/accuracy", 0.9)], step: 300, at: time)
    #expect(
      hex(TensorBoardFile.record(event))
        == "3d000000000000006049f1ec0900002040fc54d94110ac022a2f0a110a0a747261696e2f6c6f7373"
        + "150000803e0a1a0a1376616c69646174696f6e2f6163637572616379156666663f49131626")
    // The check value of CRC-32C.
    #expect(TensorBoardFile.crc32c(Array("123456789".utf8)) == 0xE306_9283)
  }
}
