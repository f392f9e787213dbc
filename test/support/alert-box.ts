/**
 * A ledger with alerts, in the time of the test clock: what happened is recorded by hand, the watcher finds what it finds. Several
 * lives may follow each other on one log.
 */
import { Context, Effect, Layer } from 'effect'
import { TestClock } from 'effect/testing'
import * as ledgerLayer from '#actors/ledger.ts'
import { Ledger } from '#actors/ledger.ts'
import { EventLog } from '#actors/ports.ts'
import { type AlertRules, defaultAlertRules } from '#domain/alerts/rules.ts'
import type { BudgetUse } from '#domain/alerts/view.ts'
import type { Fact } from '#domain/events.ts'
import { modelId, providerId } from '#domain/ids.ts'
import type { Policy } from '#domain/policy.ts'
import type { AlertsConfig } from '#infra/alerts/settings.ts'
import type { AlertsOptions } from '#infra/alerts/start-alerts.ts'
import { startAlerts } from '#infra/alerts/start-alerts.ts'
import { known, policyOf, provider } from '#test/box.ts'
import { requestNamed, served } from '#test/generators.ts'

export const A = providerId('a')
export const MODEL = modelId('claude-sonnet-5-5')

/** What the process itself tells; tests change it in place. */
export interface Outside {
  rules: AlertRules
  budgetUse: readonly BudgetUse[]
  diskFree: number | undefined
  config: Omit<AlertsConfig, 'rules'>
}

export const outside = (rules: Partial<AlertRules> = {}): Outside => ({
  rules: { ...defaultAlertRules, ...rules },
  budgetUse: [],
  diskFree: undefined,
  config: { digestMs: 30_000, channels: [], silences: [] },
})

export const POLICY = policyOf([provider('a'), provider('b')])

let lives = 0

/** One process, to the end of the scope. */
export const startAlertBox = (options: {
  readonly log: EventLog['Service']
  readonly outside: Outside
  readonly open?: AlertsOptions['open']
  readonly policy?: Policy
}) =>
  Effect.gen(function* () {
    lives += 1
    const layer = ledgerLayer.layer({ writer: `w${lives}` }).pipe(Layer.provide(Layer.succeed(EventLog, options.log)))
    const ledger = Context.get(yield* Layer.build(layer), Ledger)
    const clock = yield* Effect.clockWith(Effect.succeed)
    const now = () => clock.currentTimeMillisUnsafe()
    const { outside: around, open } = options
    if (ledger.state.policyVersion === 0) {
      ledger.record({ _tag: 'PolicyChanged', version: 1, policy: options.policy ?? POLICY }, now())
    }
    yield* startAlerts({
      config: () => ({ ...around.config, rules: around.rules }),
      diskFree: Effect.sync(() => around.diskFree),
      budgetUse: () => around.budgetUse,
      ...(open === undefined ? {} : { open }),
    }).pipe(Effect.provideService(Ledger, ledger))

    let requests = 1_000_000 * lives
    const record = (fact: Fact, at = now()) => ledger.record(fact, at)
    const attempt = () => {
      requests += 1
      return { requestId: requestNamed(requests), attempt: 1, provider: A, model: MODEL }
    }
    return {
      ledger,
      now,
      record,
      /** A streamed request that is served by `a`. */
      serves: (more: { readonly ttftMs?: number; readonly costNanoUsd?: number } = {}, at = now()) => {
        const named = attempt()
        const { requestId, model } = named
        const size = { stream: true, bodyBytes: 1, messages: 1, tools: 0, images: 0, draw: 0 }
        record({ _tag: 'RequestAdmitted', requestId, model, ...size }, at)
        record({ _tag: 'AttemptStarted', ...named }, at)
        record({ _tag: 'AttemptSucceeded', ...named, ...served, durationMs: 10, costNanoUsd: 0, ...more }, at)
      },
      /** Without a price. */
      servesUnpriced: () => record({ _tag: 'AttemptSucceeded', ...attempt(), ...served, durationMs: 10 }),
      /** An attempt at `a` fails, and so does its request. */
      fails: (reason: Extract<Fact, { readonly _tag: 'AttemptFailed' }>['reason']) => {
        const named = attempt()
        record({ _tag: 'AttemptStarted', ...named })
        record({ _tag: 'AttemptFailed', ...named, reason, stage: 'S0', durationMs: 10, draw: 0.5 })
        record({ _tag: 'RequestFailed', requestId: named.requestId, attempts: 1, status: 529, reason })
      },
      probes: () => {
        const named = attempt()
        record({ _tag: 'AttemptStarted', ...named, probe: { leaseUntil: now() + 60_000 } })
        record({ _tag: 'AttemptSucceeded', ...named, ...served, durationMs: 10, costNanoUsd: 0 })
      },
    }
  })

export type AlertBox = Effect.Success<ReturnType<typeof startAlertBox>>

/** Changes of alerts in the log, oldest first: `+id` raised, `-id` cleared. */
export const alertsIn = (log: EventLog['Service']) =>
  Effect.map(log.read({ after: 0, limit: 10_000, types: ['AlertRaised', 'AlertCleared'] }), (rows) =>
    known(rows).flatMap(({ event }) => {
      if (event._tag === 'AlertRaised') return [`+${event.alertId}`]
      return event._tag === 'AlertCleared' ? [`-${event.alertId}`] : []
    }),
  )

/** Some rounds of the watcher. */
export const rounds = (count = 4) => TestClock.adjust(count * 15_000)
