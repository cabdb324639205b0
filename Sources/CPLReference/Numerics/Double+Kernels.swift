// SPDX-License-Identifier: Apache-2.0

import CPLKernels

extension Double: TensorScalar {
  public static var kernels: KernelSet<Double> { KernelSet(type: Double.self) }
}

extension Double: ScalarKernels {
  package static func multiply(
    rows: Range<Int>, columns: Range<Int>, depth: Int, _ a: MatrixView<Double>,
    _ b: MatrixView<Double>, _ epilogue: Epilogue<Double>, to c: UnsafeMutablePointer<Double>,
    stride: Int
  ) {
    var end = cpl_epilogue_f64(
      alpha: epilogue.alpha, addend: epilogue.addend, addend_stride: epilogue.addendStride,
      relu: epilogue.rectifies, gate: epilogue.gate, gate_stride: epilogue.gateStride)
    withUnsafeTemporaryAllocation(
      byteCount: cpl_gemm_workspace_f64(rows.count, columns.count, depth, b.transposed),
      alignment: 64
    ) { workspace in
      cpl_gemm_f64(
        cpl_range(begin: rows.lowerBound, end: rows.upperBound),
        cpl_range(begin: columns.lowerBound, end: columns.upperBound), depth,
        cpl_matrix_f64(elements: a.elements, stride: a.stride, transposed: a.transposed),
        cpl_matrix_f64(elements: b.elements, stride: b.stride, transposed: b.transposed), &end, c,
        stride, workspace.baseAddress)
    }
  }

  package static func sumOuterProducts(
    rows: Range<Int>, columns: Range<Int>, images: Int, _ products: [OuterProducts<Double>],
    to c: UnsafeMutablePointer<Double>, stride: Int
  ) {
    withUnsafeTemporaryAllocation(of: cpl_outer_f64.self, capacity: products.count) { outer in
      for (index, product) in products.enumerated() {
        outer[index] = cpl_outer_f64(
          alpha: product.alpha, a: product.a, a_stride: product.aStride, b: product.b,
          b_stride: product.bStride)
      }
      withUnsafeTemporaryAllocation(
        byteCount: cpl_gradient_workspace_f64(
          columns.count, images, BatchTree.imagesPerPiece, Int32(outer.count)), alignment: 64
      ) { workspace in
        cpl_gradient_f64(
          cpl_range(begin: rows.lowerBound, end: rows.upperBound),
          cpl_range(begin: columns.lowerBound, end: columns.upperBound), images,
          BatchTree.imagesPerPiece, outer.baseAddress, Int32(outer.count), c, stride,
          workspace.baseAddress)
      }
    }
  }

  package static func transpose(
    rows: Int, columns: Int, _ source: UnsafePointer<Double>, stride: Int,
    to target: UnsafeMutablePointer<Double>, stride targetStride: Int
  ) {
    cpl_transpose_f64(rows, columns, source, stride, target, targetStride)
  }

  package static func dot(
    _ count: Int, _ x: UnsafePointer<Double>, _ y: UnsafePointer<Double>
  ) -> Double {
    cpl_dot_f64(count, x, y)
  }

  package static func add(
    _ count: Int, alpha: Double, _ x: UnsafePointer<Double>, to y: UnsafeMutablePointer<Double>
  ) {
    cpl_axpy_f64(count, alpha, x, y)
  }

  package static func adamStep(
    _ count: Int, _ adam: cpl_adam, gradient: UnsafePointer<Double>,
    firstMoment: UnsafeMutablePointer<Double>, secondMoment: UnsafeMutablePointer<Double>,
    parameters: UnsafeMutablePointer<Double>
  ) {
    withUnsafePointer(to: adam) {
      cpl_adam_step_f64(count, $0, gradient, firstMoment, secondMoment, parameters)
    }
  }

  package static func packKernel(
    _ shape: cpl_conv_shape, _ kernel: UnsafePointer<Double>
  ) -> [Double] {
    let count = cpl_conv_packed_count_f64(shape)
    return [Double](unsafeUninitializedCapacity: count) { packed, initialized in
      cpl_conv_pack_f64(shape, kernel, packed.baseAddress)
      initialized = count
    }
  }

  package static func workspaceBytes(_ shape: cpl_conv_shape) -> Int {
    max(cpl_conv_workspace_f64(shape), cpl_conv_backward_workspace_f64(shape))
  }

  package static func convolve(
    _ shape: cpl_conv_shape, _ packed: UnsafePointer<Double>, _ image: UnsafePointer<Double>,
    to hidden: UnsafeMutablePointer<Double>, _ workspace: UnsafeMutableRawPointer
  ) {
    cpl_conv_apply_f64(shape, packed, image, hidden, workspace)
  }

  package static func convolveTransposed(
    _ shape: cpl_conv_shape, _ packed: UnsafePointer<Double>, _ hidden: UnsafePointer<Double>,
    to image: UnsafeMutablePointer<Double>, _ workspace: UnsafeMutableRawPointer
  ) {
    cpl_conv_apply_transposed_f64(shape, packed, hidden, image, workspace)
  }

