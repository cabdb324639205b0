// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A device as its driver describes it, and what it lacks for the CPU's bits.
public struct DeviceDescription: Equatable, Sendable {
  /// What kind of processor it is.
  package enum Kind: String, Codable, Sendable {
    case cpu
    case graphics = "gpu"
    case other
  }

  /// Its number among all devices of all platforms, in the loader's order.
  public let index: Int
  /// The name that its driver gives.
  public let name: String
  package let vendor: String
  package let kind: Kind
  package let platform: String
  /// The driver's version.
  package let driver: String
  /// The version of OpenCL that it supports, with the driver's own additions.
  package let version: String
  package let memoryBytes: Int
  /// The largest buffer.
  package let maximumBufferBytes: Int
  package let computeUnits: Int
  /// What arithmetic it promises, under OpenCL's names, and whether it does.
  package let capabilities: [Capability]
  /// Valid as long as the process lives.
  let handle: OpenCLHandle

  /// A property without which results are not the CPU's.
  package struct Capability: Equatable, Sendable {
    package let name: String
    package let isPresent: Bool
  }

  /// The name under which it is asked for.
  public var selector: String { "opencl:\(index)" }

  /// What it lacks; empty where it may be compared with the CPU.
  package var lacks: [String] { capabilities.filter { !$0.isPresent }.map(\.name) }
}

extension DeviceDescription {
  /// All devices of all platforms; empty where there is no OpenCL, or no driver for it.
  public static let all: [DeviceDescription] = {
    guard let library = OpenCLLibrary.system else { return [] }
    var devices: [DeviceDescription] = []
    for platform in handles({ library.getPlatforms($0, $1, $2) }) {
      let allTypes: UInt64 = 0xFFFF_FFFF
      for device in handles({ library.getDevices(platform, allTypes, $0, $1, $2) }) {
        devices.append(
          DeviceDescription(device, of: platform, index: devices.count, library))
      }
    }
    return devices
  }()

  /// Whether there may be a graphics processor: whether the system has a file of one's driver, or the environment
  /// names OpenCL drivers. Where there is none, nobody has to load all drivers to know, which takes a tenth of a
  /// second and more.
  package static var mayHaveGraphics: Bool {
    let variables = ["OCL_ICD_VENDORS", "OCL_ICD_FILENAMES", "OPENCL_VENDOR_PATH"]
    guard !variables.contains(where: { ProcessInfo.processInfo.environment[$0] != nil }) else {
      return true
    }
    // NVIDIA's, AMD's, every driver of the kernel's own, and Windows' for Linux.
    return ["/dev/nvidiactl", "/dev/kfd", "/dev/dri", "/dev/dxg"]
      .contains(where: FileManager.default.fileExists)
  }

  /// Whether this system has an OpenCL loader.
  package static var hasLoader: Bool { OpenCLLibrary.system != nil }

  /// The name of the loader that is looked for.
  package static var loaderName: String { OpenCLLibrary.name }

  /// The handles that a function lists.
  private static func handles(
    _ list: (UInt32, UnsafeMutablePointer<OpaquePointer?>?, UnsafeMutablePointer<UInt32>?) -> Int32
  ) -> [OpaquePointer] {
    var count: UInt32 = 0
    guard list(0, nil, &count) == 0, count > 0 else { return [] }
    var handles = [OpaquePointer?](repeating: nil, count: Int(count))
    guard list(count, &handles, nil) == 0 else { return [] }
    return handles.compactMap(\.self)
  }

  private init(
    _ device: OpaquePointer, of platform: OpaquePointer, index: Int, _ library: OpenCLLibrary
  ) {
    func text(_ what: UInt32) -> String {
      Self.text { library.getDeviceInfo(device, what, $0, $1, $2) }
    }
    func number(_ what: UInt32) -> UInt64 {
      Self.number { library.getDeviceInfo(device, what, $0, $1, $2) }
    }
    self.index = index
    handle = OpenCLHandle(device)
    name = text(0x102B)
    vendor = text(0x102C)
    driver = text(0x102D)
    version = text(0x102F)
    self.platform = Self.text { library.getPlatformInfo(platform, 0x0902, $0, $1, $2) }
    memoryBytes = Int(clamping: number(0x101F))
    maximumBufferBytes = Int(clamping: number(0x1010))
    computeUnits = Int(clamping: number(0x1002))
    kind =
      switch number(0x1000) {
      case let type where type & 4 != 0: .graphics
      case let type where type & 2 != 0: .cpu
      default: .other
      }
    // Bits of CL_DEVICE_SINGLE_FP_CONFIG and CL_DEVICE_DOUBLE_FP_CONFIG; the latter is 0 without binary64.
    let (single, double) = (number(0x101B), number(0x1032))
    let required: [(name: String, bit: UInt64)] = [
      ("CL_FP_DENORM", 1 << 0), ("CL_FP_ROUND_TO_NEAREST", 1 << 2), ("CL_FP_FMA", 1 << 5),
    ]
    var capabilities = required.map {
      Capability(name: "\($0.name) in binary32", isPresent: single & $0.bit != 0)
    }
    capabilities.append(
      Capability(
        name: "CL_FP_CORRECTLY_ROUNDED_DIVIDE_SQRT in binary32", isPresent: single & 1 << 7 != 0))
    capabilities.append(Capability(name: "binary64", isPresent: double != 0))
    capabilities += required.map {
      Capability(name: "\($0.name) in binary64", isPresent: double & $0.bit != 0)
    }
    capabilities += [
      Capability(name: "little-endian numbers", isPresent: number(0x1026) != 0),
      Capability(name: "a compiler", isPresent: number(0x1028) != 0),
      Capability(name: "availability", isPresent: number(0x1027) != 0),
      Capability(
        name: "work-groups of \(Device.largestGroup)",
        isPresent: number(0x1004) >= UInt64(Device.largestGroup)),
    ]
    self.capabilities = capabilities
  }

  /// What a function tells as text; empty where it fails.
  private static func text(
    _ info: (Int, UnsafeMutableRawPointer?, UnsafeMutablePointer<Int>?) -> Int32
  ) -> String {
    var size = 0
    guard info(0, nil, &size) == 0, size > 0 else { return "" }
    var bytes = [UInt8](repeating: 0, count: size)
    guard info(size, &bytes, nil) == 0 else { return "" }
    return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
  }

  /// What a function tells as a number of at most 64 bits, little-endian; 0 where it fails.
  private static func number(
    _ info: (Int, UnsafeMutableRawPointer?, UnsafeMutablePointer<Int>?) -> Int32
  ) -> UInt64 {
    var value: UInt64 = 0
    return info(8, &value, nil) == 0 ? UInt64(littleEndian: value) : 0
  }
}
