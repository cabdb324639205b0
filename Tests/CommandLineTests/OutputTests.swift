// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@Suite("Outputs")
struct OutputTests {
  @Test("evaluate's JSON has the keys that others rely on")
  func evaluate() throws {
    let json = try json("evaluate run/last.h5 --limit 40 --pgd 36/255 --pgd 0.5")
    expectKeys(
      json, "images", "accuracy", "certified_accuracy", "pgd_accuracy", "lipschitz_upper_bound",
      "profile")
    #expect(json["images"] as? Int == 40 && json["profile"] as? String == "shipped")
    let accuracy = try #require(json["accuracy"] as? Double)
    #expect((0...1).contains(accuracy))
    let certified = try #require(json["certified_accuracy"] as? [String: [String: Double]])
    #expect(Set(certified.keys) == ["published", "lipschitz", "sound"])
    for shares in certified.values {
      #expect(Set(shares.keys) == ["36/255", "72/255", "108/255", "255/255"])
      #expect(shares.values.allSatisfy { (0...accuracy).contains($0) })
    }
    let attacked = try #require(json["pgd_accuracy"] as? [String: Double])
    #expect(Set(attacked.keys) == ["36/255", "0.5"])
    #expect(attacked.values.allSatisfy { (0...accuracy).contains($0) })
  }

