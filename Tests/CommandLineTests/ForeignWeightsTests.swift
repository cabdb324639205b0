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
      let outcome = try Program.run(
        ["evaluate", weights, "--json", "--limit", "20", "--profile", "published"], in: folder)
      #expect(outcome.code == 0, "\(outcome)")
      #expect(try outcome.json()["images"] as? Int == 20)
      #expect(outcome.error.contains("its mean is not stored"), "\(outcome)")
      #expect(outcome.error.contains("the stored spectral norms of 4 layers differ"), "\(outcome)")
      let audit = try Program.run(
        [
          "audit", weights, "--json", "--limit", "5", "--mean", "0.5,0.5,0.5", "--std", "1,1,1",
          "--out", "a.h5",
        ], in: folder)
      #expect([0, 2].contains(audit.code) && audit.error.isEmpty == false, "\(audit)")
      #expect(!audit.error.contains("not stored"), "\(audit)")
      let report = try Program.run("report a.h5 --out report", in: folder)
      #expect(report.code == 0, "\(report)")
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
    let shown = try Program.run("inspect nan.pt", in: fixture("hostile"))
    #expect(shown.code == 0 && shown.error.isEmpty, "\(shown)")
    #expect(shown.output.contains("network     none: nan.pt: layers_linear.1.weights"), "\(shown)")
  }
}
