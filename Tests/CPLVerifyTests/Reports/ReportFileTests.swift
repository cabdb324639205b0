// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify
import Foundation
import Testing

@Suite("A report's HDF5 file")
struct ReportFileTests {
  /// Writes a report, reads it and writes what was read.
  private func roundTrip(_ report: VerificationReport) throws -> VerificationReport {
    try withReportFolder { folder in
      try report.write(to: folder + "/first.h5")
      let read = try VerificationReport(path: folder + "/first.h5")
      try read.write(to: folder + "/second.h5")
      // Equal calls make equal bytes, so anything lost or changed on the way would show.
      #expect(try bytes(of: folder + "/first.h5") == bytes(of: folder + "/second.h5"))
      return read
    }
  }

  @Test("everything survives the round trip", arguments: [0, 1, 3])
  func everything(violations: Int) throws {
    let report = ReportSample.full(violations: violations)
    let read = try roundTrip(report)
    #expect(read.provenance == report.provenance)
    #expect(read.model == report.model)
    #expect(read.training.count == 2)
    #expect(read.training.first == report.training.first)
    #expect(read.training.last?.selectionAccuracy.isNaN == true)
    #expect(read.lipschitzLowerBound == 0.75)
    #expect(read.evaluation == report.evaluation)
    #expect(read.certificates == report.certificates)
    #expect(read.attacks == report.attacks)
    #expect(read.verdict == report.verdict)
    let bounds = try #require(read.bounds)
    #expect(bounds.lipschitzUpperBound == 1.0.nextUp)
    #expect(bounds.layers.map(\.name) == ["normalize", "convolution.0"])
    #expect(bounds.layers[0].spectralNorm == nil)
    #expect(bounds.layers[0].stepSize == nil)
    #expect(bounds.layers[1].spectralNorm == ReportSample.bounds.layers[1].spectralNorm)
    #expect(bounds.layers[1].stepSize == 0.1)
    #expect(bounds.layers[1].stepRule == .verified)
    let audit = try #require(read.audit)
    #expect(audit.images.map(\.distance) == report.audit?.images.map(\.distance))
    #expect(audit.images[0].distance == .infinity)
    #expect(audit.images[0].attack == nil)
    #expect(audit.excessLayers == report.audit?.excessLayers)
    #expect(audit.violations.map(\.adversarial) == report.audit?.violations.map(\.adversarial))
    #expect(audit.violations.allSatisfy { $0.cause == .certificate && $0.attack == "pgd@0.99r" })
  }

  @Test("logits that were not finite survive, and are null in JSON and empty in CSV")
  func noClass() throws {
    let report = ReportSample.full()
    let read = try roundTrip(report)
    #expect(read.certificates?.binary64Predictions == [0, 1, -1])
    #expect(read.certificates?.nonFiniteRows == [2])
    let object = try JSONValue(report.json(.certify))
    #expect(object["non_finite"] == .list([.number(9)]))
    #expect(object["images"]?[2]?["prediction_binary64"] == .null)
    #expect(object["images"]?[2]?["prediction"] == .number(1))
    let table = try #require(report.csv().first { $0.name == "certificates" }?.text)
    #expect(table.contains("\n9,2,1,,"))
  }

  @Test("a report without results, layers or images survives too")
  func empty() throws {
    var report = VerificationReport(provenance: Provenance())
    #expect(try roundTrip(report).verdict == nil)
    report.bounds = NetworkBounds(layers: [], lipschitzUpperBound: 1)
    report.certificates = CertificateTable(
      indices: [], labels: [], predictions: [], binary64Predictions: [], margins: [],
      radii: [.sound: []])
    report.evaluation = EvaluationSummary(images: 0, accuracy: .nan)
    report.audit = AuditResult(
      certificate: .sound, plan: [], images: [], violations: [], excessLayers: [])
    let read = try roundTrip(report)
    #expect(read.bounds?.layers.isEmpty == true)
    #expect(read.certificates == report.certificates)
    #expect(read.evaluation?.accuracy.isNaN == true)
    #expect(read.audit?.verdict == .inconclusive)
  }

  @Test("text of any kind survives")
  func hostileText() throws {
    let report = ReportSample.hostileReport()
    let read = try roundTrip(report)
    #expect(read.provenance == report.provenance)
    #expect(read.audit?.excessLayers == [ReportSample.hostile])
    #expect(Array(read.attacks.keys) == Array(report.attacks.keys))
  }

