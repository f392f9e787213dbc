/**
 * What the doctor finds, as plain data: one finding a check, all findings of a provider, all providers. The JSON that
 * `--json` prints is made of these, so a member that is there stays there (docs/doctor.md).
 */
import { Effect } from 'effect'
import type { FailureReason } from '#domain/failure.ts'

export type CheckName =
  | 'credential'
  | 'address'
  | 'account'
  | 'models'
  | 'log'
  | 'stream'
  | 'whole'
  | 'count'
  | 'claude-code'

/** `skipped`: it could not be looked at, because of something else that is named. */
export type CheckResult = 'ok' | 'warning' | 'failed' | 'skipped'

export type Detail = string | number | boolean | null | readonly Detail[] | { readonly [name: string]: Detail }

export interface Finding {
  readonly check: CheckName
  readonly result: CheckResult
  /** What was seen, one line. */
  readonly found: string
  /** What to do about it, one sentence. */
  readonly advice?: string
  /** The same for programs; which members there are depends on the check. */
  readonly details?: { readonly [name: string]: Detail }
}

export interface Diagnosis {
  readonly provider: string
  readonly kind: string
  readonly preset: string | null
  /** Scheme, host and port; a path may hold a secret. */
  readonly address: string
  /** The reference in words, never the value. */
  readonly credential: string
  readonly findings: readonly Finding[]
}

export const skipped = (check: CheckName, why: string): Finding => ({ check, result: 'skipped', found: why })

export const hasFailed = (diagnoses: readonly Diagnosis[]): boolean =>
  diagnoses.some(({ findings }) => findings.some(({ result }) => result === 'failed'))

/** Each check gets this long. */
export const CHECK_LIMIT_MS = 15_000

/** Ends a check that takes longer, as the failure that it is. */
export const limited = <A, E, R>(check: Effect.Effect<A, E, R>): Effect.Effect<A, E | FailureReason, R> =>
  Effect.timeoutOrElse(check, {
    duration: CHECK_LIMIT_MS,
    orElse: () => Effect.fail<FailureReason>({ _tag: 'Timeout', phase: 'deadline' }),
  })
