/**
 * Plays the calls of a log under another policy, in virtual time: the real domain decides, over the state of that other world, and
 * the fitted providers answer. A call is asked when it was asked in the log, or as long after the answer before it, if that is later.
 */
import { type ProviderId, requestId } from '#domain/ids.ts'
import type { Policy, ProviderPolicy } from '#domain/policy.ts'
import { attemptCost } from '#domain/pricing.ts'
import type { Outcome } from '#domain/what-if/outcome.ts'
import type { ProviderFit } from '#domain/what-if/provider-fit.ts'
import type { LoggedCall, LoggedRequest } from '#domain/what-if/traffic.ts'
import type { CallSize } from '#domain/what-if/usage-shape.ts'
import { draw } from '#infra/simulator/draws.ts'
import { MAX_RETRIES, pauseAfter } from '#infra/simulator/virtual/client.ts'
import { signalbox } from '#infra/simulator/virtual/gateway.ts'
import { makeTimeline, type Wait } from '#infra/simulator/virtual/timeline.ts'
import { type Served, walk } from '#infra/simulator/virtual/walk.ts'
import { type BackendOptions, type FittedBackend, fittedBackend } from './fitted-backend.ts'
import type { Sized } from './sized-call.ts'

export interface Logged {
  readonly calls: readonly LoggedCall[]
  readonly sizes: readonly CallSize[]
  readonly fits: ReadonlyMap<ProviderId, ProviderFit>
}

export type Luck = Pick<BackendOptions, 'seed' | 'errorSeed' | 'usesObserved' | 'otherLimits'>

/** Its calls come one after another. */
interface Conversation {
  readonly waiting: Sized[]
  isAsking: boolean
  /** Of the call before: when it ended in the log, and when it did here. */
  last: { readonly loggedMs: number; readonly endedAt: number } | null
}

/** What would have become of each call, in their order. */
export const playLog = ({ calls, sizes, fits }: Logged, policy: Policy, luck: Luck): readonly Outcome[] => {
  const startsAt = calls[0]?.requests[0].at ?? 0
  const timeline = makeTimeline(startsAt)
  const firstChoices = new Map<string, ProviderId | null>()
  const gateway = signalbox({
    name: 'what-if',
    policy,
    timeline,
    witness: {
      after: (_fact, _at, _state, decisions) => {
        for (const one of decisions)
          if (one._tag === 'RouteChosen') firstChoices.set(one.requestId, one.order[0] ?? null)
      },
    },
  })
  const backend = fittedBackend({ policy, fits, startsAt, ...luck })
  const ends = new Map<number, { readonly askedAt: number; readonly served: Served }>()

  function* ask(sized: Sized): Generator<Wait, void, void> {
    const { call } = sized
    const askedAt = timeline.now()
    let issued = 0
    for (let retry = 0; retry <= MAX_RETRIES; retry++) {
      const logged = call.requests[Math.min(retry, call.requests.length - 1)] ?? call.requests[0]
      const { _tag, draw: _draw, ...admitted } = call.requests[0].admitted
      const leaves = logged.end === 'left' && retry >= call.requests.length - 1
      const served: Served = yield* walk({
        gateway,
        backend,
        timeline,
        call: sized,
        issued,
        startedAt: startsAt,
        leavesAt: leaves ? timeline.now() + (logged.endedAt - logged.at) : Number.POSITIVE_INFINITY,
        draw: (attempt) => recordedDraw(call.requests[retry], attempt) ?? draw(luck.seed, 40, call.key, retry, attempt),
        admitted: retry === 0 ? admitted : { ...admitted, requestId: requestId(`${admitted.requestId}~${retry}`) },
      })
      issued += served.attempts
      ends.set(call.key, { askedAt, served })
      const pauseMs = pauseAfter(served, retry, draw(luck.seed, 41, call.key, retry))
      if (pauseMs === null) return
      yield timeline.now() + (loggedPauseMs(call, retry, served) ?? pauseMs)
    }
  }

  const conversations = new Map<string, Conversation>()
  function* converse(own: Conversation): Generator<Wait, void, void> {
    for (let sized = own.waiting.shift(); sized !== undefined; sized = own.waiting.shift()) {
      const { requests } = sized.call
      // Who is late keeps the pauses; catching up would ask faster than anybody does.
      const pauseMs = own.last === null ? 0 : Math.max(0, requests[0].at - own.last.loggedMs)
      if (own.last !== null && own.last.endedAt + pauseMs > timeline.now()) yield own.last.endedAt + pauseMs
      yield* ask(sized)
      own.last = { loggedMs: (requests.at(-1) ?? requests[0]).endedAt, endedAt: timeline.now() }
    }
    own.isAsking = false
  }

  /** In the order of the log: of two that ask in one millisecond the first takes the room that is left. */
  function* askAll(): Generator<Wait, void, void> {
    for (const [index, call] of calls.entries()) {
      const size = sizes[index]
      if (size === undefined) continue
      const { at } = call.requests[0]
      if (at > timeline.now()) yield at
      const own = conversations.get(call.conversation) ?? { waiting: [], isAsking: false, last: null }
      conversations.set(call.conversation, own)
      own.waiting.push({ call, size })
      if (own.isAsking) continue
      own.isAsking = true
      timeline.start(converse(own))
    }
  }
  timeline.start(askAll())
  timeline.run()
  return outcomesOf(calls, policy, backend, (key) => ends.get(key), firstChoices)
}

