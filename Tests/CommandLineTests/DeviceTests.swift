// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify
import Foundation
import TestSupport
import Testing

@Suite("Devices")
struct DeviceTests {
  @Test(
    "are listed with what they can do, and end with 0",
    .enabled(if: AnyDevice.exists, "\(AnyDevice.absence)"))
  func list() throws {
    let text = try Program.run("devices", in: "/")
    #expect(text.code == 0 && text.error.isEmpty, "\(text)")
    #expect(text.output.contains("passes    the CPU's bits in every comparison"), "\(text)")
    let json = try Program.run("devices --json", in: "/").json()
    let devices = try #require(json["devices"] as? [[String: Any]])
    #expect(devices.map { $0["device"] as? String } == DeviceDescription.all.map(\.selector))
    #expect(devices.contains { $0["passes"] as? Bool == true })
    #expect(devices.allSatisfy { $0["lacks"] is [String] && $0["driver"] is String })
  }

  @Test("may be none, which is said and is no error")
  func none() throws {
    let text = try Program.shell("OCL_ICD_VENDORS=/nowhere $0 devices", in: "/")
    #expect(text.code == 0 && text.error.isEmpty, "\(text)")
    #expect(text.output.contains("OpenCL") && text.output.contains("on the CPU"), "\(text)")
    let json = try Program.shell("OCL_ICD_VENDORS=/nowhere $0 devices --json", in: "/").json()
    #expect((json["devices"] as? [Any])?.isEmpty == true && json["problem"] is String)
    let named = try Program.shell(
      "OCL_ICD_VENDORS=/nowhere $0 evaluate run/last.h5 --limit 2 --quiet --device opencl",
      in: SampleRun.folder)
    #expect(named.code == 64, "\(named)")
    #expect(named.error.contains("device opencl cannot be used"), "\(named)")
  }

  @Test("and OpenCL itself may be missing: the program starts, says so, and computes what it did")
  func noLoader() throws {
    try withTemporaryFolder { folder in
      // A loader that cannot be opened is found before the system's, where there is one.
      try write("", to: "\(folder)/libOpenCL.so.1")
      func run(_ arguments: String) throws -> Outcome {
        try Program.shell("LD_LIBRARY_PATH='\(folder)' $0 \(arguments)", in: SampleRun.folder)
      }
      let list = try run("devices")
      #expect(list.code == 0 && list.error.isEmpty, "\(list)")
      #expect(list.output.contains("no OpenCL here (libOpenCL.so.1)"), "\(list)")
      let arguments = "evaluate run/last.h5 --limit 5 --quiet --json"
      let (without, with) = (
        try run(arguments), try Program.run("\(arguments) --device cpu", in: SampleRun.folder)
      )
      #expect(without.code == 0 && without.error.isEmpty, "\(without)")
      #expect(try without.json() as NSDictionary == with.json() as NSDictionary)
      let named = try run("evaluate run/last.h5 --limit 5 --device opencl")
      #expect(named.code == 64 && named.error.contains("this system has no OpenCL"), "\(named)")
    }
  }

  @Test("are found at run time: the program is linked with no OpenCL")
  func libraries() throws {
    let linked = try Program.shell("ldd $0", in: "/")
    #expect(linked.code == 0 && !linked.output.contains("OpenCL"), "\(linked)")
  }

  @Test("that are named wrongly are refused")
  func names() throws {
    for (name, message) in [
      ("cuda", "'cuda'"), ("opencl:", "'opencl:'"), ("opencl:-1", "opencl:-1"),
    ] {
      let outcome = try Program.run("evaluate run/last.h5 --device \(name)", in: SampleRun.folder)
      #expect(outcome.code == 64 && outcome.error.contains(message), "\(outcome)")
    }
    let far = try Program.run(
      "evaluate run/last.h5 --limit 2 --device opencl:999", in: SampleRun.folder)
    #expect(far.code == 64 && far.error.contains("opencl:999"), "\(far)")
  }

