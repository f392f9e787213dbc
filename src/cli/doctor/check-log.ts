/**
 * What the event log knows of a provider: the state of its circuit, what it has refused, what it has announced. The log is
 * opened for reading only, beside a server that may be writing it.
 */
import { existsSync } from 'node:fs'
import { Effect, Result } from 'effect'
import type { GatewayState } from '#actors/gateway-state.ts'
import { EventLog } from '#actors/ports.ts'
import { restore } from '#actors/restore.ts'
import { readOnlyDatabaseLayer } from '#cli/database.ts'
import { type Detail, type Finding, limited } from '#cli/doctor/finding.ts'
import { timeText } from '#cli/doctor/time-text.ts'
import { describeEnd } from '#domain/announced-end.ts'
import type { ProviderPolicy } from '#domain/policy.ts'
import type { ModelCapabilities } from '#domain/projections/capabilities.ts'
import type { ResolvedProvider } from '#infra/config/config.ts'

export type Knowledge =
  | { readonly _tag: 'Known'; readonly state: GatewayState; readonly at: number }
  | { readonly _tag: 'NoLog' }
  | { readonly _tag: 'Unreadable'; readonly why: string }

/** Reads the whole log once, for all providers. */
export const readKnowledge = (databaseUrl: string): Effect.Effect<Knowledge> =>
  Effect.gen(function* () {
    const path = /^sqlite:(.*)$/.exec(databaseUrl)?.[1]
    if (path !== undefined && !existsSync(path)) return { _tag: 'NoLog' }
    const folded = yield* Effect.flatMap(EventLog, restore).pipe(
      Effect.provide(readOnlyDatabaseLayer(databaseUrl)),
      limited,
      Effect.result,
    )
    const at = yield* Effect.clockWith((clock) => clock.currentTimeMillis)
    if (Result.isSuccess(folded)) return { _tag: 'Known', state: folded.success.state, at }
    const why = folded.failure
    return {
      _tag: 'Unreadable',
      why: why._tag === 'EventLogError' ? why.message : 'it is too large to be read in time',
    }
  })

export const logFinding = (knowledge: Knowledge, provider: ResolvedProvider, policy: ProviderPolicy): Finding => {
  switch (knowledge._tag) {
    case 'NoLog':
      return { check: 'log', result: 'ok', found: 'no log yet' }
    case 'Unreadable':
      return {
        check: 'log',
        result: 'warning',
        found: `the log cannot be read: ${knowledge.why}`,
        advice: 'Check it with `signalbox verify`.',
      }
    case 'Known':
      return knownFinding(knowledge.state, knowledge.at, provider, policy)
  }
}

const knownFinding = (state: GatewayState, at: number, provider: ResolvedProvider, policy: ProviderPolicy): Finding => {
  const before = state.policy.providers.find(({ id }) => id === provider.id)
  if (before === undefined) return { check: 'log', result: 'ok', found: 'the log has nothing of it' }
  if (before.endpoint !== policy.endpoint) {
    return { check: 'log', result: 'ok', found: 'the log knows it at another address only' }
  }
  const told = [...state.projections.capabilities.values()].filter((one) => one.provider === provider.id)
  const machine = state.machines.get(provider.id)
  const circuit = machine?.state ?? 'healthy'
  const until = circuit === 'throttled' || circuit === 'openCircuit' ? (machine?.context.until ?? null) : null
  const refused = told.flatMap((one) => refusedOf(one, at))
  const ends = told.flatMap(endOf)
  const isTroubled = circuit !== 'healthy' && (until === null || until > at)
  const found = [
    isTroubled || circuit === 'retired'
      ? `${WORDS[circuit]}${until === null ? '' : ` until ${timeText(until)}`}`
      : 'healthy',
    ...refused.map(({ model, feature, until: end }) => `goes without ${feature} for ${model} until ${timeText(end)}`),
    ...ends.map(({ model, words }) => `${model} ${words}`),
  ].join('; ')
  const advice =
    circuit === 'retired' ? retiredAdvice(provider) : isTroubled ? TROUBLE : ends.length > 0 ? ENDING : null
  return {
    check: 'log',
    result: circuit === 'retired' ? 'failed' : advice === null ? 'ok' : 'warning',
    found,
    ...(advice === null ? {} : { advice }),
    details: {
      circuit,
      until: until === null ? null : timeText(until),
      refused: refused.map((one) => ({ ...one, until: timeText(one.until) })),
      ends: ends.map(({ words: _, ...dates }): Detail => dates),
    },
  }
}

const WORDS = {
  healthy: 'healthy',
  throttled: 'its limits are reached',
  openCircuit: 'left alone after failures',
  halfOpen: 'tried carefully after failures',
  retired: 'taken out for good',
} as const

const TROUBLE = 'It comes back by itself; `signalbox events --type AttemptFailed` shows what went wrong.'
const ENDING = 'Map its models to newer ones before the end that it has announced.'

const retiredAdvice = ({ id, profile }: ResolvedProvider): string =>
  profile.retired === undefined
    ? `It said that it is gone for good: take ${id} out, or change its entry to have it tried again.`
    : `The service was retired on ${profile.retired.since}; use instead: ${profile.retired.successors}.`

const refusedOf = ({ model, refused }: ModelCapabilities, at: number) =>
  [...refused].flatMap(([feature, until]) => (at < until ? [{ model: String(model), feature, until }] : []))

const endOf = ({ model, sunsetAt, deprecatedAt }: ModelCapabilities) =>
  sunsetAt === null && deprecatedAt === null
    ? []
    : [
        {
          model: String(model),
          sunsetAt: sunsetAt === null ? null : timeText(sunsetAt),
          deprecatedAt: deprecatedAt === null ? null : timeText(deprecatedAt),
          words: describeEnd({
            ...(sunsetAt === null ? {} : { sunsetAt }),
            ...(deprecatedAt === null ? {} : { deprecatedAt }),
          }),
        },
      ]
