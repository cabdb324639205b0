import CPLReference
import CPLVerify
import Foundation
import Testing

@Suite("A report in JSON")
struct ReportJSONTests {
  private func object(_ text: String) throws -> [String: Any] {
    let object = try JSONSerialization.jsonObject(with: Data(text.utf8))
    return try #require(object as? [String: Any])
  }

  @Test("evaluate has its keys, shares in [0, 1]")
  func evaluate() throws {
    let object = try object(ReportSample.full().json(.evaluate))
    #expect(
      Set(object.keys)
        == [
          "images", "accuracy", "certified_accuracy", "pgd_accuracy", "autoattack_accuracy",
          "lipschitz_upper_bound", "profile",
        ])
    let certified = try #require(object["certified_accuracy"] as? [String: [String: Double]])
    #expect(certified["published"]?["36/255"] == 2.0 / 3)
    #expect(certified["lipschitz"] == ["0.1": 1.0 / 3])
    #expect((object["pgd_accuracy"] as? [String: Double]) == ["36/255": 1.0 / 3])
    #expect(object["autoattack_accuracy"] is NSNull)
    #expect(object["profile"] as? String == "corrected")
  }

  @Test("bounds has its keys, null where a layer has no such number")
  func bounds() throws {
    let object = try object(ReportSample.full().json(.bounds))
    let layers = try #require(object["layers"] as? [[String: Any]])
    for layer in layers {
      #expect(
        Set(layer.keys).isSuperset(of: [
          "name", "kind", "sigma_lower", "sigma_model", "sigma_upper", "h", "lipschitz_upper",
        ]))
    }
    #expect(layers[0]["sigma_lower"] is NSNull)
    #expect(layers[1]["sigma_lower"] as? Double == 0.1 + 0.2)
    #expect(layers[1]["h"] as? Double == Double(Float(0.1)))
    let network = try #require(object["network"] as? [String: Double])
    #expect(network == ["lipschitz_upper": 1.0.nextUp, "lipschitz_lower": 0.75])
  }

  @Test("certify has its keys, and an infinite radius is null")
  func certify() throws {
    let object = try object(ReportSample.full().json(.certify))
    let images = try #require(object["images"] as? [[String: Any]])
    #expect(images.count == 3)
    #expect(
      Set(images[1].keys) == ["index", "label", "prediction", "margin", "radius"])
    let radius = try #require(images[1]["radius"] as? [String: Any])
    #expect(radius["published"] is NSNull)
    #expect(radius["lipschitz"] as? Double == 0.1.nextDown)
    #expect(images[1]["margin"] as? Double == 5e-324)
    #expect(images[2]["margin"] is NSNull)
  }

  @Test("audit has its keys and names its counterexamples")
  func audit() throws {
    let object = try object(ReportSample.full(violations: 2).json(.audit))
    #expect(
      Set(object.keys).isSuperset(of: [
        "images", "certified", "violations", "tightness", "verdict",
      ]))
    #expect(object["verdict"] as? String == "violated")
    let violations = try #require(object["violations"] as? [[String: Any]])
    #expect(
      Set(violations[0].keys).isSuperset(of: [
        "index", "radius", "distance", "attack", "cause", "counterexample",
      ]))
    #expect(
      violations.map { $0["counterexample"] as? String }
        == ["/counterexamples/7", "/counterexamples/7.1"])
    #expect((object["tightness"] as? [String: Double])?["median"] == 0.09 / 0.1)
    let quiet = try self.object(
      VerificationReport(provenance: Provenance()).json())
    #expect(quiet["audit"] is NSNull)
    #expect(quiet["verdict"] as? String == "inconclusive")
  }

  @Test("an attack has its keys")
  func attack() throws {
    let object = try object(ReportSample.full().json(.attack("pgd")))
    #expect(
      Set(object.keys)
        == ["images", "epsilon", "clean_accuracy", "robust_accuracy", "distance", "passes"])
    #expect(object["robust_accuracy"] as? Double == 1.0 / 3)
    #expect(object["epsilon"] as? Double == 36.0 / 255)
    #expect(object["passes"] as? Int == 141)
    let none = try self.object(ReportSample.full().json(.attack("minimum-norm")))
    #expect(none["distance"] is NSNull)
    #expect(none["robust_accuracy"] is NSNull)
  }

  @Test("a section without results is an error")
  func missing() {
    #expect(throws: ReferenceError.self) {
      try VerificationReport(provenance: Provenance()).json(.audit)
    }
  }

  @Test("the whole report parses, whatever its texts hold")
  func whole() throws {
    let object = try object(ReportSample.hostileReport().json())
    let provenance = try #require(object["provenance"] as? [String: Any])
    #expect(provenance["command"] as? String == ReportSample.hostile)
    #expect(object["format"] as? String == "cpl-report")
    #expect((object["attacks"] as? [String: Any])?.count == 1)
    #expect(try !ReportSample.full().json().contains("\\/"))
  }

  @Test("a wrong pair of bounds is a violation, audit or not")
  func contradiction() throws {
    var report = ReportSample.full()
    #expect(report.verdict == .holds)
    report.lipschitzLowerBound = 2
    #expect(report.verdict == .violated)
    report.lipschitzLowerBound = .nan
    #expect(report.verdict == .violated)
  }
}
