// SPDX-License-Identifier: Apache-2.0

import CPLKernels

extension Float: TensorScalar {
  public static var kernels: KernelSet<Float> { KernelSet(type: Float.self) }
}

extension Float: ScalarKernels {
  package static func multiply(
    rows: Range<Int>, columns: Range<Int>, depth: Int, _ a: MatrixView<Float>,
    _ b: MatrixView<Float>, _ epilogue: Epilogue<Float>, to c: UnsafeMutablePointer<Float>,
    stride: Int
  ) {
    var end = cpl_epilogue_f32(
      alpha: epilogue.alpha, addend: epilogue.addend, addend_stride: epilogue.addendStride,
      relu: epilogue.rectifies, gate: epilogue.gate, gate_stride: epilogue.gateStride)
    withUnsafeTemporaryAllocation(
      byteCount: cpl_gemm_workspace_f32(rows.count, columns.count, depth, b.transposed),
      alignment: 64
    ) { workspace in
      cpl_gemm_f32(
        cpl_range(begin: rows.lowerBound, end: rows.upperBound),
        cpl_range(begin: columns.lowerBound, end: columns.upperBound), depth,
        cpl_matrix_f32(elements: a.elements, stride: a.stride, transposed: a.transposed),
        cpl_matrix_f32(elements: b.elements, stride: b.stride, transposed: b.transposed), &end, c,
        stride, workspace.baseAddress)
    }
  }

  package static func sumOuterProducts(
    rows: Range<Int>, columns: Range<Int>, images: Int, _ products: [OuterProducts<Float>],
    to c: UnsafeMutablePointer<Float>, stride: Int
  ) {
    withUnsafeTemporaryAllocation(of: cpl_outer_f32.self, capacity: products.count) { outer in
      for (index, product) in products.enumerated() {
        outer[index] = cpl_outer_f32(
          alpha: product.alpha, a: product.a, a_stride: product.aStride, b: product.b,
          b_stride: product.bStride)
      }
      withUnsafeTemporaryAllocation(
        byteCount: cpl_gradient_workspace_f32(
          columns.count, images, BatchTree.imagesPerPiece, Int32(outer.count)), alignment: 64
      ) { workspace in
        cpl_gradient_f32(
          cpl_range(begin: rows.lowerBound, end: rows.upperBound),
          cpl_range(begin: columns.lowerBound, end: columns.upperBound), images,
          BatchTree.imagesPerPiece, outer.baseAddress, Int32(outer.count), c, stride,
          workspace.baseAddress)
      }
    }
  }

  package static func transpose(
    rows: Int, columns: Int, _ source: UnsafePointer<Float>, stride: Int,
    to target: UnsafeMutablePointer<Float>, stride targetStride: Int
  ) {
    cpl_transpose_f32(rows, columns, source, stride, target, targetStride)
  }

  package static func dot(
    _ count: Int, _ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>
  ) -> Double {
    cpl_dot_f32(count, x, y)
  }

  package static func add(
    _ count: Int, alpha: Float, _ x: UnsafePointer<Float>, to y: UnsafeMutablePointer<Float>
  ) {
    cpl_axpy_f32(count, alpha, x, y)
  }

  package static func adamStep(
    _ count: Int, _ adam: cpl_adam, gradient: UnsafePointer<Float>,
    firstMoment: UnsafeMutablePointer<Float>, secondMoment: UnsafeMutablePointer<Float>,
    parameters: UnsafeMutablePointer<Float>
  ) {
    withUnsafePointer(to: adam) {
      cpl_adam_step_f32(count, $0, gradient, firstMoment, secondMoment, parameters)
    }
  }

  package static func packKernel(
    _ shape: cpl_conv_shape, _ kernel: UnsafePointer<Float>
  ) -> [Float] {
    let count = cpl_conv_packed_count_f32(shape)
    return [Float](unsafeUninitializedCapacity: count) { packed, initialized in
      cpl_conv_pack_f32(shape, kernel, packed.baseAddress)
      initialized = count
    }
  }

  package static func workspaceBytes(_ shape: cpl_conv_shape) -> Int {
    max(cpl_conv_workspace_f32(shape), cpl_conv_backward_workspace_f32(shape))
  }

  package static func convolve(
    _ shape: cpl_conv_shape, _ packed: UnsafePointer<Float>, _ image: UnsafePointer<Float>,
    to hidden: UnsafeMutablePointer<Float>, _ workspace: UnsafeMutableRawPointer
  ) {
    cpl_conv_apply_f32(shape, packed, image, hidden, workspace)
  }

  package static func convolveTransposed(
    _ shape: cpl_conv_shape, _ packed: UnsafePointer<Float>, _ hidden: UnsafePointer<Float>,
    to image: UnsafeMutablePointer<Float>, _ workspace: UnsafeMutableRawPointer
  ) {
    cpl_conv_apply_transposed_f32(shape, packed, hidden, image, workspace)
  }

  package static func layerForward(
    _ shape: cpl_conv_shape, _ packed: UnsafePointer<Float>, bias: UnsafePointer<Float>,
    step: Float, images: Int, _ input: UnsafePointer<Float>,
    to output: UnsafeMutablePointer<Float>, hidden: UnsafeMutablePointer<Float>?,
    mask: UnsafeMutablePointer<UInt8>?, _ workspace: UnsafeMutableRawPointer
  ) {
    cpl_conv_forward_f32(
      shape, packed, bias, step, images, input, output, hidden, mask, workspace)
  }

