/**
 * Facts and snapshots of one provider's machine: wild histories, and one of each kind to enumerate.
 */
import fc from 'fast-check'
import type { MachineFact, ProviderSnapshot } from '#actors/provider-machine.ts'
import { untroubled } from '#actors/provider-rules.ts'
import type { FailureReason } from '#domain/failure.ts'
import { allReasons, draws, EPOCH, MODELS, PROVIDERS, reasonsAt, requestNamed, served } from '#test/generators.ts'

/** A fact and the epoch ms at which it occurs. */
export interface Timed<F> {
  readonly fact: F
  readonly at: number
}

/** Facts as they could only come from a broken world: any tag, any request, any order, the clock set back now and then. */
export const wildMachineFacts: fc.Arbitrary<readonly Timed<MachineFact>[]> = fc
  .array(
    fc.record({
      tag: fc.constantFrom<MachineFact['_tag']>(
        'AttemptStarted',
        'AttemptSucceeded',
        'AttemptFailed',
        'AttemptFailed',
        'RequestAbandoned',
        'CooldownElapsed',
        'ProbeLeaseExpired',
        'BreakerReset',
      ),
      request: fc.nat(4),
      attempt: fc.integer({ min: 1, max: 2 }),
      passes: fc.oneof(fc.nat(2_000), fc.nat(120_000), fc.integer({ min: -5_000, max: 0 })),
      durationMs: fc.oneof(fc.nat(1_000), fc.nat(300_000)),
      lease: fc.option(fc.nat(60_000), { nil: undefined }),
      reason: reasonsAt(0),
      draw: draws,
    }),
    { maxLength: 60 },
  )
  .map((rows) => {
    let at = EPOCH
    return rows.map((row) => {
      at += row.passes
      return { fact: wildFact(row, at), at }
    })
  })

const wildFact = (
  row: {
    readonly tag: MachineFact['_tag']
    readonly request: number
    readonly attempt: number
    readonly durationMs: number
    readonly lease: number | undefined
    readonly reason: FailureReason
    readonly draw: number
  },
  at: number,
): MachineFact => {
  const provider = PROVIDERS[0]!
  const { attempt, durationMs, draw } = row
  const named = { requestId: requestNamed(row.request), attempt, provider, model: MODELS[0]! }
  switch (row.tag) {
    case 'AttemptStarted':
      return { _tag: row.tag, ...named, ...(row.lease === undefined ? {} : { probe: { leaseUntil: at + row.lease } }) }
    case 'AttemptSucceeded':
      return { _tag: row.tag, ...named, durationMs, ...served }
    case 'AttemptFailed': {
      const reason = 'until' in row.reason ? { ...row.reason, until: at + (row.reason.until ?? 0) } : row.reason
      return { _tag: row.tag, ...named, durationMs, stage: 'S0', draw, reason }
    }
    case 'RequestAbandoned':
      return { _tag: row.tag, requestId: named.requestId, attempts: attempt, provider }
    case 'BreakerReset':
      return { _tag: row.tag, provider, by: 'admin' }
    default:
      return { _tag: row.tag, provider }
  }
}

/** One snapshot of each state, and of each variety that decides differently. */
export const snapshotsOfEveryState: readonly ProviderSnapshot[] = [
  { state: 'healthy', context: untroubled },
  {
    state: 'healthy',
    context: { ...untroubled, ramp: { from: EPOCH, until: EPOCH + 60_000 }, level: 1, evidenceFrom: EPOCH },
  },
  { state: 'throttled', context: { ...untroubled, until: EPOCH + 1_000, throttleLevel: 1 } },
  {
    state: 'throttled',
    context: {
      ...untroubled,
      circuitClosed: false,
      level: 1,
      until: EPOCH + 1_000,
      throttleLevel: 1,
      probe: { requestId: requestNamed(0), attempt: 1, leaseUntil: EPOCH + 500 },
    },
  },
  {
    state: 'openCircuit',
    context: { ...untroubled, circuitClosed: false, level: 1, until: EPOCH + 1_000, evidenceFrom: EPOCH + 1_000 },
  },
  { state: 'halfOpen', context: { ...untroubled, circuitClosed: false, level: 1, until: EPOCH } },
  { state: 'retired', context: untroubled },
  // Retired by an old attempt while its circuit was open.
  { state: 'retired', context: { ...untroubled, circuitClosed: false, level: 2, until: EPOCH + 1_000 } },
  {
    state: 'halfOpen',
    context: {
      ...untroubled,
      circuitClosed: false,
      level: 1,
      until: EPOCH,
      probe: { requestId: requestNamed(0), attempt: 1, leaseUntil: EPOCH + 500 },
    },
  },
]

/** One fact of each kind and, for failures, of each reason. */
export const machineFactsOfEveryKind: readonly MachineFact[] = (() => {
  const row = { request: 0, attempt: 1, durationMs: 100, lease: undefined, reason: allReasons[0]!, draw: 0.5 }
  return [
    wildFact({ ...row, tag: 'AttemptStarted' }, EPOCH),
    wildFact({ ...row, tag: 'AttemptStarted', lease: 1_000 }, EPOCH),
    wildFact({ ...row, tag: 'AttemptSucceeded' }, EPOCH),
    ...allReasons.map((reason) => wildFact({ ...row, tag: 'AttemptFailed', reason }, 0)),
    wildFact({ ...row, tag: 'RequestAbandoned' }, EPOCH),
    wildFact({ ...row, tag: 'CooldownElapsed' }, EPOCH),
    wildFact({ ...row, tag: 'ProbeLeaseExpired' }, EPOCH),
  ]
})()