  @Test("a configuration may be longer than an attribute can be")
  func longText() throws {
    var report = VerificationReport(provenance: Provenance())
    report.provenance.configuration = String(repeating: "limit: 1\n", count: 20_000)
    report.provenance.command = String(repeating: "x", count: 100_000)
    #expect(try roundTrip(report).provenance == report.provenance)
  }

  @Test("the content digest covers the results and not the provenance")
  func contentDigest() throws {
    try withReportFolder { folder in
      var report = ReportSample.full(violations: 1)
      try report.write(to: folder + "/a.h5")
      report.provenance.cost.start = "2027-01-01T00:00:00Z"
      report.provenance.cost.wallSeconds = nil
      report.provenance.command = "another"
      try report.write(to: folder + "/b.h5")
      report.lipschitzLowerBound = 0.75.nextUp
      try report.write(to: folder + "/c.h5")
      let digests = try ["a", "b", "c"].map {
        try VerificationReport.contentDigest(of: "\(folder)/\($0).h5")
      }
      #expect(digests[0] == digests[1])
      #expect(digests[0] != digests[2])
      #expect(try bytes(of: folder + "/a.h5") != bytes(of: folder + "/b.h5"))
      #expect(try VerificationReport(path: folder + "/a.h5").contentDigest == digests[0])
    }
  }

  @Test("columns name their units, and images keep their shape")
  func units() throws {
    try withReportFolder { folder in
      let path = folder + "/report.h5"
      try ReportSample.full(violations: 2).write(to: path)
      let file = try HDF5File.open(path)
      #expect(
        try file.attribute("unit", of: "/audit/radius")
          == .string("pixel values in [0, 1], Euclidean norm"))
      for group in ["/audit", "/bounds", "/certificates", "/attacks/pgd", "/training"] {
        for (name, _) in try file.children(of: group) {
          #expect(try file.attributeNames(of: "\(group)/\(name)") == ["unit"])
        }
      }
      #expect(try file.children(of: "/counterexamples").map(\.name) == ["7", "7.1"])
      let (shape, elements) = try file.read(Float.self, from: "/counterexamples/7/adversarial")
      #expect(shape == [1, 2, 2])
      #expect(elements[2] == Float(0.5).nextUp)
    }
  }

  @Test("an attack's name that HDF5 would take for a path is refused")
  func attackName() throws {
    try withReportFolder { folder in
      for name in ["", ".", "a/b"] {
        var report = VerificationReport(provenance: Provenance())
        report.attacks[name] = ReportSample.attack
        #expect(throws: ReferenceError.self) { try report.write(to: folder + "/report.h5") }
        #expect(!FileManager.default.fileExists(atPath: folder + "/report.h5"))
      }
    }
  }
}