/** So that who goes the way of the log meets its luck, in pauses too. */
const recordedDraw = (request: LoggedRequest | undefined, attempt: number): number | null | undefined =>
  attempt === 0 ? request?.admitted.draw : request?.attempts[attempt - 1]?.draw

/** What the client waited before this retry in the log, if it heard to come back no later then. */
const loggedPauseMs = ({ requests }: LoggedCall, retry: number, served: Served): number | undefined => {
  const [failed, again] = [requests[retry], requests[retry + 1]]
  if (failed === undefined || again === undefined) return undefined
  const pauseMs = again.at - failed.endedAt
  const leastMs = served._tag === 'Refused' ? (served.retryAfterS ?? 0) * 1_000 : 0
  return pauseMs >= leastMs ? pauseMs : undefined
}

const outcomesOf = (
  calls: readonly LoggedCall[],
  policy: Policy,
  { tried }: FittedBackend,
  endOf: (key: number) => { readonly askedAt: number; readonly served: Served } | undefined,
  firstChoices: ReadonlyMap<string, ProviderId | null>,
): readonly Outcome[] => {
  const providers = new Map<ProviderId, ProviderPolicy>(policy.providers.map((one) => [one.id, one]))
  const byCall = Map.groupBy(tried, ({ key }) => key)
  const before = new Map<string, ProviderId>()
  return calls.map(({ key, session, conversation, requests: [first] }) => {
    const attempts = byCall.get(key) ?? []
    const end = endOf(key)
    const served = end?.served._tag === 'Answered' ? end.served : undefined
    const came = before.get(conversation)
    if (served !== undefined) before.set(conversation, served.provider)
    let costNanoUsd = 0
    for (const { provider, model, usage } of attempts) {
      const its = providers.get(provider)
      if (usage !== undefined && its !== undefined)
        costNanoUsd += attemptCost({ provider: its, model, usage }).nanoUsd ?? 0
    }
    return {
      key,
      session,
      at: first.at,
      costNanoUsd,
      isLeft: end?.served._tag === 'Left',
      isServed: served !== undefined,
      ttftMs: served === undefined ? null : served.firstContentAt - (end?.askedAt ?? first.at),
      limited: attempts.filter(({ isLimited }) => isLimited).length,
      provider: served?.provider ?? null,
      firstChoice: firstChoices.get(first.admitted.requestId) ?? null,
      isSwitch: served === undefined || came === undefined ? null : came !== served.provider,
      modelled: attempts.filter(({ isModelled }) => isModelled).length,
      unsupported: attempts.filter(({ isModelled, isUnsupported }) => isModelled && isUnsupported).length,
      assumed: attempts.filter(({ isAssumed }) => isAssumed).length,
    }
  })
}
