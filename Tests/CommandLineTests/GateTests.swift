// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@Suite("Gates")
struct GateTests {
  @Test("a requirement that is not met fails, with what was found instead")
  func requirements() throws {
    let folder = SampleRun.folder
    let line = "evaluate run/last.h5 --limit 20 --quiet --json --pgd 0.1"
    let met = try Program.run(
      line + " --require images>=20 --require accuracy<=1 --require pgd_accuracy[0.1]>=0 "
        + "--require certified_accuracy.sound[36/255]<=1 --require lipschitz_upper_bound<1.1",
      in: folder)
    #expect(met.code == 0 && met.error.isEmpty, "\(met)")
    let failed = try Program.run(
      line + " --require images>20 --require certified_accuracy.sound[0.2]>=1.01 "
        + "--require images>=20", in: folder)
    #expect(failed.code == 1, "\(failed)")
    #expect(try failed.json()["images"] as? Int == 20, "results are shown all the same")
    let lines = failed.error.split(separator: "\n")
    #expect(lines.count == 2)
    #expect(lines.first == "cpl-verify: not met: images>20, found 20.0")
    #expect(
      lines.last?.hasPrefix(
        "cpl-verify: not met: certified_accuracy.sound[0.2]>=1.01, found 0.") == true)
  }

  @Test("what is required is in the JSON with what was found, and printed where it is met")
  func outcomes() throws {
    let line =
      "evaluate run/last.h5 --limit 20 --quiet --require images>=20 --require accuracy>=1.5 "
      + "--epsilon 0.5 --epsilon 2/255 --require certified_accuracy.sound[0.5]<=1"
    let json = try Program.run(line + " --json", in: SampleRun.folder)
    #expect(json.code == 1)
    let requirements = try #require(try json.json()["requirements"] as? [[String: Any]])
    #expect(
      requirements.map { $0["requirement"] as? String } == [
        "images>=20", "accuracy>=1.5", "certified_accuracy.sound[0.5]<=1",
      ])
    #expect(requirements.map { $0["met"] as? Bool } == [true, false, true])
    #expect(requirements.allSatisfy { $0["found"] is Double })
    let text = try Program.run(line, in: SampleRun.folder)
    #expect(text.output.contains("met: images>=20, found 20.0\n"), "\(text)")
    #expect(text.output.contains("met: certified_accuracy.sound[0.5]<=1, found 0"), "\(text)")
    #expect(text.error.hasPrefix("cpl-verify: not met: accuracy>=1.5, found 0."), "\(text)")
    let none = try Program.run(
      "evaluate run/last.h5 --limit 2 --quiet --json", in: SampleRun.folder)
    #expect((try none.json()["requirements"] as? [Any])?.isEmpty == true)
  }

  @Test("certified accuracy is shown at other radii too, under their names as written")
  func radii() throws {
    let line = "evaluate run/last.h5 --limit 20 --quiet --epsilon 0.5 --epsilon 2/255"
    let certified = try #require(
      try Program.run(line + " --json", in: SampleRun.folder).json()["certified_accuracy"]
        as? [String: [String: Double]])
    for kind in ["published", "lipschitz", "sound"] {
      let shares = try #require(certified[kind])
      #expect(
        Set(shares.keys) == ["0.5", "2/255", "36/255", "72/255", "108/255", "255/255"], "\(shares)")
      #expect(try #require(shares["2/255"]) >= #require(shares["36/255"]))
    }
    let text = try Program.run(line, in: SampleRun.folder).output
    let radii = text.split(separator: "\n").compactMap {
      $0.firstMatch(of: #/certified at (\S+)/#)?.1
    }
    #expect(radii == ["2/255", "36/255", "72/255", "108/255", "0.5", "255/255"], "\(text)")
    expectRefusal(
      try Program.run("evaluate run/last.h5 --epsilon -1", in: SampleRun.folder), code: 64, "'-1'")
  }

  @Test(
    "a requirement of what is not measured is misuse",
    arguments: [
      ("certified_accuracy>=1", "found 'certified_accuracy'"),
      ("certified_accuracy.sound>=1", "found 'certified_accuracy.sound'"),
      ("certified_accuracy.hope[0.1]>=1", "found 'certified_accuracy.hope[0.1]'"),
      ("certified_accuracy.sound[-1]>=1", "found '[-1]'"),
      ("certified_accuracy.sound[0.1>=1", "found '[0.1'"),
      ("accuracy[0.1]>=1", "found 'accuracy[0.1]'"), ("accuracy", "found 'accuracy'"),
      ("accuracy=1", "found 'accuracy=1'"), ("accuracy>=nan", "found 'nan'"),
      ("accuracy>=", "found ''"), ("pgd_accuracy[0.1]>=1", "needs --pgd 0.1"),
    ])
  func misuse(requirement: String, message: String) throws {
    expectRefusal(
      try Program.run("evaluate run/last.h5 --require \(requirement)", in: SampleRun.folder),
      code: 64, message)
  }

  @Test("the chain of digests holds, and a link that is broken is named")
  func chain() throws {
    try SampleRun.withCopy { folder in
      #expect(
        try Program.run("audit run/last.h5 --limit 10 --out audit.h5 --quiet", in: folder).code
          == 0)
      #expect(try Program.run("report audit.h5 --out pages", in: folder).code == 0)
      func check(_ line: String = "audit.h5") throws -> (code: Int32, states: [String: String]) {
        let outcome = try Program.run("report \(line) --check --out pages --json", in: folder)
        let links = try #require(
          try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [[String: String]]
        )
        return (
          outcome.code,
          Dictionary(uniqueKeysWithValues: links.map { ($0["link"] ?? "", $0["state"] ?? "") })
        )
      }
      let (code, states) = try check()
      #expect(code == 0 && states.count == 5 && states.values.allSatisfy { $0 == "holds" })

      // Other weights of the same run, then none.
      let weights = folder + "/run/last.h5"
      let manager = FileManager.default
      try manager.moveItem(atPath: weights, toPath: folder + "/kept.h5")
      try manager.copyItem(atPath: folder + "/run/previous.h5", toPath: weights)
      var found = try check()
      #expect(found.code == 1 && found.states["weights → results"] == "broken")
      #expect(found.states.values.count { $0 == "holds" } == 4)
      try manager.removeItem(atPath: weights)
      found = try check()
      #expect(found.code == 2 && found.states["weights → results"] == "unchecked")
      #expect(try check("audit.h5 --weights kept.h5").code == 0)
      try manager.moveItem(atPath: folder + "/kept.h5", toPath: weights)

      // Another data set than the built-in one.
      try DataFiles.write(DataFiles.records(300), to: folder + "/data")
      found = try check("audit.h5 --data data")
      #expect(found.code == 1)
      #expect(found.states["test images → results"] == "broken")
      #expect(found.states["images → configuration"] == "holds", "it trained on built-in images")

      // A run with another configuration beside other results.
      #expect(
        try Program.run("train tiny.yml --limit 200 --seed 1 --out other", in: folder).code == 0)
      found = try check("audit.h5 --weights other/last.h5")
      #expect(found.states["configuration → weights"] == "broken")

      // Pages of other results.
      #expect(
        try Program.run("audit run/last.h5 --limit 9 --out nine.h5 --quiet", in: folder).code == 0)
      found = try check("nine.h5")
      #expect(found.code == 1 && found.states["results → pages"] == "broken")
      #expect(found.states.values.count { $0 == "holds" } == 4)
    }
  }

  @Test("results do not tell where the folder with the images lies, and the chain holds from it")
  func folderOfImages() throws {
    try SampleRun.withCopy { folder in
      try DataFiles.write(DataFiles.records(300), to: folder + "/images/data")
      let train = "train tiny.yml --data images/data --limit 200 --epochs 1 --out own --quiet"
      #expect(try Program.run(train, in: folder).code == 0)
      let evaluate = "evaluate own/last.h5 --data images/data --limit 20 --out e.h5 --quiet"
      #expect(try Program.run(evaluate, in: folder).code == 0)
      let report = try Program.run("report e.h5 --out pages --json", in: folder).json()
      let provenance = try #require(report["provenance"] as? [String: Any])
      let configuration = try #require(provenance["configuration"] as? String)
      #expect(configuration.contains("\n  data: data\n"), "\(configuration)")
      let check = try Program.run("report e.h5 --check --out pages --json", in: folder)
      #expect(check.code == 0, "\(check)")

      // The same files elsewhere: what is not found is named, and found where it is said to be.
      let manager = FileManager.default
      try manager.moveItem(atPath: folder + "/images", toPath: folder + "/moved")
      #expect(try Program.run("report e.h5 --check --out pages", in: folder).code == 2)
      #expect(
        try Program.run("report e.h5 --check --out pages --data moved/data", in: folder).code == 0)
    }
  }

  @Test("kernels of OpenBLAS are chosen before it is loaded, and only those the processor can run")
  func blasCore() throws {
    try SampleRun.withCopy { folder in
      let line = "bounds run/last.h5 --out bounds.h5 --force --quiet --json"
      let usual = try Program.run(line, in: folder)
      let features = try String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)
      for (core, feature) in [("Nehalem", "sse4_2"), ("haswell", "avx2"), ("SkylakeX", "avx512bw")]
      {
        let pinned = try Program.run("\(line) --blas-core \(core)", in: folder)
        guard features.contains(" \(feature) ") else {
          expectRefusal(pinned, code: 64, "which this one lacks")
          continue
        }
        #expect(pinned.code == 0 && pinned.error.isEmpty, "\(pinned)")
        let report = try Program.run("report bounds.h5 --out pages --force --json", in: folder)
          .json()
        let provenance = try #require(report["provenance"] as? [String: Any])
        let versions = try #require(provenance["versions"] as? [String: Any])
        #expect((versions["openblas_core"] as? String)?.lowercased() == core.lowercased())
        #expect(try pinned.json().keys == usual.json().keys)
      }
      expectRefusal(
        try Program.run("bounds run/last.h5 --blas-core z80", in: folder), code: 64, "'z80'")
    }
  }

  @Test("with the same kernels of OpenBLAS, processors of every kind give the same bytes")
  func processors() throws {
    let digests = try ["avx512", "avx2", "portable"].map { level in
      try SampleRun.withCopy { folder in
        let lines = [
          "train tiny.yml --limit 200 --out again", "audit again/last.h5 --limit 6 --out audit.h5",
        ]
        for line in lines {
          let outcome = try Program.shell(
            "CPL_KERNEL_LEVEL=\(level) \"$0\" \(line) --blas-core Nehalem --quiet", in: folder)
          #expect(outcome.code == 0 && outcome.error.isEmpty, "\(outcome)")
        }
        let report = try Program.run("report audit.h5 --out pages --json", in: folder).json()
        let provenance = try #require(report["provenance"] as? [String: Any])
        let used = (provenance["machine"] as? [String: Any])?["kernel_level"] as? String
        #expect(level == "avx512" || used != "avx512", "the limit is kept")
        #expect(level != "portable" || used == "portable", "the limit is kept")
        return [provenance["weights_digest"] as? String, report["content_digest"] as? String]
      }
    }
    #expect(!digests[0].contains(nil) && digests.allSatisfy { $0 == digests[0] }, "\(digests)")
    expectRefusal(
      try Program.shell("CPL_KERNEL_LEVEL=sse \"$0\" bounds run/last.h5", in: SampleRun.folder),
      code: 64, "portable, avx2, avx512, not 'sse'")
  }
}
