/**
 * Everything that metrics count, since the log began: so a counter goes on after a restart where it was. The values of labels
 * are bounded, whatever clients ask for: models by their names in the policy (served-models.ts), and all of them by number.
 */
import type { AttemptFailed, AttemptSucceeded, DomainEvent, RequestAdmitted } from '#domain/events.ts'
import type { RequestId } from '#domain/ids.ts'
import { namesKey } from '#domain/names-key.ts'
import { type Policy, providersOf, STRATEGIES } from '#domain/policy.ts'
import { chargeOf } from '#domain/projections/budgets.ts'
import { MEASURED_FROM_TOKENS } from '#domain/projections/performance.ts'
import type { Projection } from '#domain/projections/projection.ts'
import { boundedModel, OTHER_MODEL, servedNames } from '#domain/served-models.ts'
import { addDuration, addNumber, noSums, type Sums } from '#domain/total-sums.ts'
import type { Usage } from '#domain/usage.ts'

/** A request under way. Times are epoch ms. */
interface OpenRequest {
  /** Bounded, as are all models here. */
  readonly model: string
  readonly stream: boolean
  readonly admittedAt: number
  /** Since when it waits for room; null: it does not. */
  readonly queuedAt: number | null
  /** The model of its newest attempt; null: none yet. */
  readonly attempted: string | null
}

export interface Totals extends Sums {
  /** Names that a label may have; see servedNames. */
  served: readonly string[]
  /** Values in use, the first that came first; what comes after the bound is `other`. */
  readonly providers: string[]
  readonly models: string[]
  /** JSON of [provider, model]. */
  readonly pairs: string[]
  readonly open: Map<RequestId, OpenRequest>
  /** Score of each candidate in the last route, by provider. */
  scores: Map<string, number>
  /** Epoch ms at which the configuration was last replaced; null: never. */
  configChangedAt: number | null
}

/** Far above any configuration, and few enough series for any Prometheus. */
export const PROVIDERS_KEPT = 50
export const MODELS_KEPT = 50
export const PAIRS_KEPT = 100
const OTHER = 'other'

export const totals: Projection<Totals> = {
  name: 'totals',
  version: 1,
  hears: [
    'PolicyChanged',
    'ConfigChanged',
    'RequestAdmitted',
    'RouteChosen',
    'AttemptStarted',
    'AttemptSucceeded',
    'AttemptFailed',
    'RequestFailed',
    'RequestCancelled',
    'RequestAbandoned',
    'ProviderThrottled',
    'ProviderRecovered',
    'CircuitOpened',
    'CircuitHalfOpened',
    'CircuitClosed',
    'ProviderRetired',
    'AlertRaised',
  ],
  initial: () => ({
    ...noSums(),
    ...{ served: [], providers: [], models: [], pairs: [] },
    ...{ open: new Map(), scores: new Map(), configChangedAt: null },
  }),
  evolve: (state, { event, occurredAt: at }) => {
    switch (event._tag) {
      case 'PolicyChanged':
        name(state, event.policy)
        break
      case 'ConfigChanged':
        addNumber(state, 'configChanges', [event.source])
        state.configChangedAt = at
        break
      case 'RequestAdmitted':
        state.open.set(event.requestId, opened(state, event, at))
        break
      case 'RouteChosen':
        route(state, event, at)
        break
      case 'AttemptStarted': {
        const open = state.open.get(event.requestId)
        if (event.attempt > 1) addNumber(state, 'fallbacks', [providerIn(state, event.provider)])
        if (open === undefined) break
        if (open.queuedAt !== null) addDuration(state, 'queue', ['served'], at - open.queuedAt)
        state.open.set(event.requestId, { ...open, queuedAt: null, attempted: modelIn(state, event.model) })
        break
      }
      case 'AttemptSucceeded':
        succeed(state, event)
        end(state, event.requestId, 'success', at)
        break
      case 'AttemptFailed':
        fail(state, event)
        break
      case 'RequestFailed':
        addNumber(state, 'requestFailures', [event.reason._tag])
        end(state, event.requestId, 'failure', at)
        break
      case 'RequestCancelled':
        end(state, event.requestId, 'cancelled', at)
        break
      case 'RequestAbandoned':
        abandon(state, event)
        end(state, event.requestId, 'abandoned', at)
        break
      case 'ProviderThrottled':
      case 'ProviderRecovered':
      case 'CircuitOpened':
      case 'CircuitHalfOpened':
      case 'CircuitClosed':
      case 'ProviderRetired':
        addNumber(state, 'transitions', [providerIn(state, event.provider), event._tag])
        break
      case 'AlertRaised':
        addNumber(state, 'alerts', [event.kind, event.severity])
        break
    }
    return state
  },
}

/** Requests that wait for room. */
export const queued = ({ open }: Totals): number => {
  let waiting = 0
  for (const { queuedAt } of open.values()) if (queuedAt !== null) waiting += 1
  return waiting
}

const name = (state: Totals, policy: Policy): void => {
  state.served = servedNames(policy)
  const named: ReadonlySet<string> = providersOf(policy)
  for (const id of state.scores.keys()) if (!named.has(id)) state.scores.delete(id)
}

const opened = (state: Totals, { model, stream }: RequestAdmitted, at: number): OpenRequest => ({
  ...{ model: modelIn(state, model), stream, admittedAt: at, queuedAt: null, attempted: null },
})

