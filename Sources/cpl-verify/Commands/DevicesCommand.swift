// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import CPLReference

struct DevicesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "devices",
    abstract: "Lists the OpenCL devices that can evaluate a network, and why others cannot.",
    discussion: """
      A device is used only if it computes with the CPU's bits: it has to promise IEEE 754's arithmetic, and \
      single operations, layers of every kind, and the steps of training and attacks have to come out as on the CPU. Both are \
      tried here.
      """)

  @OptionGroup var output: OutputOptions

  func run() throws {
    let list = DeviceList()
    guard !output.json else { return try Output.json(list) }
    if let problem = list.problem { return try Output.line(problem) }
    for device in list.devices {
      try Output.line("\(device.device.padding(12))\(device.name)")
      for (label, text) in device.facts {
        try Output.line("".padding(12) + label.padding(10) + text)
      }
    }
  }
}

/// What there is beside the CPU, as it is shown.
private struct DeviceList: Encodable {
  /// One device.
  struct Entry: Encodable {
    /// What --device takes.
    let device: String
    let name: String
    let vendor: String
    let kind: DeviceDescription.Kind
    let platform: String
    let driver: String
    let version: String
    let memoryBytes: Int
    let computeUnits: Int
    /// What it has of what it must have, and what it lacks.
    let capabilities: [String]
    let lacks: [String]
    /// Whether it computes with the CPU's bits.
    let passes: Bool
    /// Why it is not used.
    let refusal: String?

    init(_ description: DeviceDescription) {
      device = description.selector
      name = description.name
      vendor = description.vendor
      kind = description.kind
      platform = description.platform
      driver = description.driver
      version = description.version
      memoryBytes = description.memoryBytes
      computeUnits = description.computeUnits
      capabilities = description.capabilities.filter(\.isPresent).map(\.name)
      lacks = description.lacks
      do {
        _ = try description.opened()
        refusal = nil
      } catch {
        if case .unavailable(_, let reasons) = error {
          refusal = reasons.joined(separator: "; ")
        } else {
          refusal = "\(error)"
        }
      }
      passes = refusal == nil
    }

    var facts: [(label: String, text: String)] {
      [
        ("platform", platform), ("driver", "\(driver), \(version)"),
        (
          "has",
          "\(kind.rawValue), \(computeUnits) compute units, \(memoryBytes >> 20) MiB"
        ),
        (
          passes ? "passes" : "refused",
          refusal
            ?? "the CPU's bits in every comparison"
            + (kind == .graphics ? "" : "; used only where it is named")
        ),
      ]
    }
  }

  let devices: [Entry]
  /// Why there are none.
  let problem: String?

  init() {
    devices = DeviceDescription.all.map(Entry.init)
    problem =
      if !devices.isEmpty {
        nil
      } else if DeviceDescription.hasLoader {
        "OpenCL has no driver here: networks are evaluated on the CPU"
      } else {
        "no OpenCL here (\(DeviceDescription.loaderName)): networks are evaluated on the CPU"
      }
  }
}
