/**
 * One thing that was measured against its threshold. Between raising and clearing lies a band in which nothing changes, so
 * that a value which dances on its bound raises one alert and not one every quarter of a minute.
 */
import type { AlertRaised } from '#domain/operator-facts.ts'
import type { AlertKind } from '#domain/policy.ts'

/** `over` raises, `under` clears, `between` leaves it as it is. */
export type Standing = 'over' | 'between' | 'under'

export interface Found extends Omit<AlertRaised, '_tag'> {
  readonly standing: Standing
}

/** An alert clears below this share of its threshold; where little is bad, above the threshold divided by it. */
export const CLEAR_SHARE = 0.9

export const tooMuch = (value: number, threshold: number): Standing => {
  if (value >= threshold) return 'over'
  return value >= threshold * CLEAR_SHARE ? 'between' : 'under'
}

export const tooLittle = (value: number, threshold: number): Standing => {
  if (value <= threshold) return 'over'
  return value <= threshold / CLEAR_SHARE ? 'between' : 'under'
}

/** Of conditions that must all be over: one that is under clears. */
export const least = (standings: readonly Standing[]): Standing =>
  (['under', 'between', 'over'] as const).find((one) => standings.includes(one)) ?? 'under'

/** Kind and subject; `part` where one subject has several of a kind. */
export const alertIdOf = (kind: AlertKind, subject: string, part = ''): string =>
  [kind, subject, part].filter((name) => name !== '').join(':')