  @Test(
    "local certificates come where they are asked for, at the radii that are shown, and are never less than sound"
  )
  func local() throws {
    let line = "run/last.h5 --limit 40 --certificate local"
    let json = try json("evaluate \(line) --epsilon 0.2")
    let certified = try #require(json["certified_accuracy"] as? [String: [String: Double]])
    let (sound, local) = (try #require(certified["sound"]), try #require(certified["local"]))
    #expect(local.count == 5 && sound.allSatisfy { $0.value <= local[$0.key] ?? -1 })
    #expect(sound.contains { $0.value < local[$0.key] ?? -1 }, "\(sound), \(local)")
    let hurried = try self.json("certify \(line) --budget 0.000001")
    let radii = try #require(hurried["images"] as? [[String: Any]])
    #expect(radii.count == 40)
  }

  @Test("bounds' JSON has the keys that others rely on")
  func bounds() throws {
    let json = try json("bounds run/last.h5")
    expectKeys(json, "layers", "network")
    let layers = try #require(json["layers"] as? [[String: Any]])
    #expect(layers.count == 7)
    for layer in layers { expectKeys(layer, "name", "kind", "lipschitz_upper") }
    for layer in layers where ["convolution", "linear"].contains(layer["kind"] as? String) {
      expectKeys(layer, "sigma_lower", "sigma_model", "sigma_upper", "h")
    }
    expectKeys(
      try #require(json["network"] as? [String: Any]), "lipschitz_upper", "lipschitz_lower")
  }

  @Test("certify's JSON has the keys that others rely on, and --indices their order")
  func certify() throws {
    let json = try json("certify run/last.h5 --indices 7-9,0")
    let images = try #require(json["images"] as? [[String: Any]])
    #expect(images.compactMap { $0["index"] as? Int } == [7, 8, 9, 0])
    for image in images {
      expectKeys(image, "index", "label", "prediction", "margin", "radius")
      expectKeys(try #require(image["radius"] as? [String: Any]), "published", "lipschitz", "sound")
    }
    let first = try self.json("certify run/last.h5 --limit 1")
    #expect(
      (first["images"] as? [[String: Any]])?.first as NSDictionary? == images[3] as NSDictionary,
      "an image's row does not depend on the others")
  }

  @Test("attack's JSON has the keys that others rely on", arguments: ["pgd", "minimum-norm"])
  func attack(name: String) throws {
    let json = try json("attack run/last.h5 --limit 20 --epsilon 2 --attack \(name)")
    expectKeys(json, "images", "epsilon", "clean_accuracy", "robust_accuracy", "distance", "passes")
    expectKeys(try #require(json["distance"] as? [String: Any]), "min", "median", "max")
    #expect(json["epsilon"] as? Double == 2)
  }

  @Test("audit's JSON has the keys that others rely on")
  func audit() throws {
    let json = try json("audit run/last.h5 --limit 8")
    expectKeys(json, "images", "certified", "violations", "tightness", "verdict", "certificate")
    expectKeys(try #require(json["tightness"] as? [String: Any]), "min", "median", "max")
    #expect(json["verdict"] as? String == "holds")
  }

  @Test("inspect's JSON has the keys that others rely on")
  func inspect() throws {
    let json = try json("inspect run/last.h5")
    expectKeys(json, "format", "digest", "tensors")
    #expect(json["format"] as? String == "cpl-weights" && json["epoch"] as? Int == 1)
    let tensors = try #require(json["tensors"] as? [[String: Any]])
    for tensor in tensors { expectKeys(tensor, "name", "shape", "dtype") }
    #expect(tensors.first?["shape"] as? [Int] == [3, 4, 3, 3])
  }

  @Test("the built-in images are the same from files")
  func synthesize() throws {
    try withTemporaryFolder { folder in
      let outcome = try Program.run("synthesize data --json", in: folder)
      #expect(outcome.code == 0)
      expectKeys(
        try outcome.json(), "folder", "training_images", "test_images", "training_digest",
        "test_digest")
      let arguments = ["evaluate", SampleRun.weights, "--json"]
      // But for their name, by which they are another data set than the weights were trained on.
      let results = try [[], ["--data", "data"]].map { flags in
        try Program.run(arguments + flags, in: folder).json()
          .filter { !["headline", "notices"].contains($0.key) }
      }
      #expect(results[0] as NSDictionary == results[1] as NSDictionary)
    }
  }

  @Test("a limit above the number of images takes all, and an index above it is refused")
  func selections() throws {
    let all = try json("evaluate run/last.h5 --limit 1000000")
    #expect(all["images"] as? Int == 1000)
    for indices in ["1000", "0-99999999999999"] {
      expectRefusal(
        try Program.run("evaluate run/last.h5 --indices \(indices)", in: SampleRun.folder),
        code: 65, "--indices below 1000")
    }
  }

  @Test("without --json people read tables, and nothing is on standard error when work is short")
  func tables() throws {
    for (line, text) in [
      ("evaluate run/last.h5 --limit 10 --pgd 0.5", "certified at 36/255"),
      ("bounds run/last.h5", "convolution.1"), ("certify run/last.h5 --limit 2", "class  sound"),
      ("attack run/last.h5 --limit 5", "robust"), ("audit run/last.h5 --limit 3", "verdict"),
      ("inspect run/last.h5", "3×4×3×3"),
    ] {
      let outcome = try Program.run(line, in: SampleRun.folder)
      #expect(outcome.code == 0 && outcome.error.isEmpty, "\(outcome)")
      if text != "robust" { #expect(outcome.output.contains(text), "\(outcome)") }
    }
  }

  @Test(
    "results that nobody can read are a failure of input and output",
    arguments: [
      "certify run/last.h5 --limit 3", "inspect run/last.h5 --json", "--help", "train --help",
      "--version",
    ])
  func unwritable(line: String) throws {
    for (redirection, reason) in [
      (">/dev/full", "No space left on device"), (">&-", "Bad file descriptor"),
    ] {
      let outcome = try Program.shell("\"$0\" \(line) \(redirection)", in: SampleRun.folder)
      expectRefusal(outcome, code: 74, "standard output: input/output failed: \(reason)")
    }
    // The reader leaves before the first line.
    let pipe = try Program.shell(
      "{ sleep 0.3; \"$0\" \(line); echo $? >&2; } | true", in: SampleRun.folder)
    #expect(pipe.error == "74\n", "silent: \(pipe)")
  }

  @Test("messages that nobody can read change no code", arguments: ["2>/dev/full", "2>&-"])
  func silentErrors(redirection: String) throws {
    let missing = try Program.shell("\"$0\" inspect nothing \(redirection)", in: SampleRun.folder)
    #expect(missing.code == 66, "\(missing)")
    let wrong = try Program.shell("\"$0\" inspect --wrong \(redirection)", in: SampleRun.folder)
    #expect(wrong.code == 64, "\(wrong)")
  }

  @Test("with its standard streams closed a run still writes none of its messages into its files")
  func closedStreams() throws {
    try SampleRun.withCopy { folder in
      let line = "\"$0\" train tiny.yml --limit 200 --out new <&- >&- 2>&-"
      #expect(try Program.shell(line, in: folder).code == 74)
      for name in ["last.h5", "best.h5", "history.h5"] {
        #expect(try bytes(of: "\(folder)/new/\(name)") == bytes(of: "\(folder)/run/\(name)"))
      }
      // All but the command, which comes last.
      let configurations = try ["new", "run"].map {
        try String(contentsOfFile: "\(folder)/\($0)/run.yml", encoding: .utf8)
          .split(separator: "\ncommand: ")
      }
      #expect(configurations[0].count == 2 && configurations[0][0] == configurations[1][0])
      let lock = try String(contentsOfFile: folder + "/new/lock", encoding: .utf8)
      #expect(lock.wholeMatch(of: /\d+\n/) != nil)
    }
  }

  /// What a command prints with `--json`; nothing else may be printed.
  private func json(_ line: String) throws -> [String: Any] {
    let outcome = try Program.run(line + " --json", in: SampleRun.folder)
    #expect(outcome.code == 0 && outcome.error.isEmpty, "\(outcome)")
    return try outcome.json()
  }

  private func expectKeys(
    _ object: [String: Any], _ keys: String..., sourceLocation: SourceLocation = #_sourceLocation
  ) {
    for key in keys {
      #expect(object[key] != nil, "key '\(key)' in \(object)", sourceLocation: sourceLocation)
    }
  }
}
