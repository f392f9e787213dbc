/**
 * What a token of the admin API is worth: that of the admin, that of the reader, or nothing, and then it is counted against the
 * address that sent it.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import { Redacted } from 'effect'
import { makeFailedAttempts } from '#http/failed-attempts.ts'

export interface AdminTokens {
  readonly admin: Redacted.Redacted<string>
  readonly read?: Redacted.Redacted<string> | undefined
}

export type TokenVerdict =
  | { readonly _tag: 'Admin' }
  | { readonly _tag: 'Reader' }
  | { readonly _tag: 'Wrong' }
  /** Too many wrong ones came from there: nothing is looked at until then (epoch ms). */
  | { readonly _tag: 'Blocked'; readonly until: number }

/** `address` as the socket tells it; `now` is epoch ms. */
export type JudgeToken = (token: string, address: string, now: number) => TokenVerdict

/** Of equal length whatever was sent, so that a comparison takes as long for any. */
const digestOf = (text: string): Buffer => createHash('sha256').update(text).digest()

export const makeTokenJudge = (tokens: AdminTokens): JudgeToken => {
  const failed = makeFailedAttempts()
  const admin = digestOf(Redacted.value(tokens.admin))
  const read = tokens.read === undefined ? undefined : digestOf(Redacted.value(tokens.read))
  return (token, address, now) => {
    const until = failed.blockedUntil(address, now)
    if (until !== undefined) return { _tag: 'Blocked', until }
    const digest = digestOf(token)
    // Both are compared always: how long it takes says nothing.
    const isAdmin = timingSafeEqual(digest, admin)
    const isReader = timingSafeEqual(digest, read ?? admin)
    if (isAdmin) return { _tag: 'Admin' }
    if (isReader) return { _tag: 'Reader' }
    // To send none is no guess.
    if (token !== '') failed.count(address, digest.toString('base64'), now)
    return { _tag: 'Wrong' }
  }
}

/** Whole seconds until then, for `retry-after`. */
export const secondsUntil = (until: number, now: number): number => Math.max(1, Math.ceil((until - now) / 1_000))
