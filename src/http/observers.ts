/**
 * Who may look at metrics and health: everybody on this machine, beyond it whoever has a token of the admin API. They tell costs,
 * and names of people, projects and providers.
 */
import { Effect, Option } from 'effect'
import { HttpServerRequest } from 'effect/http'
import type { JudgeToken, TokenVerdict } from '#http/admin/tokens.ts'

/** `Open`: nobody is asked for a token. */
export type Observer = TokenVerdict | { readonly _tag: 'Open' }

/** Absent `judge`: there is no token that could open it. */
export interface ObserverOptions {
  readonly isOpen: boolean
  readonly judge: JudgeToken | undefined
}

const BEARER = /^bearer +(.+)$/i

export const observer = ({ isOpen, judge }: ObserverOptions) =>
  Effect.gen(function* () {
    const request = yield* HttpServerRequest.HttpServerRequest
    const now = yield* Effect.clockWith((clock) => clock.currentTimeMillis)
    const token = BEARER.exec(request.headers.authorization ?? '')?.[1] ?? ''
    const address = Option.getOrElse(request.remoteAddress, () => 'unknown')
    const verdict: Observer = isOpen ? { _tag: 'Open' } : (judge?.(token, address, now) ?? { _tag: 'Wrong' })
    return { verdict, now }
  })

/** Addresses to listen on that only this machine reaches. */
export const isLoopbackHost = (host: string): boolean => /^(localhost|127(\.\d+){3}|::1)$/i.test(host)
