// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import CPLReference
import CPLVerify

/// What evaluates the network.
struct DeviceOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "What evaluates or trains the network: a graphics processor that gives the CPU's bits, else the CPU "
        + "(auto); the CPU; or an OpenCL device, by its number in 'cpl-verify devices'. Bounds stay on the CPU.",
      valueName: "auto|cpu|opencl[:index]"))
  var device: DeviceChoice = .automatic

  /// The device, ready to compute; nil for the CPU.
  func chosen(_ options: RunOptions) throws -> ChosenDevice? {
    try ChosenDevice(device, options.progress)
  }
}

extension DeviceChoice: ExpressibleByArgument {
  public init?(argument: String) { self.init(argument) }

  public var defaultValueDescription: String { description }
}
