// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

@Suite("Bundles that others can check")
struct ProofTests {
  private static let line = "prove run/last.h5 --limit 48 --threads 1"

  private func files(_ folder: String) throws -> [String: [UInt8]] {
    let names = try FileManager.default.contentsOfDirectory(atPath: folder)
    return Dictionary(
      uniqueKeysWithValues: try names.map { ($0, try bytes(of: "\(folder)/\($0)")) })
  }

  private func json(_ path: String) throws -> [String: Any] {
    try #require(
      try JSONSerialization.jsonObject(with: Data(try bytes(of: path))) as? [String: Any])
  }

  @Test("a bundle has the four files, and says what is claimed of which images")
  func bundle() throws {
    try SampleRun.withCopy { folder in
      let outcome = try Program.run("\(Self.line) --out proofs/one --json", in: folder)
      #expect(outcome.code == 0, "\(outcome)")
      let summary = try outcome.json()
      let claimed = try #require(summary["claimed"] as? Int)
      #expect(summary["images"] as? Int == 48 && claimed > 24)
      let one = folder + "/proofs/one"
      #expect(
        try Set(files(one).keys) == [
          "claims.json", "images.npy", "statement.json", "weights.safetensors",
        ])
      #expect(!exists(one + ".journal") && !exists(one + ".partial"))
      let claims = try json(one + "/claims.json")
      #expect((claims["images"] as? [Any])?.count == claimed)
      let kinds = (claims["layers"] as? [[String: Any]])?.map { $0["kind"] as? String }
      #expect(
        kinds == [
          "normalize", "zero-padding", "convolution", "convolution", "pooling", "flatten", "dense",
          "normalized-head",
        ])
      let statement = try json(one + "/statement.json")
      #expect(statement["_type"] as? String == "https://in-toto.io/Statement/v1")
      #expect((statement["subject"] as? [Any])?.count == 3)
      // The same claims on other threads, and of images that are named.
      let again = try Program.run(
        "prove run/last.h5 --indices 0-47 --threads 2 --out two --quiet", in: folder)
      #expect(again.code == 0 && again.output.hasPrefix("two: claims of "), "\(again)")
      #expect(try files(folder + "/two") == files(one))
    }
  }

  @Test(
    "the checker accepts a bundle, and none of which a byte or a radius was changed",
    .enabled(if: IndependentChecker.isAvailable))
  func checked() throws {
    try SampleRun.withCopy { folder in
      #expect(try Program.run("\(Self.line) --out proof --quiet", in: folder).code == 0)
      let proof = folder + "/proof"
      let whole = try IndependentChecker.check(proof)
      #expect(whole.code == 0, "\(whole.output)")
      for name in ["claims.json", "images.npy", "weights.safetensors"] {
        let content = try bytes(of: "\(proof)/\(name)")
        for place in [0, content.count / 2, content.count - 1] {
          var changed = content
          changed[place] ^= 1
          try Data(changed).write(to: URL(fileURLWithPath: "\(proof)/\(name)"))
          #expect(try IndependentChecker.check(proof).code == 65, "\(name), byte \(place)")
        }
        try Data(content).write(to: URL(fileURLWithPath: "\(proof)/\(name)"))
      }
      // With digests that fit.
      let verdict = try Program.shell(
        """
        python3 - <<'END'
        import hashlib, json
        claims = json.load(open("proof/claims.json"))
        image = claims["images"][3]
        image["radius"] = (float.fromhex(image["radius"]) * (1 + 1e-5)).hex()
        text = json.dumps(claims).encode()
        open("proof/claims.json", "wb").write(text)
        statement = json.load(open("proof/statement.json"))
        statement["predicate"]["claims"]["digest"]["sha256"] = hashlib.sha256(text).hexdigest()
        json.dump(statement, open("proof/statement.json", "w"))
        END
        """, in: folder)
      #expect(verdict.code == 0, "\(verdict)")
      let longer = try IndependentChecker.check(proof)
      #expect(longer.code == 2 && longer.output.contains("not shown, gap"), "\(longer.output)")
    }
  }

  @Test(
    "the example among the fixtures holds", .enabled(if: IndependentChecker.isAvailable))
  func example() throws {
    let checked = try IndependentChecker.check(fixturePath("proof"))
    #expect(checked.code == 0, "\(checked.output)")
  }

  @Test(
    "'verify' has the network's bundle checked where cpl-check is on the path",
    .enabled(if: IndependentChecker.isAvailable))
  func verify() throws {
    try SampleRun.withCopy { folder in
      let line = "exec \"$0\" verify run/last.h5 --only certificate.checked --json"
      let without = try Program.shell("PATH=/nowhere; \(line)", in: folder)
      func verdict(_ outcome: Outcome) throws -> String? {
        (try outcome.json()["checks"] as? [[String: Any]])?.first?["verdict"] as? String
      }
      #expect(try verdict(without) == "not applicable", "\(without)")
      let checker = fixturePath("../checker")
      try write(
        "#!/bin/sh\nPYTHONPATH='\(checker)' exec python3 -B -m cpl_check \"$@\"\n",
        to: folder + "/cpl-check")
      let with = try Program.shell("chmod +x cpl-check; PATH=\"$PWD:$PATH\"; \(line)", in: folder)
      #expect(try with.code == 0 && verdict(with) == "holds", "\(with)")
      // A checker that accepts everything is noticed by the positive control, one that accepts nothing by the check.
      for (code, expected) in [(0, "inconclusive"), (2, "violated")] {
        try write(
          "#!/bin/sh\n[ \"$1\" = --version ] || exit \(code)\n", to: folder + "/cpl-check")
        let false_ = try Program.shell("PATH=\"$PWD:$PATH\"; \(line)", in: folder)
        #expect(try verdict(false_) == expected, "\(false_)")
      }
    }
  }

  @Test("a killed run goes on from its journal and ends with the same files")
  func killed() throws {
    try SampleRun.withCopy { folder in
      let line = "prove run/last.h5 --limit 400 --threads 1 --quiet"
      #expect(try Program.run("\(line) --out whole", in: folder).code == 0)
      let killed = "\(line) --out killed"
      let program = try Program.start(
        killed.split(separator: " ").map(String.init), in: folder)
      program.wait { (try? bytes(of: folder + "/killed.journal").count { $0 == 10 }) ?? 0 >= 3 }
      program.send(SIGKILL)
      _ = try program.wait()
      #expect(!exists(folder + "/killed"))
      expectRefusal(
        try Program.run(killed, in: folder), code: 73,
        "killed.journal: cannot create: an interrupted run left it", "--resume")
      let other = try Program.run(
        "\(killed.replacing("400", with: "300")) --resume", in: folder)
      #expect(other.code == 65, "\(other)")
      #expect(try Program.run("\(killed) --resume", in: folder).code == 0)
      #expect(try files(folder + "/killed") == files(folder + "/whole"))
      #expect(!exists(folder + "/killed.journal"))
    }
  }

  @Test("nothing is replaced unasked, and no folder that is no bundle")
  func places() throws {
    try SampleRun.withCopy { folder in
      #expect(try Program.run("\(Self.line) --out proof/ --quiet", in: folder).code == 0)
      let before = try files(folder + "/proof")
      expectRefusal(
        try Program.run("\(Self.line) --out proof", in: folder), code: 73, "proof", "--force")
      #expect(try files(folder + "/proof") == before)
      let forced = try Program.run(
        "prove run/last.h5 --limit 2 --out proof --force --quiet", in: folder)
      #expect(forced.code == 0, "\(forced)")
      #expect(try files(folder + "/proof") != before)
      for flag in ["", " --force"] {
        expectRefusal(
          try Program.run("\(Self.line) --out run\(flag)", in: folder), code: 73,
          "run: cannot create: it holds other files")
      }
      expectRefusal(
        try Program.run("\(Self.line) --out tiny.yml", in: folder), code: 73, "it is no folder")
      #expect(try Program.run("\(Self.line)", in: folder).code == 64)
      try FileManager.default.createDirectory(
        atPath: folder + "/empty", withIntermediateDirectories: false)
      #expect(try Program.run("\(Self.line) --out empty --quiet", in: folder).code == 0)
    }
  }

  @Test("real radii are shown where they are asked for")
  func certify() throws {
    let outcome = try Program.run(
      "certify run/last.h5 --limit 4 --certificate real --json", in: SampleRun.folder)
    #expect(outcome.code == 0, "\(outcome)")
    let images = try #require(try outcome.json()["images"] as? [[String: Any]])
    for image in images {
      let radius = try #require(image["radius"] as? [String: Double])
      #expect(Set(radius.keys) == ["published", "lipschitz", "real", "sound"])
    }
  }
}
