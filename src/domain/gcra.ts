/**
 * The generic cell rate algorithm in whole microseconds, the resolution of PostgreSQL's clock. A limit is one number, its
 * theoretical arrival time: when all that was taken will have been earned again.
 */
export const MICROS_PER_MS = 1_000
const MICROS_PER_MINUTE = 60_000_000

/** What a call takes of a limit. */
export interface RateCharge {
  readonly key: string
  readonly perMinute: number
  /** What may come at once after a rest. */
  readonly burst: number
  readonly cost: number
}

/** The same as time. */
export interface RateSpan {
  readonly key: string
  /** How long earning it takes. */
  readonly spanUs: number
  /** How far the arrival time may lie ahead. */
  readonly allowanceUs: number
}

/** Rounded up, both: a call never costs less than it should, and one that takes the whole burst fits. */
export const spanOf = ({ key, perMinute, burst, cost }: RateCharge): RateSpan => ({
  key,
  spanUs: Math.ceil((cost * MICROS_PER_MINUTE) / perMinute),
  allowanceUs: Math.ceil((burst * MICROS_PER_MINUTE) / perMinute),
})

/** The arrival time after a call at `nowUs`, and how long until the call would fit; 0: it fits. */
export const arrivalAfter = (
  arrivalUs: number,
  { spanUs, allowanceUs }: RateSpan,
  nowUs: number,
): { readonly arrivalUs: number; readonly waitUs: number } => {
  const next = Math.max(arrivalUs, nowUs) + spanUs
  return { arrivalUs: next, waitUs: Math.max(0, next - allowanceUs - nowUs) }
}