@Suite("Files that are no report")
struct ReportDamageTests {
  @Test("another file is refused, and said to be one")
  func foreign() throws {
    try withReportFolder { folder in
      #expect(throws: ReferenceError.missing(path: folder + "/none.h5")) {
        try VerificationReport(path: folder + "/none.h5")
      }
      let path = folder + "/file"
      try Data("hello".utf8).write(to: URL(filePath: path))
      #expect(throws: ReferenceError.self) { try VerificationReport(path: path) }
      try HDF5File.create(at: path) { file in
        try file.setAttribute("format", .string("cpl-weights"), of: "/")
      }
      let error = #expect(throws: ReferenceError.self) { try VerificationReport(path: path) }
      #expect("\(error!)".contains("expected cpl-report, found cpl-weights"))
      try HDF5File.create(at: path) { file in
        try file.setAttribute("format", .string("cpl-report"), of: "/")
        try file.setAttribute("version", .integer(2), of: "/")
      }
      #expect(throws: ReferenceError.self) { try VerificationReport(path: path) }
    }
  }

  /// Reads a file that is a report but for what `fill` puts into it.
  private func message(_ fill: (borrowing HDF5File) throws -> Void) throws -> String {
    try withReportFolder { folder in
      let path = folder + "/report.h5"
      try HDF5File.create(at: path) { file in
        try file.setAttribute("format", .string("cpl-report"), of: "/")
        try file.setAttribute("version", .integer(1), of: "/")
        try file.createGroup("/provenance")
        try fill(file)
      }
      let error = #expect(throws: ReferenceError.self) { try VerificationReport(path: path) }
      return error.map { "\($0)" } ?? ""
    }
  }

  @Test("columns of unequal length are refused")
  func unequal() throws {
    let message = try message { file in
      try file.write([1, 2] as [Int64], to: "/training/epoch")
      try file.write([0.5], to: "/training/loss")
    }
    #expect(message.contains("/training/loss"))
    #expect(message.contains("expected 2 rows"))
  }

  @Test("negative counts, distances that are none and unknown names are refused")
  func values() throws {
    #expect(
      try message { try $0.write([-1] as [Int64], to: "/training/epoch") }
        .contains("/training/epoch"))
    #expect(
      try message { file in
        try file.write([Int64.max], to: "/training/epoch")
      }.contains("expected a count"))
    #expect(
      try message { file in
        try file.write([1] as [Int64], to: "/certificates/index")
        try file.write([Double.nan], to: "/certificates/radius_sound")
      }.contains("expected numbers ≥ 0"))
    #expect(
      try message { file in
        for name in ["quantity", "epsilon"] { try file.write(["?"], to: "/evaluation/\(name)") }
        try file.write([0.5], to: "/evaluation/share")
        try file.setAttribute("images", .integer(1), of: "/evaluation")
        try file.setAttribute("accuracy", .real(1), of: "/evaluation")
      }.contains("36/255"))
  }

  @Test("certificates that are unknown here are refused, and those that are known listed")
  func certificates() throws {
    let messages = try [
      message { file in
        try file.write([1] as [Int64], to: "/certificates/index")
        try file.write([0.5], to: "/certificates/radius_hope")
      },
      message { file in
        try file.write(["certified_accuracy.hope"], to: "/evaluation/quantity")
        try file.write(["36/255"], to: "/evaluation/epsilon")
        try file.write([0.5], to: "/evaluation/share")
        try file.setAttribute("images", .integer(1), of: "/evaluation")
        try file.setAttribute("accuracy", .real(1), of: "/evaluation")
      },
    ]
    for message in messages {
      #expect(
        message.contains("published, lipschitz, real, sound, local, found \"hope\""), "\(message)")
    }
  }

  @Test("radii without the classes that they belong to, of an earlier version, are refused")
  func earlierVersion() throws {
    let message = try message { file in
      for name in ["index", "label", "prediction"] {
        try file.write([1] as [Int64], to: "/certificates/\(name)")
      }
      try file.write([0.5], to: "/certificates/margin")
      try file.write([0.5], to: "/certificates/radius_sound")
    }
    #expect(message.contains("results of an earlier version"))
  }

  @Test("a verdict that the rows do not come to is refused")
  func verdict() throws {
    let message = try message { file in
      for name in [
        "index", "label", "prediction", "binary32_prediction", "forward_passes",
        "backward_passes",
      ] {
        try file.write([1] as [Int64], to: "/audit/\(name)")
      }
      try file.write([0.0], to: "/audit/radius")
      for name in ["distance", "binary32_only_distance"] {
        try file.write([Double.infinity], to: "/audit/\(name)")
      }
      try file.write([""], to: "/audit/attack")
      try file.write(["none"], to: "/audit/extent")
      try file.setAttribute("plan", .string("[]"), of: "/audit")
      try file.setAttribute("excess_layers", .string("[]"), of: "/audit")
      try file.setAttribute("certificate", .string("sound"), of: "/audit")
      try file.setAttribute("verdict", .string("holds"), of: "/audit")
      try file.createGroup("/counterexamples")
    }
    #expect(message.contains("'inconclusive', which the rows come to"))
  }

  @Test("a configuration that was changed after the run is noticed")
  func configuration() throws {
    let message = try message { file in
      try file.write(["limit: 2"], to: "/provenance/configuration")
      try file.setAttribute("configuration_digest", .string("00"), of: "/provenance")
    }
    #expect(message.contains("configuration_digest"))
  }

  @Test("damage anywhere gives a typed error or the report, never a trap")
  func damage() throws {
    try withReportFolder { folder in
      let path = folder + "/report.h5"
      try ReportSample.full(violations: 2).write(to: path)
      let whole = try bytes(of: path)
      func read(_ bytes: [UInt8]) throws {
        try Data(bytes).write(to: URL(filePath: path))
        do {
          _ = try VerificationReport(path: path)
        } catch is ReferenceError {}
      }
      for offset in stride(from: 0, to: whole.count, by: 131) {
        var damaged = whole
        damaged[offset] ^= 0x41
        try read(damaged)
      }
      for count in stride(from: 0, to: whole.count, by: 4099) { try read(Array(whole[..<count])) }
    }
  }
}
