// SPDX-License-Identifier: Apache-2.0

import CPLReference
import Foundation
import Testing

@Suite("HDF5File and other readers and writers of HDF5")
struct HDF5InteroperabilityTests {
  private func writeExample(_ path: String) throws {
    try HDF5File.create(at: path) { file in
      try file.write((0..<24).map { Float($0) / 4 }, shape: [2, 3, 4], to: "/parameters/c/kernel")
      try file.write([2.5], shape: [], to: "/scalar")
      try file.write([Int64](), shape: [0, 3], to: "/empty")
      try file.write([UInt8](0...255), to: "/bytes")
      try file.write(["λ", "two"], to: "/names")
      try file.setAttribute("format", .string("cpl-wéights"), of: "/")
      try file.setAttribute("version", .integer(1), of: "/parameters")
      try file.setAttribute("epsilon", .real(0.1), of: "/scalar")
    }
  }

  @Test(
    "h5py reads what we write",
    .enabled(if: Tool.h5py != nil, "no python3 with h5py on the PATH"))
  func readByH5py() throws {
    try withTemporaryFolder { folder in
      try writeExample(folder + "/x.h5")
      try Tool.python(
        """
        f = h5py.File(path, 'r')
        kernel = f['parameters/c/kernel']
        assert kernel.dtype == '<f4' and kernel.shape == (2, 3, 4) and kernel.fletcher32, kernel
        assert (kernel[()] == np.arange(24).reshape(2, 3, 4) / 4).all()
        assert f['scalar'][()] == 2.5 and f['scalar'].shape == ()
        assert f['empty'].shape == (0, 3) and f['empty'].dtype == '<i8'
        assert (f['bytes'][()] == np.arange(256)).all() and f['bytes'].dtype == 'u1'
        assert list(f['names'].asstr()) == ['λ', 'two']
        assert f.attrs['format'].decode() == 'cpl-wéights'
        assert f['parameters'].attrs['version'] == 1
        assert f['scalar'].attrs['epsilon'] == 0.1
        """, path: folder + "/x.h5")
    }
  }

  @Test("h5dump reads what we write", .enabled(if: Tool.h5dump != nil, "no h5dump on the PATH"))
  func readByH5dump() throws {
    try withTemporaryFolder { folder in
      try writeExample(folder + "/x.h5")
      let h5dump = try #require(Tool.h5dump)
      let (status, output) = try h5dump.run(["-p", folder + "/x.h5"])
      #expect(status == 0)
      for text in ["H5T_IEEE_F32LE", "CHECKSUM FLETCHER32", "cpl-w", "5.75", "\"two"] {
        #expect(output.contains(text), "\(text) in \(output)")
      }
    }
  }

  @Test(
    "we read what h5py writes: big-endian numbers, unchecked layouts, text of its own making",
    .enabled(if: Tool.h5py != nil, "no python3 with h5py on the PATH"))
  func writtenByH5py() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/x.h5"
      try Tool.python(
        """
        f = h5py.File(path, 'w')
        f['floats'] = np.array([1.5, -0.0], '>f4')
        f['wide'] = np.array([[1, 2**62]], '>i8')
        f['bytes'] = np.arange(3, dtype='u1')
        f['names'] = np.array([b'one', b'three'])
        f.attrs['text'] = np.bytes_('ε'.encode())
        f.attrs['variable'] = 'ε'
        f.attrs['integer'] = 7
        f.attrs['real'] = 0.1
        f.attrs['list'] = [1, 2]
        """, path: path)
      let file = try HDF5File.open(path)
      #expect(
        try file.read(Float.self, from: "/floats").elements.map(\.bitPattern) == [
          0x3FC0_0000, 1 << 31,
        ])
      #expect(try file.read(Int64.self, from: "/wide", shape: [1, 2]) == [1, 1 << 62])
      #expect(try file.read(UInt8.self, from: "/bytes").elements == [0, 1, 2])
      #expect(try file.readStrings(from: "/names") == ["one", "three"])
      #expect(try file.attribute("text", of: "/") == .string("ε"))
      #expect(try file.attribute("variable", of: "/") == .string("ε"))
      #expect(try file.attribute("integer", of: "/") == .integer(7))
      #expect(try file.attribute("real", of: "/") == .real(0.1))
      #expect(
        throws: ReferenceError.invalid(
          path: path, location: "/, attribute 'list'", expected: "a single value",
          found: "several or none")
      ) {
        try file.attribute("list", of: "/")
      }
      #expect(file.openHandleCount == 1)
    }
  }
}
