/// The unevaluated sum of two binary64 numbers, |low| ≤ ulp(high)/2: about 106 bits.
///
/// Each operation errs relatively by at most 2⁻¹⁰³ (Joldes, Muller and Popescu, *Tight and rigorous
/// error bounds for basic building blocks of double-word arithmetic*, ACM TOMS 44(2), 2017:
/// algorithms 6, 12 and 15 with bounds 3u² + 13u³, 5u² and 3u²), away from under- and overflow.
struct DoubleDouble {
  var high: Double
  var low = 0.0

  init(_ value: Double) { high = value }

  private init(high: Double, low: Double) {
    (self.high, self.low) = (high, low)
  }

  static func + (a: DoubleDouble, b: DoubleDouble) -> DoubleDouble {
    let (sum, error) = twoSum(a.high, b.high)
    let (lowSum, lowError) = twoSum(a.low, b.low)
    let first = fastTwoSum(sum, error + lowSum)
    return fastTwoSum(first.high, lowError + first.low)
  }

  static func - (a: DoubleDouble, b: DoubleDouble) -> DoubleDouble {
    a + DoubleDouble(high: -b.high, low: -b.low)
  }

  static func * (a: DoubleDouble, b: DoubleDouble) -> DoubleDouble {
    let product = a.high * b.high
    let error = (-product).addingProduct(a.high, b.high)
    let cross = (a.high * b.low).addingProduct(a.low, b.high)
    return fastTwoSum(product, error + (a.low * b.low + cross))
  }

  static func / (a: DoubleDouble, b: Double) -> DoubleDouble {
    let quotient = a.high / b
    let product = quotient * b
    let productError = (-product).addingProduct(quotient, b)
    let remainder = ((a.high - product) - productError) + a.low
    return fastTwoSum(quotient, remainder / b)
  }

  static func < (a: DoubleDouble, b: DoubleDouble) -> Bool {
    a.high < b.high || (a.high == b.high && a.low < b.low)
  }

  /// |self − value|, to binary64.
  func distance(to value: DoubleDouble) -> Double {
    let difference = self - value
    return (difference.high + difference.low).magnitude
  }

  private static func twoSum(_ a: Double, _ b: Double) -> (Double, Double) {
    let sum = a + b
    let bRounded = sum - a
    return (sum, (a - (sum - bRounded)) + (b - bRounded))
  }

  private static func fastTwoSum(_ a: Double, _ b: Double) -> DoubleDouble {
    let sum = a + b
    return DoubleDouble(high: sum, low: b - (sum - a))
  }
}
