// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@Suite("Tables over many networks, and configurations that are printed")
struct LeaderboardTests {
  @Test("files and folders of results become one table in every form")
  func leaderboard() throws {
    try SampleRun.withCopy { folder in
      try FileManager.default.createDirectory(
        atPath: folder + "/more/deep", withIntermediateDirectories: true)
      for (flags, name) in [
        ("--limit 30", "a.h5"), ("--limit 30 --profile published", "more/deep/b.h5"),
        ("--limit 20", "c.h5"),
      ] {
        let outcome = try Program.run(
          "evaluate run/last.h5 \(flags) --out \(name) --quiet", in: folder)
        #expect(outcome.code == 0, "\(outcome)")
      }
      try FileManager.default.copyItem(
        atPath: folder + "/run/last.h5", toPath: folder + "/more/weights.h5")
      let text = try Program.run("leaderboard a.h5 more --out board", in: folder)
      #expect(text.code == 0, "\(text)")
      #expect(text.output.contains("2 networks on the same 30 images"))
      #expect(text.error == "more/weights.h5 holds no results, and is left out\n")
      #expect(
        try names(in: folder + "/board") == [
          "figures", "leaderboard.csv", "leaderboard.html", "leaderboard.json", "leaderboard.md",
          "leaderboard.sha256", "leaderboard.tex",
        ])
      #expect(
        try names(in: folder + "/board/figures").filter {
          !$0.hasSuffix(".png") && !$0.hasSuffix(".pdf")
        }
          == ["leaderboard.csv", "leaderboard.svg"])
      #expect(try Program.run("leaderboard a.h5 more --out board --quiet", in: folder).code == 0)
      expectRefusal(
        try Program.run("leaderboard a.h5 --out board", in: folder), code: 73,
        "board/leaderboard.html")
      let json = try Program.run("leaderboard a.h5 more --json --quiet", in: folder).json()
      #expect((json["results"] as? [Any])?.count == 2)
      expectRefusal(
        try Program.run("leaderboard a.h5 c.h5", in: folder), code: 65,
        "results on the same images", "a.h5 on 30 images", "c.h5 on 20 images")
      expectRefusal(try Program.run("leaderboard nowhere.h5", in: folder), code: 66, "nowhere.h5")
      expectRefusal(
        try Program.run("leaderboard run", in: folder), code: 65, "run: expected files of results")
      expectRefusal(try Program.run("leaderboard", in: folder), code: 64, "<results>")
    }
  }

  @Test("a built-in experiment is printed by its name with every key, and trained by it")
  func printedConfiguration() throws {
    try withTemporaryFolder { folder in
      let printed = try Program.run("train --print-config cpl-small --epochs 3", in: folder)
      #expect(printed.code == 0 && printed.error.isEmpty, "\(printed)")
      #expect(printed.output.contains("epochs: 3 "))
      try write(printed.output, to: folder + "/mine.yml")
      let again = try Program.run("train --print-config mine.yml", in: folder)
      #expect(again.output == printed.output)
      expectRefusal(
        try Program.run("train --print-config cpl-smal", in: folder), code: 66, "cpl-smal")
      expectRefusal(
        try Program.run("train --print-config cpl-small --out new", in: folder), code: 64,
        "--print-config takes no --out")
      expectRefusal(try Program.run("train --print-config", in: folder), code: 64, "configuration")
      #expect(try names(in: folder) == ["mine.yml"])
    }
  }

  @Test(
    "figures are files that a list with their digests covers, and no name leads out of the folder")
  func figureFiles() throws {
    try SampleRun.withCopy { folder in
      #expect(
        try Program.run("evaluate run/last.h5 --limit 10 --out e.h5 --quiet", in: folder).code == 0)
      #expect(try Program.run("report e.h5 --out pages", in: folder).code == 0)
      let list = try String(contentsOfFile: folder + "/pages/pages.sha256", encoding: .utf8)
      #expect(list.contains("  figures/certified-accuracy.svg\n"))
      let check = try Program.shell(
        "cd pages && sha256sum -c --quiet pages.sha256", in: folder)
      #expect(check.code == 0, "\(check)")
      try write("mine", to: folder + "/keep.txt")
      for name in ["../keep.txt", "figures/../../keep.txt", "/keep.txt", "a/b/c", "figures/.x"] {
        try write(
          list + "\(String(repeating: "0", count: 64))  \(name)\n",
          to: folder + "/pages/pages.sha256")
        let outcome = try Program.run("report e.h5 --out pages", in: folder)
        expectRefusal(outcome, code: 65, "expected a list of pages and their digests")
      }
      #expect(exists(folder + "/keep.txt"))
    }
  }
}
