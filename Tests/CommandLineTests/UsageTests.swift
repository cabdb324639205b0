// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@Suite("Usage")
struct UsageTests {
  static let commands = [
    "train", "evaluate", "bounds", "certify", "attack", "audit", "report", "inspect",
    "synthesize",
  ]

  @Test("every command explains itself on standard output", arguments: [""] + commands)
  func help(command: String) throws {
    let outcome = try Program.run("\(command) --help", in: "/")
    #expect(outcome.code == 0 && outcome.error.isEmpty, "\(outcome)")
    #expect(outcome.output.contains("USAGE: cpl-verify \(command)"))
  }

  @Test("every command has --json and --quiet", arguments: commands)
  func sharedFlags(command: String) throws {
    let outcome = try Program.run("\(command) --help", in: "/")
    #expect(outcome.output.contains("--json") && outcome.output.contains("--quiet"))
  }

  @Test("the version says which commit was built")
  func version() throws {
    let outcome = try Program.run("--version", in: "/")
    #expect(outcome.code == 0 && outcome.error.isEmpty)
    #expect(
      outcome.output.wholeMatch(
        of: /cpl-verify \d+\.\d+\.\d+ \(([0-9a-f]{40}(-dirty)?|unknown)\)\n/) != nil,
      "\(outcome)")
  }

  @Test(
    "a wrong call is told so, and leaves nothing behind",
    arguments: [
      ("frobnicate", "frobnicate"),
      ("--frobnicate", "--frobnicate"),
      ("evaluate", "<weights>"),
      ("train", "configuration"),
      ("train tiny.yml", "--out"),
      ("train tiny.yml --out new --frobnicate", "--frobnicate"),
      ("train tiny.yml --out new --epochs 0", "--epochs is 1 to 100000, not 0"),
      ("train tiny.yml --out new --epochs -3", "--epochs is 1 to 100000, not -3"),
      ("train tiny.yml --out new --epochs many", "--epochs"),
      ("train tiny.yml --out new --seed -1", "'-1'"),
      ("train tiny.yml --out new --threads 0", "--threads is 1 to 1024, not 0"),
      ("train tiny.yml --out new --threads -1", "--threads is 1 to 1024, not -1"),
      ("train tiny.yml --out new --limit 0", "--limit is at least 1, not 0"),
      ("train tiny.yml --out new --limit -1", "--limit is at least 1, not -1"),
      ("train tiny.yml --out new --profile other", "'other'"),
      ("train tiny.yml --out new --save-every -1", "--save-every"),
      ("train tiny.yml --out new --save-every nan", "--save-every"),
      ("train tiny.yml --resume run", "--resume"),
      ("train --resume run --out new", "--resume"),
      ("train --resume run --seed 1", "keeps its seed"),
      ("train --resume run --profile corrected", "keeps its seed and profile"),
      ("evaluate run/last.h5 --dataset cifar10", "--dataset cifar10 needs --data"),
      ("evaluate run/last.h5 --dataset imagenet", "'imagenet'"),
      ("evaluate run/last.h5 --pgd 0", "'0'"),
      ("evaluate run/last.h5 --pgd -1", "'-1'"),
      ("evaluate run/last.h5 --pgd nan", "'nan'"),
      ("evaluate run/last.h5 --pgd 36/0", "'36/0'"),
      ("attack run/last.h5 --attack magic", "'magic'"),
      ("attack run/last.h5 --epsilon wide", "'wide'"),
      (
        "audit run/last.h5 --certificate hope",
        "'published', 'lipschitz', 'real', 'sound' or 'local'"
      ),
      ("audit run/last.h5 --radius", "need --certificate local"),
      ("certify run/last.h5 --targets 36/255", "need --certificate local"),
      ("certify run/last.h5 --certificate local --targets 36/255,x", "'36/255,x'"),
      (
        "certify run/last.h5 --certificate local --targets 1 --radius",
        "either --radius or --targets"
      ),
      ("certify run/last.h5 --certificate local --budget 0", "--budget is a positive number"),
      ("certify run/last.h5 --shard 1/2", "need --certificate local"),
      ("evaluate run/last.h5 --certificate local --resume", "--resume needs --out"),
      (
        "evaluate run/last.h5 --certificate local --shard 1/2 --pgd 36/255",
        "--shard is for certificates alone"
      ),
      (
        "evaluate run/last.h5 --require certified_accuracy.local[1]>0", "needs --certificate local"
      ),
      ("audit run/last.h5 --resume", "--resume needs --out"),
      ("audit run/last.h5 --shard 4/3", "'4/3'"),
      ("audit run/last.h5 --budget 0", "--budget is a positive number of seconds"),
      ("audit run/last.h5 --budget nan", "--budget is a positive number of seconds"),
      ("audit run/last.h5 --budget-passes 0", "--budget-passes is at least 1, not 0"),
      ("audit run/last.h5 --budget 1 --budget-passes 1", "either --budget or --budget-passes"),
      ("audit run/last.h5 --attack magic", "'magic'"),
      ("audit run/last.h5 --attack pgd-published --attack pgd-published", "each at most once"),
      ("audit run/last.h5 --replay x.h5 --shard 1/2", "--replay audits nothing"),
      ("report a.h5 b.h5 --check", "one file of results, not 2"),
      ("report a.h5", "--out"), ("report", "<stored>"),
      ("report a.h5 --out pages --data x", "--data and --weights are for --check"),
      ("train tiny.yml --out new --save-steps 0", "--save-steps is at least 1, not 0"),
      ("certify run/last.h5 --indices 1 --limit 1", "either --limit or --indices"),
      ("certify run/last.h5 --indices 5,5", "'5,5'"),
      ("certify run/last.h5 --indices 1-3,2", "'1-3,2'"),
      ("certify run/last.h5 --indices 9-7", "'9-7'"),
      ("certify run/last.h5 --indices ,", "','"),
      ("certify run/last.h5 --indices -1", "'-1'"),
      ("certify run/last.h5 --indices 1x", "'1x'"),
      ("certify run/last.h5 --indices 99999999999999999999", "'99999999999999999999'"),
    ])
  func misuse(line: String, message: String) throws {
    let folder = SampleRun.folder
    expectRefusal(try Program.run(line, in: folder), code: 64, message)
    #expect(try names(in: folder) == ["run", "tiny.yml"])
  }

  @Test(
    "an empty name is no name",
    arguments: [
      ["train", "tiny.yml", "--out", ""], ["train", "--resume", ""],
      ["evaluate", "run/last.h5", "--data", ""], ["synthesize", ""],
      ["evaluate", "run/last.h5", "--out", ""], ["report", "results.h5", "--out", ""],
    ])
  func emptyName(arguments: [String]) throws {
    expectRefusal(try Program.run(arguments, in: SampleRun.folder), code: 64, "empty")
  }
}
