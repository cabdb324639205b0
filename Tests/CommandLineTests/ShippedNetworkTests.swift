// SPDX-License-Identifier: Apache-2.0

import CPLReference
import Foundation
import Testing

@Suite("The network that is judged is the one in the file")
struct ShippedNetworkTests {
  private static let folder = Program.repository.appending(path: "fixtures/shipped").path
  private static let data = ["--data", folder + "/reference.h5"]
  private static let replaced = "steps replaced: not the network in the file"

  private func run(_ command: String, _ name: String, _ flags: [String] = []) throws -> Outcome {
    try Program.run([command, "\(Self.folder)/\(name).pt"] + Self.data + flags, in: "/")
  }

  /// What a command's JSON says has to be known first.
  private func notices(_ outcome: Outcome) throws -> [[String: String]] {
    let json = try outcome.json()
    return try #require(json["notices"] as? [[String: String]], "\(outcome)")
  }

  private func bound(_ outcome: Outcome) throws -> Double {
    let json = try outcome.json()
    return try #require(json["lipschitz_upper_bound"] as? Double, "\(outcome)")
  }

  @Test("stored steps are executed, and the bound is theirs", arguments: ["small", "stale"])
  func shipped(name: String) throws {
    let outcome = try run("evaluate", name, ["--json", "--quiet"])
    #expect(outcome.code == 0, "\(outcome)")
    #expect(try bound(outcome) > 20)
    #expect(!outcome.output.contains(Self.replaced))
    let notices = try notices(outcome)
    #expect(notices.contains { $0["text"]?.contains("mean") == true }, "the guess is stated")
    let verified = try run("evaluate", name, ["--json", "--quiet", "--steps", "verified"])
    #expect(try bound(verified) == 1)
  }

  @Test(
    "replaced steps are said in the first line of every output",
    arguments: ["evaluate", "audit", "certify", "bounds"],
    [["--steps", "verified"], ["--profile", "corrected"], ["--steps", "power"]])
  func replaced(command: String, flags: [String]) throws {
    let outcome = try run(command, "small", flags + ["--limit", "4"])
    #expect(outcome.code == 0 || outcome.code == 2, "\(outcome)")
    let first = outcome.output.split(separator: "\n").first ?? ""
    #expect(first.lowercased().contains(Self.replaced), "\(outcome)")
    let json = try run(command, "small", flags + ["--limit", "4", "--json", "--quiet"])
    let notices = try notices(json)
    #expect(notices.first?["kind"] == "steps_replaced")
    #expect(notices.first?["text"]?.contains("of 4 steps differ") == true)
  }

  @Test("steps that a file does not hold are made as PyTorch makes them, and that is said")
  func made() throws {
    let outcome = try run("evaluate", "none", ["--json", "--quiet"])
    #expect(outcome.output.contains("the file holds no steps for 4 layers"), "\(outcome)")
  }

  @Test("results of one network are not another's")
  func identity() throws {
    try withTemporaryFolder { folder in
      let line = ["--limit", "6", "--out", folder + "/a.h5"]
      #expect([0, 2].contains(try run("audit", "stored", line).code))
      // The same weights with other steps, and with another mean.
      for (name, flags) in [
        ("small", []), ("stored", ["--mean", "0.4,0.5,0.5"]), ("stored", ["--steps", "verified"]),
      ] {
        let replay = try run("audit", name, flags + ["--replay", folder + "/a.h5"])
        expectRefusal(replay, code: 65, "digest")
        let resumed = try run("audit", name, flags + line + ["--resume"])
        #expect(resumed.code == 73, "\(resumed)")
      }
      let again = try run("audit", "stored", line + ["--resume"])
      #expect(again.error.contains("holds these results already"), "\(again)")
    }
  }

  @Test("weights that do not say what they were trained on need --data")
  func foreign() throws {
    for command in ["evaluate", "certify", "audit"] {
      expectRefusal(
        try Program.run([command, Self.folder + "/stored.pt"], in: "/"), code: 64, "--data")
    }
    #expect(try Program.run(["bounds", Self.folder + "/stored.pt"], in: "/").code == 0)
  }

  @Test("weights remember their data, and say when they are judged on other images")
  func otherData() throws {
    let outcome = try Program.run(
      ["evaluate", SampleRun.weights, "--json", "--quiet"] + Self.data, in: "/")
    let notices = try notices(outcome)
    #expect(notices.first?["kind"] == "other_data")
    #expect(notices.first?["text"]?.contains("trained on synthetic") == true)
    let own = try Program.run(["evaluate", SampleRun.weights, "--json", "--quiet"], in: "/")
    #expect(try self.notices(own).isEmpty)
  }

  @Test("a finished run holds the steps that it is judged with")
  func finalSteps() throws {
    for name in ["last", "best"] {
      let checkpoint = try Checkpoint(path: "\(SampleRun.folder)/run/\(name).h5")
      let network = checkpoint.network
      #expect(
        network.steppedLayers.allSatisfy {
          network[stepped: $0].stepRule == .verified
        })
      #expect(checkpoint.published?.spectralNorms.count == 3, "those of training are kept")
      #expect(checkpoint.description.trainedOn?.name == "synthetic")
    }
    let bounds = try Program.run(["bounds", SampleRun.weights, "--json"], in: "/").json()
    #expect((bounds["network"] as? [String: Any])?["lipschitz_upper"] as? Double == 1)
  }
}
