// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify
import Testing

@Suite("A report in JSON")
struct ReportJSONTests {
  @Test("evaluate has its keys, shares in [0, 1]")
  func evaluate() throws {
    let object = try JSONValue(ReportSample.full().json(.evaluate(requirements: [])))
    #expect(
      object.keys.isSuperset(of: [
        "images", "accuracy", "certified_accuracy", "pgd_accuracy", "autoattack_accuracy",
        "lipschitz_upper_bound", "profile",
      ]))
    #expect(object["certified_accuracy"]?["published"]?["36/255"] == .number(2.0 / 3))
    #expect(object["certified_accuracy"]?["lipschitz"] == .object(["0.1": .number(1.0 / 3)]))
    #expect(object["pgd_accuracy"] == .object(["36/255": .number(1.0 / 3)]))
    #expect(object["autoattack_accuracy"] == .null)
    #expect(object["profile"] == .text("corrected"))
  }

  @Test("bounds has its keys, null where a layer has no such number")
  func bounds() throws {
    let object = try JSONValue(ReportSample.full().json(.bounds))
    #expect(object["layers"]?.count == 2)
    for layer in [object["layers"]?[0], object["layers"]?[1]] {
      #expect(
        layer?.keys.isSuperset(of: [
          "name", "kind", "sigma_lower", "sigma_model", "sigma_upper", "h", "lipschitz_upper",
        ]) == true)
    }
    #expect(object["layers"]?[0]?["sigma_lower"] == .null)
    #expect(object["layers"]?[1]?["sigma_lower"] == .number(0.1 + 0.2))
    #expect(object["layers"]?[1]?["h"] == .number(Double(Float(0.1))))
    #expect(
      object["network"]
        == .object([
          "lipschitz_upper": .number(1.0.nextUp), "lipschitz_lower": .number(0.75),
        ]))
  }

  @Test("certify has its keys, and an infinite radius is null")
  func certify() throws {
    let images = try JSONValue(ReportSample.full().json(.certify))["images"]
    #expect(images?.count == 3)
    #expect(
      images?[1]?.keys == [
        "index", "label", "prediction", "prediction_binary64", "margin", "radius",
      ])
    #expect(images?[1]?["radius"]?["published"] == .null)
    #expect(images?[1]?["radius"]?["lipschitz"] == .number(0.1.nextDown))
    #expect(images?[1]?["margin"] == .number(.leastNonzeroMagnitude))
    #expect(images?[2]?["margin"] == .null)
  }

  @Test("audit has its keys and names its counterexamples")
  func audit() throws {
    let object = try JSONValue(ReportSample.full(violations: 2).json(.audit))
    #expect(
      object.keys.isSuperset(of: ["images", "certified", "violations", "tightness", "verdict"]))
    #expect(object["verdict"] == .text("violated"))
    let violations = object["violations"]
    #expect(
      violations?[0]?.keys.isSuperset(of: [
        "index", "radius", "distance", "attack", "cause", "counterexample",
      ]) == true)
    #expect(violations?[0]?["counterexample"] == .text("/counterexamples/7"))
    #expect(violations?[1]?["counterexample"] == .text("/counterexamples/7.1"))
    #expect(object["tightness"]?["median"] == .number(0.09 / 0.1))
    let empty = try JSONValue(VerificationReport(provenance: Provenance()).json())
    #expect(empty["audit"] == .null)
    #expect(empty["verdict"] == .null)
  }

  @Test("an attack has its keys")
  func attack() throws {
    let object = try JSONValue(ReportSample.full().json(.attack("pgd")))
    #expect(
      object.keys
        == [
          "images", "epsilon", "clean_accuracy", "robust_accuracy", "distance", "passes",
          "headline",
          "notices",
        ])
    #expect(object["robust_accuracy"] == .number(1.0 / 3))
    #expect(object["epsilon"] == .number(36.0 / 255))
    #expect(object["passes"] == .number(141))
    let none = try JSONValue(ReportSample.full().json(.attack("minimum-norm")))
    #expect(none["distance"] == .null)
    #expect(none["robust_accuracy"] == .null)
  }

  @Test("a section without results is an error")
  func missing() {
    #expect(throws: ReferenceError.self) {
      try VerificationReport(provenance: Provenance()).json(.audit)
    }
  }

  @Test("the whole report parses, whatever its texts hold")
  func whole() throws {
    let object = try JSONValue(ReportSample.hostileReport().json())
    #expect(object["provenance"]?["command"] == .text(ReportSample.hostile))
    #expect(object["format"] == .text("cpl-report"))
    #expect(object["attacks"]?.count == 1)
    #expect(try !ReportSample.full().json().contains("\\/"))
  }

  @Test("a wrong pair of bounds is a violation, audit or not")
  func contradiction() {
    var report = ReportSample.full()
    #expect(report.verdict == .holds)
    report.lipschitzLowerBound = 2
    #expect(report.verdict == .violated)
    report.lipschitzLowerBound = .nan
    #expect(report.verdict == .violated)
  }
}
