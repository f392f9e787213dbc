/**
 * Durations and sizes as people write them: `500 ms`, `10 s`, `5 min`, `1 h`, `1 d`; `32 MB` (powers of 1,000), `32 MiB`
 * (powers of 1,024). A bare number is milliseconds, or bytes.
 */

const durationUnits = { ms: 1, s: 1_000, min: 60_000, h: 3_600_000, d: 86_400_000 } as const
const sizeUnits = {
  B: 1,
  kB: 1_000,
  KB: 1_000,
  MB: 1_000_000,
  GB: 1_000_000_000,
  KiB: 1_024,
  MiB: 1_048_576,
  GiB: 1_073_741_824,
} as const

/** The flag `u` lets the pattern into the JSON Schema. */
export const durationPattern = /^[0-9]{1,12}(\.[0-9]{1,6})? ?(ms|s|min|h|d)$/u
export const sizePattern = /^[0-9]{1,12}(\.[0-9]{1,6})? ?(B|kB|KB|MB|GB|KiB|MiB|GiB)$/u

const parse = (value: string | number, units: Readonly<Record<string, number>>): number => {
  if (typeof value === 'number') return value
  const amount = Number.parseFloat(value)
  const unit = units[value.replace(/^[0-9.]+ ?/u, '')]
  // Rounded against 0.1 + 0.2: a millisecond or byte has no parts.
  return unit === undefined ? Number.NaN : Math.round(amount * unit)
}

/** Milliseconds of a duration that matches `durationPattern`, or of a number; NaN for anything else. */
export const durationMs = (value: string | number): number => parse(value, durationUnits)

/** Bytes of a size that matches `sizePattern`, or of a number; NaN for anything else. */
export const sizeBytes = (value: string | number): number => parse(value, sizeUnits)

/** The shortest exact spelling: 60000 → `1 min`, 90000 → `90 s`. */
export const formatDuration = (ms: number): string => {
  if (ms === 0) return '0 ms'
  const unit = (['d', 'h', 'min', 's'] as const).find((name) => ms % durationUnits[name] === 0) ?? 'ms'
  return `${ms / durationUnits[unit]} ${unit}`
}
