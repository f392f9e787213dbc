/**
 * A point in time as people type it.
 */
import { durationMs, durationPattern } from '#infra/config/quantities.ts'

const UNITS: { readonly [unit: string]: number } = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/**
 * `2026-11-23`, `2026-11-23T14:03`, any ISO form, epoch milliseconds, or `15m ago`.
 * @returns epoch ms
 * @throws Error with a message for the user
 */
export const parseMoment = (text: string, now = Date.now()): number => {
  const ago = /^(\d+)\s*([smhd])(?:\s+ago)?$/.exec(text.trim())
  if (ago !== null) return now - Number(ago[1]) * (UNITS[ago[2] ?? 's'] ?? 0)
  if (/^\d{12,}$/.test(text)) return Number(text)
  const parsed = Date.parse(text)
  if (Number.isFinite(parsed)) return parsed
  throw new Error(`"${text}" is not a time. Use 2026-11-23T14:03, or 15m ago.`)
}

/**
 * `30d`, `12 h`, `90 min`.
 * @returns ms, above 0
 * @throws Error with a message for the user
 */
export const lifetimeMs = (text: string): number => {
  const ms = durationPattern.test(text) ? durationMs(text) : 0
  if (ms > 0) return ms
  throw new Error(`"${text}" is not a time to live. Use 30d, or 12h.`)
}
