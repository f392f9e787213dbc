/**
 * What a service tells about the key itself. OpenRouter's list of models is public, so a wrong key would not be noticed there
 * (providers 4.3).
 */
import { Effect, Exit, Redacted, Result } from 'effect'
import type { Upstream } from '#actors/ports.ts'
import { failure } from '#cli/doctor/advice.ts'
import { type Finding, limited } from '#cli/doctor/finding.ts'
import { plainGet } from '#cli/doctor/plain-get.ts'
import type { ResolvedProvider } from '#infra/config/config.ts'
import { makeCredential } from '#infra/upstream/credential.ts'

/** Where a kind of provider tells about the key, after the base URL. */
const KEY_PATHS: { readonly [kind: string]: string } = { openrouter: '/key' }

/** Undefined for providers that tell nothing. */
export const checkAccount = (provider: ResolvedProvider, upstream: Upstream): Effect.Effect<Finding | undefined> =>
  Effect.gen(function* () {
    const path = KEY_PATHS[provider.kind]
    const credential = makeCredential(provider.credential)
    if (path === undefined || credential._tag !== 'Held') return undefined
    const secret = yield* Effect.exit(credential.secret)
    // The check of the credential has told why.
    if (Exit.isFailure(secret)) return undefined
    const headers = ['authorization', `Bearer ${Redacted.value(secret.value)}`, 'accept', 'application/json']
    const asked = yield* Effect.result(limited(plainGet(provider, `${pathPrefix(provider)}${path}`, headers)))
    if (Result.isFailure(asked)) return failure('account', asked.failure, { provider })
    const answer = asked.success
    const at = yield* Effect.clockWith((clock) => clock.currentTimeMillis)
    const refusal = upstream.classify(answer, at)
    // Another server of the same kind may tell nothing.
    if (answer.status === 404) return undefined
    if (refusal !== undefined) return failure('account', refusal.reason, { provider })
    return accountFinding(answer.body, provider)
  })

const pathPrefix = ({ baseUrl }: ResolvedProvider): string => new URL(baseUrl).pathname.replace(/\/+$/, '')

type Json = { readonly [key: string]: unknown }
const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null

const accountFinding = (body: Uint8Array, provider: ResolvedProvider): Finding => {
  const { limit_remaining: left, is_free_tier: isFree, expires_at: expires } = readData(body)
  const leftUsd = typeof left === 'number' ? left : null
  const details = {
    leftUsd,
    freeTier: isFree === true,
    expiresAt:
      typeof expires === 'string' && !Number.isNaN(Date.parse(expires)) ? new Date(expires).toISOString() : null,
  }
  const found = [
    leftUsd === null ? 'the key has no limit of its own' : `${leftUsd.toFixed(2)} USD are left of the key's limit`,
    ...(details.freeTier ? ['free tier'] : []),
    ...(details.expiresAt === null ? [] : [`it expires ${details.expiresAt}`]),
  ].join(', ')
  return leftUsd !== null && leftUsd <= 0
    ? { ...failure('account', { _tag: 'QuotaExhausted' }, { provider }), found, details }
    : { check: 'account', result: 'ok', found, details }
}

const readData = (body: Uint8Array): Json => {
  try {
    const parsed: unknown = JSON.parse(new TextDecoder().decode(body))
    return isObject(parsed) && isObject(parsed.data) ? parsed.data : {}
  } catch {
    // Not JSON tells nothing about the key, which was taken.
    return {}
  }
}
