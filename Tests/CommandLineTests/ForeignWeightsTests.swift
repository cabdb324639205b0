// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@Suite("Weights of other programs")
struct ForeignWeightsTests {
  private func fixture(_ name: String) -> String {
    Program.repository.appending(path: "fixtures/\(name)").path
  }

  @Test("a PyTorch checkpoint is evaluated and audited as it is, and says what was assumed")
  func judged() throws {
    try withTemporaryFolder { folder in
      let weights = fixture("checkpoints/wrapped.pt")
      let data = fixture("checkpoints/reference.h5")
      let outcome = try Program.run(
        ["evaluate", weights, "--json", "--limit", "20", "--data", data], in: folder)
      #expect(outcome.code == 0, "\(outcome)")
      #expect(try outcome.json()["images"] as? Int == 20)
      #expect(outcome.output.contains("its mean is not stored"), "\(outcome)")
      #expect(outcome.error.contains("the stored spectral norms of 4 layers differ"), "\(outcome)")
      let audit = try Program.run(
        [
          "audit", weights, "--json", "--limit", "5", "--mean", "0.5,0.5,0.5", "--std", "1,1,1",
          "--padding", "zero",
          "--out", "a.h5", "--data", data,
        ], in: folder)
      #expect([0, 2].contains(audit.code) && audit.error.isEmpty == false, "\(audit)")
      #expect(!audit.output.contains("not stored"), "\(audit)")
      let report = try Program.run("report a.h5 --out report", in: folder)
      #expect(report.code == audit.code, "\(report)")
    }
  }

  @Test(
    "weights that do not say what they were trained on are not judged on the built-in images",
    arguments: ["evaluate", "certify", "attack", "audit"])
  func withoutData(command: String) throws {
    try withTemporaryFolder { folder in
      expectRefusal(
        try Program.run([command, fixture("checkpoints/wrapped.pt")], in: folder), code: 64,
        "does not say what it was trained on", "--data")
    }
  }

  @Test("a PyTorch checkpoint is shown and converted, and the copies have its digest")
  func converted() throws {
    try withTemporaryFolder { folder in
      let weights = fixture("checkpoints/legacy.pt")
      let shown = try Program.run(["inspect", weights, "--json"], in: folder)
      #expect(shown.code == 0 && shown.error.isEmpty, "\(shown)")
      let json = try shown.json()
      #expect(json["format"] as? String == "pytorch-legacy")
      #expect((json["tensors"] as? [[String: Any]])?.count == 38)
      let digest = try #require(json["digest"] as? String)
      for (from, to) in [(weights, "a.safetensors"), ("a.safetensors", "a.h5")] {
        let outcome = try Program.run(["convert", from, to, "--quiet"], in: folder)
        #expect(outcome.code == 0 && outcome.error.isEmpty, "\(outcome)")
        #expect(outcome.output.contains(digest))
        let copy = try Program.run(["inspect", to, "--json"], in: folder).json()
        #expect(copy["digest"] as? String == digest)
        #expect(copy["architecture"] as? String == json["architecture"] as? String)
      }
      expectRefusal(
        try Program.run(["convert", "a.h5", "a.pt"], in: folder), code: 64, ".h5 or .safetensors")
      expectRefusal(
        try Program.run(["convert", "a.h5", "./a.h5"], in: folder), code: 73,
        "the weights are in it")
      expectRefusal(
        try Program.run(["evaluate", "a.h5", "--mean", "0,0,0"], in: folder), code: 65,
        "describes its network itself")
      expectRefusal(
        try Program.run(["evaluate", weights, "--mean", "0,x,0"], in: folder), code: 64, "--mean")
    }
  }

