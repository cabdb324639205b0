// SPDX-License-Identifier: Apache-2.0

/// The checks of the continuous side of the paper: flows and their discretisations.
///
/// They are mathematics alone, in binary64, and take nothing from the context but seed and effort.
package enum FlowChecks {
  package static let all: [any PropertyCheck] = [
    ContractionCheck(), NonexpansiveFlowCheck(), EulerGradientCheck(), ImplicitGradientCheck(),
    MidpointSkewCheck(), ExponentialSkewCheck(), EulerSkewCheck(),
    SkewSeriesCheck(),
  ]
}