const route = (state: Totals, event: Extract<DomainEvent, { readonly _tag: 'RouteChosen' }>, at: number): void => {
  const { order, factors, strategy, queue } = event
  // The log's strategies are text, so that one of a later release can be read.
  addNumber(state, 'routes', [STRATEGIES.find((one) => one === strategy) ?? OTHER])
  if (order.length > 0) {
    state.scores.clear()
    for (const [index, score] of (factors.score ?? []).slice(0, PROVIDERS_KEPT).entries()) {
      const id = order[index]
      if (id !== undefined) state.scores.set(id, score)
    }
  }
  const open = state.open.get(event.requestId)
  if (open !== undefined && queue !== undefined) state.open.set(event.requestId, { ...open, queuedAt: at })
}

const succeed = (state: Totals, event: AttemptSucceeded): void => {
  const open = state.open.get(event.requestId)
  const provider = providerIn(state, event.provider)
  addNumber(state, 'attempts', [provider, 'success', 'none'])
  addDuration(state, 'attempt', [provider, 'success'], event.durationMs)
  // Of an answer that comes in one piece nobody sees when it began.
  if (open?.stream === true) {
    addDuration(state, 'ttft', [provider], event.ttftMs)
    const { outputTokens } = event.usage
    const perToken = (event.durationMs - event.ttftMs) / outputTokens
    if (outputTokens >= MEASURED_FROM_TOKENS) addDuration(state, 'perToken', [provider], perToken)
  }
  const pair = pairIn(state, provider, open?.attempted ?? modelIn(state, event.model))
  use(state, pair, event.usage)
  pay(state, pair, chargeOf(event), event.reportedCostNanoUsd === undefined ? 'priced' : 'reported')
  const { cacheSavedNanoUsd = 0 } = event
  if (cacheSavedNanoUsd > 0) addNumber(state, 'cacheSavedNanoUsd', pair, cacheSavedNanoUsd)
  if (cacheSavedNanoUsd < 0) addNumber(state, 'cacheExtraNanoUsd', pair, -cacheSavedNanoUsd)
}

const fail = (state: Totals, event: AttemptFailed): void => {
  const { reason, stage, usage, costNanoUsd } = event
  const provider = providerIn(state, event.provider)
  const outcome = reason._tag === 'Cancelled' ? 'cancelled' : 'failure'
  addNumber(state, 'attempts', [provider, outcome, reason._tag])
  addDuration(state, 'attempt', [provider, outcome], event.durationMs)
  if (outcome === 'failure' && stage === 'S2') addNumber(state, 'brokenAnswers', [provider])
  if (usage === undefined && costNanoUsd === undefined) return
  const pair = pairIn(state, provider, modelIn(state, event.model))
  if (usage !== undefined) use(state, pair, usage)
  pay(state, pair, costNanoUsd, event.estimated === true ? 'estimated' : 'priced')
}

const abandon = (state: Totals, event: Extract<DomainEvent, { readonly _tag: 'RequestAbandoned' }>): void => {
  if (event.provider === undefined) return
  const provider = providerIn(state, event.provider)
  addNumber(state, 'attempts', [provider, 'abandoned', 'none'])
  if (event.costNanoUsd === undefined) return
  const { attempted } = state.open.get(event.requestId) ?? {}
  pay(state, pairIn(state, provider, attempted ?? OTHER_MODEL), event.costNanoUsd, 'estimated')
}

const end = (state: Totals, id: RequestId, outcome: string, at: number): void => {
  const open = state.open.get(id)
  state.open.delete(id)
  addNumber(state, 'requests', [open?.model ?? OTHER_MODEL, outcome])
  if (open === undefined) return
  // When an abandoned request was found says nothing of how long it took.
  if (outcome !== 'abandoned') addDuration(state, 'request', [outcome], at - open.admittedAt)
  if (open.queuedAt !== null) addDuration(state, 'queue', ['gaveUp'], at - open.queuedAt)
}

type Pair = readonly [provider: string, model: string]

const use = (state: Totals, [provider, model]: Pair, usage: Usage): void => {
  addNumber(state, 'tokens', [provider, model, 'input'], usage.inputTokens)
  addNumber(state, 'tokens', [provider, model, 'output'], usage.outputTokens)
  addNumber(state, 'tokens', [provider, model, 'cache_read'], usage.cacheReadTokens)
  addNumber(state, 'tokens', [provider, model, 'cache_write_5m'], usage.cacheWrite5mTokens)
  addNumber(state, 'tokens', [provider, model, 'cache_write_1h'], usage.cacheWrite1hTokens)
}

const pay = (state: Totals, [provider, model]: Pair, nanoUsd: number | undefined, basis: string): void => {
  if (nanoUsd === undefined) addNumber(state, 'unpriced', [provider, model])
  else addNumber(state, 'costNanoUsd', [provider, model, basis], nanoUsd)
}

const providerIn = ({ providers }: Totals, id: string): string => within(providers, id, PROVIDERS_KEPT, OTHER)

const modelIn = ({ served, models }: Totals, asked: string): string =>
  within(models, boundedModel(served, asked), MODELS_KEPT, OTHER_MODEL)

const pairIn = ({ pairs }: Totals, provider: string, model: string): Pair => {
  const key = namesKey([provider, model])
  return [provider, within(pairs, key, PAIRS_KEPT, OTHER) === OTHER ? OTHER_MODEL : model]
}

/** The value, where it is in use or there is room for one more; else the one that stands for the rest. */
const within = (used: string[], value: string, most: number, rest: string): string => {
  if (used.includes(value)) return value
  if (used.length >= most) return rest
  used.push(value)
  return value
}