  @Test("a ConvNet of SOC layers is named, and what it does not store can be said")
  func convNet() throws {
    try withTemporaryFolder { folder in
      let weights = fixture("convnet/soc.pth")
      let shown = try Program.run(["inspect", weights, "--json"], in: folder)
      #expect(shown.code == 0 && shown.error.isEmpty, "\(shown)")
      for words in ["ConvNet of '1-Lipschitz Layers Compared', of SOC", "--terms sets it"] {
        #expect(shown.output.contains(words), "\(words): \(shown)")
      }
      #expect(
        (try shown.json()["architecture"] as? String)?
          .contains("SOC 3×3, 12 terms, filter as stored") == true)
      let told = try Program.run(["convert", weights, "a.h5", "--terms", "4"], in: folder)
      #expect(told.code == 0 && !told.output.contains("--terms"), "\(told)")
      let copy = try Program.run(["inspect", "a.h5", "--json"], in: folder).json()
      #expect((copy["architecture"] as? String)?.contains("4 terms, filter as stored") == true)
      expectRefusal(
        try Program.run(["inspect", "a.h5", "--terms", "4"], in: folder), code: 65,
        "describes its network itself")
      let padded = try Program.run(
        ["bounds", fixture("convnet/cpl.pth"), "--convolution-padding", "circular", "--json"],
        in: folder)
      #expect(padded.code == 0 && !padded.output.contains("--convolution-padding"), "\(padded)")
    }
  }

  @Test("no hostile file is more than one line and exit code 65")
  func hostile() throws {
    let folder = fixture("hostile")
    for name in try names(in: folder) where !["good.pt", "path.pt"].contains(name) {
      let outcome = try Program.run(["bounds", name], in: folder)
      expectRefusal(outcome, code: 65, name)
    }
  }

  @Test("what is no network is shown with the reason")
  func noNetwork() throws {
    let shown = try Program.run("inspect nan.pt --mean 0.5,0.5,0.5", in: fixture("hostile"))
    #expect(shown.code == 0 && shown.error.isEmpty, "\(shown)")
    #expect(shown.output.contains("network     none: nan.pt: layers_linear.1.weights"), "\(shown)")
  }

  private func inspect(_ path: String, in folder: String) throws -> [String: Any] {
    let shown = try Program.run(["inspect", path, "--json"], in: folder)
    #expect(shown.code == 0 && shown.error.isEmpty, "\(shown)")
    return try shown.json()
  }

  private func tensors(_ json: [String: Any]) -> [String: (dtype: String?, shape: [Int]?)] {
    let list = json["tensors"] as? [[String: Any]] ?? []
    return Dictionary(
      list.map {
        ($0["name"] as? String ?? "", ($0["dtype"] as? String, $0["shape"] as? [Int]))
      }, uniquingKeysWith: { first, _ in first })
  }

  @Test("files that hold no weights are said to be what they are, and listed")
  func otherFiles() throws {
    try SampleRun.withCopy { folder in
      #expect(
        [0, 2].contains(try Program.run("audit run/last.h5 --limit 5 --out a.h5", in: folder).code))
      let results = try inspect("a.h5", in: folder)
      #expect(results["format"] as? String == "cpl-report")
      #expect((results["holds"] as? String)?.hasPrefix("results of cpl-verify audit") == true)
      #expect(results["content_digest"] is String, "\(results.keys)")
      #expect(tensors(results)["/certificates/index"]?.shape == [5])
      let text = try Program.run("inspect a.h5", in: folder)
      #expect(text.output.contains("holds       results of cpl-verify audit"), "\(text)")

      let history = try inspect("run/history.h5", in: folder)
      #expect((history["holds"] as? String)?.contains("history") == true)
      #expect(tensors(history)["/history/loss"]?.dtype == "float64")

      for (name, format, dtype) in [
        ("fuzz/hdf5/data.h5", "hdf5", "uint8"), ("fuzz/npy/stored.npz", "npz", "uint8"),
        ("fuzz/npy/deflated.npz", "npz", "uint8"), ("checkpoints/reference.h5", "hdf5", "uint8"),
      ] {
        let data = try inspect(fixture(name), in: folder)
        #expect(data["format"] as? String == format)
        #expect((data["holds"] as? String)?.contains("a data set for --data") == true, "\(data)")
        let slash = format == "hdf5" ? "/" : ""
        #expect(tensors(data)[slash + "images"]?.dtype == dtype, "\(data)")
        #expect(tensors(data)[slash + "images"]?.shape?.count == 4)
      }
      let array = try inspect(fixture("fuzz/npy/float32.npy"), in: folder)
      #expect(array["format"] as? String == "npy")
      #expect(tensors(array)["array"]?.dtype == "float32")
      expectRefusal(
        try Program.run(["inspect", fixture("fuzz/hdf5/data.h5"), "--mean", "0,0,0"], in: folder),
        code: 65, "data.h5, which holds no network")
    }
  }

  @Test("what is not read of an HDF5 file is listed with the reason")
  func unreadHDF5() throws {
    let folder = fixture("hostile")
    for (name, path, problem) in [
      ("cycle.h5", "/images/images", "found a second one"),
      ("external-link.h5", "/images", "expected a link inside the file"),
    ] {
      let outcome = try Program.run(["inspect", name], in: folder)
      #expect(outcome.code == 0 && outcome.error.isEmpty, "\(outcome)")
      let line = outcome.output.split(separator: "\n").first { $0.hasPrefix("  \(path) ") }
      #expect(line?.contains("not read: ") == true && line?.contains(problem) == true, "\(outcome)")
    }
    let foreign = try inspect("foreign.h5", in: fixture("formats"))
    #expect((foreign["holds"] as? String)?.hasPrefix("an HDF5 file of another program") == true)
    #expect(tensors(foreign)["/packed"]?.dtype == "float32")
    #expect(tensors(foreign)["/packed"]?.shape == [100, 3])
    #expect(tensors(foreign)["/group/half"]?.dtype == "float16")
    let problems = (foreign["tensors"] as? [[String: Any]] ?? []).compactMap {
      $0["problem"] as? String
    }
    #expect(problems.contains { $0.contains("text of variable length") }, "\(problems)")
  }
}