  package static func layerInputGradient(
    _ shape: cpl_conv_shape, _ packed: UnsafePointer<Float>, step: Float, images: Int,
    mask: UnsafePointer<UInt8>, gradient: UnsafeMutablePointer<Float>,
    _ workspace: UnsafeMutableRawPointer
  ) {
    cpl_conv_input_gradient_f32(
      shape, packed, step, images, mask, gradient, gradient, workspace)
  }

  package static func layerBackward(
    _ shape: cpl_conv_shape, _ packed: UnsafePointer<Float>, step: Float, images: Int,
    input: UnsafePointer<Float>, hidden: UnsafePointer<Float>,
    gradient: UnsafeMutablePointer<Float>, kernelGradient: UnsafeMutablePointer<Float>,
    biasGradient: UnsafeMutablePointer<Float>, dot: UnsafeMutablePointer<Float>,
    _ workspace: UnsafeMutableRawPointer
  ) {
    cpl_conv_backward_f32(
      shape, packed, step, images, input, hidden, gradient, gradient, kernelGradient, biasGradient,
      dot, workspace)
  }

  package static func packBatchKernel(
    _ shape: cpl_conv_shape, _ kernel: UnsafePointer<Float>
  ) -> [Float] {
    let count = cpl_batch_conv_packed_count_f32(shape)
    return [Float](unsafeUninitializedCapacity: count) { packed, initialized in
      cpl_batch_conv_pack_f32(shape, kernel, packed.baseAddress)
      initialized = count
    }
  }

  package static func convolveBatch(
    _ shape: cpl_conv_shape, wraps: Bool, transposed: Bool, channelsLast: cpl_channels_last,
    _ packed: UnsafePointer<Float>, images: Int, _ x: UnsafePointer<Float>,
    _ ending: ConvolutionEnding<Float>, to result: UnsafeMutablePointer<Float>
  ) {
    var end = cpl_batch_end_f32(ending)
    withUnsafeTemporaryAllocation(
      byteCount: cpl_batch_conv_workspace_f32(shape, images), alignment: 64
    ) { workspace in
      cpl_batch_conv_apply_f32(
        shape, wraps, transposed, channelsLast, packed, images, x, &end, result,
        workspace.baseAddress)
    }
  }

  package static func addBatchKernelGradients(
    _ shape: cpl_conv_shape, wraps: Bool, channelsLast: cpl_channels_last, images: Int,
    inputs: [UnsafePointer<Float>], outputs: [UnsafePointer<Float>],
    to kernelGradient: UnsafeMutablePointer<Float>, biasGradient: UnsafeMutablePointer<Float>?
  ) {
    let (inputs, outputs) = (inputs.map(Optional.some), outputs.map(Optional.some))
    withUnsafeTemporaryAllocation(
      byteCount: cpl_batch_conv_gradient_workspace_f32(shape, images), alignment: 64
    ) { workspace in
      cpl_batch_conv_gradient_f32(
        shape, wraps, channelsLast, images, Int32(inputs.count), inputs, outputs, kernelGradient,
        biasGradient, workspace.baseAddress)
    }
  }
  package static func sortPairs(
    _ count: Int, _ first: UnsafeMutablePointer<Float>, _ second: UnsafeMutablePointer<Float>,
    swapped: UnsafeMutablePointer<Bool>?
  ) {
    cpl_sort_pairs_f32(count, first, second, swapped)
  }

  package static func swapPairs(
    _ count: Int, where swapped: UnsafePointer<Bool>, _ first: UnsafeMutablePointer<Float>,
    _ second: UnsafeMutablePointer<Float>
  ) {
    cpl_swap_pairs_f32(count, swapped, first, second)
  }

  package static func gate(
    _ count: Int, factor: Float, _ hidden: UnsafePointer<Float>,
    _ values: UnsafeMutablePointer<Float>, scaled: UnsafeMutablePointer<Float>?
  ) {
    cpl_gate_f32(count, factor, hidden, values, scaled)
  }

  package static func lineChannels(_ channels: Int) -> Int { cpl_line_channels_f32(channels) }

  package static func turnBatch(
    images: Int, channels: Int, pixels: Int, _ x: UnsafePointer<Float>,
    to turned: UnsafeMutablePointer<Float>
  ) {
    cpl_batch_turn_f32(images, channels, pixels, x, turned)
  }

  package static func turnBatchBack(
    images: Int, channels: Int, pixels: Int, _ turned: UnsafePointer<Float>,
    _ ending: ConvolutionEnding<Float>, to result: UnsafeMutablePointer<Float>
  ) {
    var end = cpl_batch_end_f32(ending)
    cpl_batch_turn_back_f32(images, channels, pixels, turned, &end, result)
  }
}

extension cpl_batch_end_f32 {
  fileprivate init(_ ending: ConvolutionEnding<Float>) {
    self.init(
      bias: ending.bias, relu: ending.rectifies, scale: ending.scale, addend: ending.addend)
  }
}