  @Test(
    "evaluate a network with the CPU's results, and stand in the provenance",
    .enabled(if: AnyDevice.exists, "\(AnyDevice.absence)"))
  func evaluation() throws {
    try withTemporaryFolder { folder in
      func evaluate(_ device: String) throws -> [String: Any] {
        let outcome = try Program.run(
          "evaluate \(SampleRun.weights) --limit 70 --quiet --json --pgd 0.1 --device \(device) "
            + "--out \(device).h5", in: folder)
        #expect(outcome.code == 0, "\(outcome)")
        return try outcome.json()
      }
      let (cpu, device) = (try evaluate("cpu"), try evaluate("opencl"))
      #expect(cpu as NSDictionary == device as NSDictionary)
      #expect(
        try VerificationReport.contentDigest(of: "\(folder)/cpu.h5")
          == VerificationReport.contentDigest(of: "\(folder)/opencl.h5"))
      func machine(_ results: String) throws -> Provenance.Machine {
        try VerificationReport(path: "\(folder)/\(results).h5").provenance.machine
      }
      #expect(try machine("cpu").device == nil)
      let description = try #require(AnyDevice.description)
      let named = try machine("opencl")
      #expect(named.device == description.name && named.deviceDriver == description.driver)
      #expect(named.devicePlatform == description.platform)
    }
  }

  @Test(
    "train a network, for fifty steps, with the CPU's weights",
    .enabled(if: AnyDevice.exists, "\(AnyDevice.absence)"))
  func training() throws {
    try withTemporaryFolder { folder in
      func train(_ device: String) throws -> [String: Any] {
        let outcome = try Program.run(
          "train cpl-tiny --limit 1000 --epochs 2 --quiet --json --device \(device) --out \(device)",
          in: folder)
        #expect(outcome.code == 0, "\(outcome)")
        return try outcome.json().filter { $0.key != "weights" }
      }
      let (cpu, device) = (try train("cpu"), try train("opencl"))
      #expect(cpu as NSDictionary == device as NSDictionary)
      let other = try Program.run(
        "train cpl-tiny --limit 100 --epochs 1 --quiet --device opencl:999 --out far", in: folder)
      #expect(other.code == 64 && other.error.contains("opencl:999"), "\(other)")
    }
  }

  @Test(
    "attack and audit with the CPU's results",
    .enabled(if: AnyDevice.exists, "\(AnyDevice.absence)"),
    arguments: [
      // More images than the CPU attacks at once.
      "attack --attack pgd --limit 40", "attack --attack deepfool --limit 3", "audit --limit 3",
      "certify --limit 3",
    ])
  func attacks(_ command: String) throws {
    try withTemporaryFolder { folder in
      func digest(_ device: String) throws -> String {
        let words = command.split(separator: " ")
        let outcome = try Program.run(
          "\(words[0]) \(SampleRun.weights) \(words.dropFirst().joined(separator: " ")) "
            + "--quiet --device \(device) --out \(device).h5", in: folder)
        #expect(outcome.code < 64, "\(outcome)")
        return try VerificationReport.contentDigest(of: "\(folder)/\(device).h5")
      }
      let (cpu, device) = (try digest("cpu"), try digest("opencl"))
      #expect(cpu == device)
    }
  }

  /// What a driver may do, by a loader that alters what the system's says.
  @Suite(
    "that behave otherwise",
    .enabled(if: AlteredOpenCL.folder != nil, "\(AlteredOpenCL.absence)"))
  struct Altered {
    private func evaluate(_ alterations: String, _ flags: String) throws -> Outcome {
      try Program.shell(
        "\(AlteredOpenCL.environment(alterations)) $0 evaluate run/last.h5 --limit 71 --json \(flags)",
        in: SampleRun.folder)
    }

    @Test("a graphics processor that passes is used unless another is named, with the same results")
    func automatic() throws {
      let cpu = try evaluate("gpu", "--device cpu")
      let automatic = try evaluate("gpu,small", "")
      #expect(try cpu.json() as NSDictionary == automatic.json() as NSDictionary)
      #expect(automatic.error.contains("images at once from now on"), "\(automatic)")
      #expect(!cpu.error.contains("images at once"))
      #expect(try evaluate("small", "").error.contains("images at once") == false)
    }

    @Test("one that is lost ends the command with 74 and says so")
    func lost() throws {
      for flags in ["--device opencl", ""] {
        let outcome = try evaluate("gpu,lost", flags)
        #expect(outcome.code == 74 && outcome.output.isEmpty, "\(outcome)")
        #expect(outcome.error.contains("was lost in the middle of its work"), "\(outcome)")
      }
    }

    @Test(
      "one that promises too little is refused where it is named, and passed over where it is not")
    func lacking() throws {
      let named = try evaluate("gpu,no-fma", "--device opencl")
      #expect(named.code == 64, "\(named)")
      #expect(named.error.contains("it lacks CL_FP_FMA in binary32"), "\(named)")
      let automatic = try evaluate("gpu,no-fma", "")
      #expect(automatic.code == 0, "\(automatic)")
      #expect(automatic.error.contains("it lacks CL_FP_FMA in binary32"), "\(automatic)")
      let list = try Program.shell(
        "\(AlteredOpenCL.environment("no-fma")) $0 devices", in: SampleRun.folder)
      #expect(list.code == 0 && list.output.contains("refused"), "\(list)")
    }
  }
}
