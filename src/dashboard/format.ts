/**
 * Figures and times as people read them.
 */
const number = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })
const NANO = 1e9

export const count = (value: number): string => number.format(value)

export const plural = (value: number, one: string, many = `${one}s`): string =>
  `${count(value)} ${value === 1 ? one : many}`

/** Billionths of a US dollar. Cents where there are some, else as many digits as it takes to see something. */
export const usd = (nanoUsd: number): string => {
  const value = nanoUsd / NANO
  const size = Math.abs(value)
  const digits = size === 0 || size >= 0.1 ? 2 : size >= 0.001 ? 4 : 6
  return `${value < 0 ? '−' : ''}$${size.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits })}`
}

export const percent = (share: number): string => {
  const value = share * 100
  return `${Number.isInteger(value) || Math.abs(value) >= 99.95 ? Math.round(value) : value.toFixed(1)} %`
}

/** 12,345 → 12.3 k. */
export const short = (value: number): string => {
  const size = Math.abs(value)
  if (size < 10_000) return count(value)
  if (size < 1e6) return `${(value / 1e3).toFixed(size < 1e5 ? 1 : 0)} k`
  return size < 1e9 ? `${(value / 1e6).toFixed(1)} M` : `${(value / 1e9).toFixed(1)} G`
}

export const milliseconds = (ms: number): string => {
  if (ms < 1_000) return `${Math.round(ms)} ms`
  return ms < 60_000 ? `${(ms / 1_000).toFixed(ms < 10_000 ? 2 : 1)} s` : duration(ms)
}

/** Two largest units, to the second: 3 min 20 s. */
export const duration = (ms: number): string => {
  const seconds = Math.max(0, Math.round(ms / 1_000))
  const parts: readonly (readonly [number, string])[] = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3_600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'min'],
    [seconds % 60, 's'],
  ]
  const first = parts.findIndex(([amount]) => amount > 0)
  if (first === -1) return '0 s'
  return parts
    .slice(first, first + 2)
    .filter(([amount], index) => index === 0 || amount > 0)
    .map(([amount, unit]) => `${amount} ${unit}`)
    .join(' ')
}

const pad = (value: number): string => String(value).padStart(2, '0')

/** In the time zone of the browser. */
export const timeOfDay = (at: number): string => {
  const date = new Date(at)
  return `${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}`
}

export const day = (at: number): string => {
  const date = new Date(at)
  return `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`
}

export const dateTime = (at: number): string => `${day(at)} ${timeOfDay(at)}`

/** Today only the time. */
export const moment = (at: number, now: number): string => (day(at) === day(now) ? timeOfDay(at) : dateTime(at))

/** To the second and in UTC, as it stands in links. */
export const isoSecondOf = (at: number): string =>
  `${new Date(at).toISOString().slice(0, '2026-11-25T14:03:00'.length)}Z`

/** As 2026-11-25. */
export const utcDayOf = (at: number): string => new Date(at).toISOString().slice(0, '2026-11-25'.length)
