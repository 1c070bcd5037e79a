const FACTORS: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
}

/**
 * The number a Kubernetes quantity stands for: `500m` is 0.5 (cores), `1Gi` is 1073741824 (bytes).
 * Source: apimachinery pkg/api/resource.
 *
 * @throws Error for anything that is not a quantity
 */
export function parseQuantity(text: string): number {
  const [, number, exponent, suffix = ''] = /^([+-]?[0-9.]+)(?:[eE]([+-]?\d+)|([a-zA-Z]*))$/.exec(text) ?? []
  const factor = exponent === undefined ? FACTORS[suffix] : 10 ** Number(exponent)
  if (number === undefined || factor === undefined) throw new Error(`"${text}" is not a quantity`)
  return Number(number) * factor
}

/** A quantity in units of `divisor` (`0` and absent mean 1), rounded up, as a resourceFieldRef shows it. */
export function quantityInUnits(text: string, divisor = '1'): string {
  const unit = parseQuantity(divisor) || 1
  // The product of binary fractions (0.3 / 0.001) lands a hair above the whole number it means.
  return String(Math.ceil(Number((parseQuantity(text) / unit).toFixed(6))))
}