  package static func layerForward(
    _ shape: cpl_conv_shape, _ packed: UnsafePointer<Double>, bias: UnsafePointer<Double>,
    step: Double, images: Int, _ input: UnsafePointer<Double>,
    to output: UnsafeMutablePointer<Double>, hidden: UnsafeMutablePointer<Double>?,
    mask: UnsafeMutablePointer<UInt8>?, _ workspace: UnsafeMutableRawPointer
  ) {
    cpl_conv_forward_f64(
      shape, packed, bias, step, images, input, output, hidden, mask, workspace)
  }

  package static func layerInputGradient(
    _ shape: cpl_conv_shape, _ packed: UnsafePointer<Double>, step: Double, images: Int,
    mask: UnsafePointer<UInt8>, gradient: UnsafeMutablePointer<Double>,
    _ workspace: UnsafeMutableRawPointer
  ) {
    cpl_conv_input_gradient_f64(
      shape, packed, step, images, mask, gradient, gradient, workspace)
  }

  package static func layerBackward(
    _ shape: cpl_conv_shape, _ packed: UnsafePointer<Double>, step: Double, images: Int,
    input: UnsafePointer<Double>, hidden: UnsafePointer<Double>,
    gradient: UnsafeMutablePointer<Double>, kernelGradient: UnsafeMutablePointer<Double>,
    biasGradient: UnsafeMutablePointer<Double>, dot: UnsafeMutablePointer<Double>,
    _ workspace: UnsafeMutableRawPointer
  ) {
    cpl_conv_backward_f64(
      shape, packed, step, images, input, hidden, gradient, gradient, kernelGradient, biasGradient,
      dot, workspace)
  }

  package static func packBatchKernel(
    _ shape: cpl_conv_shape, _ kernel: UnsafePointer<Double>
  ) -> [Double] {
    let count = cpl_batch_conv_packed_count_f64(shape)
    return [Double](unsafeUninitializedCapacity: count) { packed, initialized in
      cpl_batch_conv_pack_f64(shape, kernel, packed.baseAddress)
      initialized = count
    }
  }

  package static func convolveBatch(
    _ shape: cpl_conv_shape, wraps: Bool, transposed: Bool, channelsLast: cpl_channels_last,
    _ packed: UnsafePointer<Double>, images: Int, _ x: UnsafePointer<Double>,
    _ ending: ConvolutionEnding<Double>, to result: UnsafeMutablePointer<Double>
  ) {
    var end = cpl_batch_end_f64(ending)
    withUnsafeTemporaryAllocation(
      byteCount: cpl_batch_conv_workspace_f64(shape, images), alignment: 64
    ) { workspace in
      cpl_batch_conv_apply_f64(
        shape, wraps, transposed, channelsLast, packed, images, x, &end, result,
        workspace.baseAddress)
    }
  }

  package static func addBatchKernelGradients(
    _ shape: cpl_conv_shape, wraps: Bool, channelsLast: cpl_channels_last, images: Int,
    inputs: [UnsafePointer<Double>], outputs: [UnsafePointer<Double>],
    to kernelGradient: UnsafeMutablePointer<Double>, biasGradient: UnsafeMutablePointer<Double>?
  ) {
    let (inputs, outputs) = (inputs.map(Optional.some), outputs.map(Optional.some))
    withUnsafeTemporaryAllocation(
      byteCount: cpl_batch_conv_gradient_workspace_f64(shape, images), alignment: 64
    ) { workspace in
      cpl_batch_conv_gradient_f64(
        shape, wraps, channelsLast, images, Int32(inputs.count), inputs, outputs, kernelGradient,
        biasGradient, workspace.baseAddress)
    }
  }
  package static func sortPairs(
    _ count: Int, _ first: UnsafeMutablePointer<Double>, _ second: UnsafeMutablePointer<Double>,
    swapped: UnsafeMutablePointer<Bool>?
  ) {
    cpl_sort_pairs_f64(count, first, second, swapped)
  }

  package static func swapPairs(
    _ count: Int, where swapped: UnsafePointer<Bool>, _ first: UnsafeMutablePointer<Double>,
    _ second: UnsafeMutablePointer<Double>
  ) {
    cpl_swap_pairs_f64(count, swapped, first, second)
  }

  package static func gate(
    _ count: Int, factor: Double, _ hidden: UnsafePointer<Double>,
    _ values: UnsafeMutablePointer<Double>, scaled: UnsafeMutablePointer<Double>?
  ) {
    cpl_gate_f64(count, factor, hidden, values, scaled)
  }

  package static func lineChannels(_ channels: Int) -> Int { cpl_line_channels_f64(channels) }

  package static func turnBatch(
    images: Int, channels: Int, pixels: Int, _ x: UnsafePointer<Double>,
    to turned: UnsafeMutablePointer<Double>
  ) {
    cpl_batch_turn_f64(images, channels, pixels, x, turned)
  }

  package static func turnBatchBack(
    images: Int, channels: Int, pixels: Int, _ turned: UnsafePointer<Double>,
    _ ending: ConvolutionEnding<Double>, to result: UnsafeMutablePointer<Double>
  ) {
    var end = cpl_batch_end_f64(ending)
    cpl_batch_turn_back_f64(images, channels, pixels, turned, &end, result)
  }
}

extension cpl_batch_end_f64 {
  fileprivate init(_ ending: ConvolutionEnding<Double>) {
    self.init(
      bias: ending.bias, relu: ending.rectifies, scale: ending.scale, addend: ending.addend)
  }
}
