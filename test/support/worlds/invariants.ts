/**
 * What must hold of every world that was played. Each invariant has a name, so that a failure says which one it is, and
 * answers what is wrong; nothing when all is well.
 */
import {
  applyRecorded,
  decodeState,
  encodeState,
  type GatewayState,
  initialState,
  providerPolicy,
} from '#actors/gateway-state.ts'
import { canonicalState, startReplay } from '#actors/replay.ts'
import { isTerminal } from '#domain/events.ts'
import type { FailureReason } from '#domain/failure.ts'
import type { ProviderId } from '#domain/ids.ts'
import { mayRetry } from '#domain/projections/retry-budget.ts'
import type { RecordedEvent } from '#domain/recorded-event.ts'
import { REQUEST_HEADER } from '#test/box.ts'
import type { Recording } from '#test/scripted-upstream.ts'
import { wrongBytes } from './client-bytes.ts'
import type { Played, PlayedRequest } from './play.ts'
import { firstPolicy } from './world.ts'

type Problems = readonly string[]
export type Invariant = (played: Played) => Problems

/** Answers for every request what is wrong with it. */
const everyRequest =
  (
    judge: (request: PlayedRequest, events: readonly RecordedEvent[], played: Played) => string | undefined,
  ): Invariant =>
  (played) => {
    const byRequest = Map.groupBy(played.rows, ({ correlation }) => correlation)
    return played.requests.flatMap((request) => {
      const problem = judge(request, byRequest.get(request.id) ?? [], played)
      return problem === undefined ? [] : [`${request.id}: ${problem}`]
    })
  }

/** Answers for every event what is wrong with it, given the states before and after it. */
const everyEvent =
  (judge: (row: RecordedEvent, before: GatewayState, after: GatewayState) => string | undefined): Invariant =>
  ({ rows }) => {
    const state = initialState()
    const problems: string[] = []
    for (const row of rows) {
      // Machines and the retry budget are never changed in place, so a shallow copy is the state before.
      const before = { ...state, machines: new Map(state.machines), projections: { ...state.projections } }
      applyRecorded(state, row)
      const problem = judge(row, before, state)
      if (problem !== undefined) problems.push(`position ${row.position} (${row.event._tag}): ${problem}`)
    }
    return problems
  }

/** The exchanges of a request, the one of its last attempt at the end. */
const exchangesOf = (
  request: string,
  events: readonly RecordedEvent[],
  { exchanges }: Played,
): readonly Recording[] => {
  const own = [...exchanges].flatMap(([provider, all]) =>
    all
      .filter((one) => one.request.headers.some(([name, value]) => name === REQUEST_HEADER && value === request))
      .map((recording) => ({ provider, recording })),
  )
  const order = started(events).map(({ provider }): string => provider)
  return own.toSorted((a, b) => order.indexOf(a.provider) - order.indexOf(b.provider)).map(({ recording }) => recording)
}

const started = (events: readonly RecordedEvent[]) =>
  events.flatMap(({ event }) => (event._tag === 'AttemptStarted' ? [event] : []))

/** Whose fault a failure is, said here a second time on purpose: the invariants must not lean on the code's own table. */
const ofRequest = (reason: FailureReason): boolean =>
  (reason._tag === 'InvalidRequest' && reason.status !== 404) ||
  reason._tag === 'ContextTooLong' ||
  reason._tag === 'ContentRefused'
const ofNobody = (reason: FailureReason): boolean =>
  ofRequest(reason) ||
  reason._tag === 'InvalidRequest' ||
  reason._tag === 'FeatureRefused' ||
  reason._tag === 'Cancelled'

/** The time by which a commit is over, or is waited for no longer. */
const commitMs = ({ logMs: [before, after], commits, disturbances }: Played['world']): number =>
  2 * (before + after + commits.groupMs) + 50 + (disturbances.some(({ _tag }) => _tag === 'logFails') ? 1_500 : 0)
const TICK_MS = 250

export const INVARIANTS: { readonly [name: string]: Invariant } = {
  'every request ends, and none dies of a bug': everyRequest(({ exit, fate }) =>
    exit === null
      ? 'it never ended'
      : exit === 'died'
        ? 'it died'
        : exit === 'interrupted' && fate === 'answered'
          ? 'it was interrupted by nobody'
          : undefined,
  ),

  'exactly one terminal event per admitted request, the last of its stream': everyRequest(({ fate }, events) => {
    const terminals = events.filter(({ event }) => isTerminal(event))
    if (fate === 'killed' && events.length === 0) return undefined
    if (terminals.length !== 1) return `${terminals.length} terminal events`
    if (events.at(-1) !== terminals[0]) return `${events.at(-1)?.event._tag} comes after its terminal event`
    return events[0]?.event._tag === 'RequestAdmitted' ? undefined : 'it does not begin with its admission'
  }),

  'at most maxFallbacks + 1 providers, in the order of the route, one twice only to leave out what it refused':
    everyRequest((_, events) => {
      const route = events.find(({ event }) => event._tag === 'RouteChosen')?.event
      const attempts = started(events)
      if (attempts.length === 0) return undefined
      if (route?._tag !== 'RouteChosen') return 'attempts without a route'
      const learned = events.flatMap(({ event }) => (event._tag === 'CapabilityLearned' ? [event.provider] : []))
      // Who waits in the queue may go round several times before the first attempt, of which there is then one.
      const order = [...route.order, ...(route.queue?.providers ?? [])]
      const places = attempts.map(({ provider }) => order.indexOf(provider))
      const isRepeat = (n: number): boolean => {
        const { provider } = attempts[n] ?? {}
        return provider !== undefined && learned.includes(provider) && attempts[n - 2]?.provider !== provider
      }
      if (places.some((place, n) => place < (places[n - 1] ?? -1) || (place === places[n - 1] && !isRepeat(n))))
        return `tried ${attempts.map(({ provider }) => provider)} of ${route.order}`
      return attempts.some(({ attempt }, n) => attempt !== n + 1) ? 'attempts are not counted 1, 2, 3' : undefined
    }),

  'no more attempts than the policy of the admission allows': everyEvent(({ event }, before) => {
    if (event._tag !== 'RouteChosen') return undefined
    return event.order.length > before.policy.routing.maxFallbacks + 1 ? `a route of ${event.order.length}` : undefined
  }),

  'no attempt at a provider whose circuit is open, that is throttled or not in service': everyEvent(
    ({ event }, before) => {
      if (event._tag !== 'AttemptStarted') return undefined
      const { provider } = event
      const state = before.machines.get(provider)?.state
      if (state === 'openCircuit' && event.lastResort !== true) return `${provider} is in ${state}, and no last resort`
      if (state === 'throttled' || state === 'retired') return `${provider} is in ${state}`
      return providerPolicy(before, provider)?.enabled === true ? undefined : `${provider} is not in service`
    },
  ),

  'a last resort only when everybody who could serve has an open circuit': everyEvent(({ event }, before) => {
    if (event._tag !== 'RouteChosen' || event.lastResort !== true) return undefined
    const waiting = event.skipped.find(({ reason }) => reason === 'throttled' || reason === 'limitReached')
    if (waiting !== undefined) return `${waiting.provider} has room later`
    const unasked = event.skipped.find(
      ({ provider, reason }) => reason === 'circuitOpen' && before.machines.get(provider)?.state !== 'openCircuit',
    )
    return unasked === undefined ? undefined : `${unasked.provider} has no open circuit`
  }),

  'no attempt before the time that the log itself names': (played) => {
    const told = new Map<ProviderId, number>()
    // What the machine concluded; the last resort does not wait for it, and ends it when it serves.
    const until = new Map<ProviderId, number>()
    const known = new Set<ProviderId>()
    const longer = (times: Map<ProviderId, number>, provider: ProviderId, time: number) => {
      if (known.has(provider)) times.set(provider, Math.max(time, times.get(provider) ?? 0))
    }
    return played.rows.flatMap(({ event, occurredAt, position }) => {
      if (event._tag === 'PolicyChanged') {
        const named = new Set(event.policy.providers.map(({ id }) => id))
        for (const times of [until, told]) for (const id of times.keys()) if (!named.has(id)) times.delete(id)
        known.clear()
        for (const id of named) known.add(id)
      }
      if (event._tag === 'ProviderThrottled' || event._tag === 'CircuitOpened')
        longer(until, event.provider, event.until)
      if (event._tag === 'CircuitHalfOpened' || event._tag === 'CircuitClosed') until.delete(event.provider)
      // What a provider said itself, whatever the machine made of it.
      if (event._tag === 'AttemptFailed' && event.reason._tag === 'RateLimited')
        longer(told, event.provider, event.reason.until ?? 0)
      if (event._tag !== 'AttemptStarted') return []
      const { provider, lastResort } = event
      const earliest = Math.max(told.get(provider) ?? 0, lastResort === true ? 0 : (until.get(provider) ?? 0))
      return occurredAt < earliest ? [`position ${position}: ${event.provider} too early`] : []
    })
  },

  'a half-open provider gets one probe at a time': everyEvent(({ event }, before) => {
    if (event._tag !== 'AttemptStarted') return undefined
    const machine = before.machines.get(event.provider)
    if (machine?.state === 'halfOpen' && event.probe === undefined) return 'not a probe'
    if (machine?.state !== 'halfOpen' && event.probe !== undefined && event.lastResort !== true)
      return 'a probe of a provider that is not half open'
    return event.probe !== undefined && machine?.context.probe !== null ? 'a second probe' : undefined
  }),

  'a probe is under lease from its start to its end': (played) => {
    const leases = new Map<ProviderId, string>()
    const free = (request: string) => {
      for (const [provider, holder] of leases) if (holder === request) leases.delete(provider)
    }
    return played.rows.flatMap(({ event, position }) => {
      if (event._tag === 'PolicyChanged') {
        const named = new Set(event.policy.providers.map(({ id }) => id))
        for (const id of leases.keys()) if (!named.has(id)) leases.delete(id)
      }
      // A circuit that opens again forgets the probe of before.
      if (event._tag === 'ProbeLeaseExpired' || event._tag === 'CircuitOpened') leases.delete(event.provider)
      if (event._tag === 'AttemptFailed' || event._tag === 'AttemptSucceeded') free(event.requestId)
      if (event._tag === 'RequestAbandoned' || event._tag === 'RequestCancelled') free(event.requestId)
      if (event._tag !== 'AttemptStarted' || event.probe === undefined) return []
      const holder = leases.get(event.provider)
      leases.set(event.provider, event.requestId)
      return holder === undefined ? [] : [`position ${position}: ${holder} probes ${event.provider} already`]
    })
  },

  'nobody is tried after the first content': everyRequest((_, events) => {
    const bound = events.findIndex(
      ({ event }) => event._tag === 'AttemptFailed' && (event.stage === 'S2' || event.stage === 'S3'),
    )
    return bound !== -1 && events.slice(bound).some(({ event }) => event._tag === 'AttemptStarted')
      ? 'a second provider'
      : undefined
  }),

  'errors of the request never cascade': everyRequest((_, events) => {
    const bound = events.findIndex(
      ({ event }) => event._tag === 'AttemptFailed' && (ofRequest(event.reason) || event.reason._tag === 'Cancelled'),
    )
    return bound !== -1 && events.slice(bound).some(({ event }) => event._tag === 'AttemptStarted')
      ? 'another attempt'
      : undefined
  }),

  'cancelled and invalid requests move no machine': everyEvent(({ event }, before, after) => {
    if (event._tag !== 'AttemptFailed') return undefined
    if (!ofNobody(event.reason)) return undefined
    const old = before.machines.get(event.provider)
    const held = old?.context.probe?.requestId === event.requestId
    const expected = old === undefined ? undefined : held ? { ...old, context: { ...old.context, probe: null } } : old
    return JSON.stringify(after.machines.get(event.provider)) === JSON.stringify(expected)
      ? undefined
      : `${event.reason._tag} moved it`
  }),

  'a cool-down or lease that passes changes its machine': everyEvent(({ event }, before, after) =>
    (event._tag === 'CooldownElapsed' || event._tag === 'ProbeLeaseExpired') &&
    JSON.stringify(before.machines.get(event.provider)) === JSON.stringify(after.machines.get(event.provider))
      ? 'it changed nothing'
      : undefined,
  ),

  'every extra attempt is within the retry budget': everyEvent(({ event }, before) =>
    event._tag === 'AttemptStarted' && event.attempt > 1 && !mayRetry(before.projections.retryBudget)
      ? `${before.projections.retryBudget.tokens} tokens were left`
      : undefined,
  ),

  'the client gets the bytes of the one attempt that serves it, or an honest failure': everyRequest(
    (request, events, played) => wrongBytes(request, events, exchangesOf(request.id, events, played)),
  ),

  'a waiting client hears something every 15 s': everyRequest(({ arrival, seen, at, fate }, _, played) => {
    if (!arrival.stream || fate !== 'answered') return undefined
    const { commitHeadersAfterMs, keepAliveMs } = firstPolicy(played.world).stream
    const first = seen.heardAt[0] ?? seen.endedAt ?? Number.POSITIVE_INFINITY
    if (first - at > commitHeadersAfterMs + TICK_MS) return `nothing for ${first - at} ms`
    const comments = seen.text.split(': keep-alive').length - 1
    // The status, the comments, and what came after them: the upstream's first byte or an end that was committed before.
    const heard = [...seen.heardAt.slice(0, comments + 2), ...(seen.endedAt === undefined ? [] : [seen.endedAt])]
    const gaps = heard.slice(1, comments + 2).map((time, n) => time - (heard[n] ?? 0))
    const longest = Math.max(0, ...gaps)
    return longest > keepAliveMs + TICK_MS + commitMs(played.world) ? `nothing for ${longest} ms` : undefined
  }),

  'first byte or error within the deadline': everyRequest(({ seen, at, fate, arrival }, events, played) => {
    if (fate !== 'answered') return undefined
    const { routing } = firstPolicy(played.world)
    const slack = TICK_MS + routing.fallbackDelayMs + (started(events).length + 1) * commitMs(played.world)
    // A whole answer has its first byte when it has its last; its body may take its time.
    const body = arrival.stream ? 0 : 125_000
    const comments = seen.text.split(': keep-alive').length - 1
    const heard = seen.heardAt[comments === 0 ? 0 : comments + 1] ?? seen.endedAt ?? Number.POSITIVE_INFINITY
    const took = heard - at
    return took > routing.deadlineMs + slack + body ? `${took} ms` : undefined
  }),

  'what a client saw complete was committed before': ({ journal }) => {
    const committed = new Set<string>()
    return journal.flatMap((entry) => {
      if (entry._tag === 'committed') {
        for (const { event, correlation } of entry.events)
          if (isTerminal(event) && correlation !== undefined) committed.add(correlation)
        return []
      }
      // A log that has been failing for a second is waited for no longer; that is said on /readyz.
      const letGo = entry.failingSince !== undefined && entry.at - entry.failingSince >= 1_000
      return committed.has(entry.request) || letGo ? [] : [`${entry.request} ended before its outcome was durable`]
    })
  },

  'a complete response is exactly one success in the log': everyRequest(
    ({ seen, fate, arrival, id }, events, { journal }) => {
      const complete = arrival.stream
        ? seen.ended && seen.text.includes('event: message_stop')
        : seen.ended && seen.status === 200 && !seen.text.includes('"type":"error"')
      const end = journal.find((entry) => entry._tag === 'end' && entry.request === id)
      const unsafe = fate === 'killed' && end?._tag === 'end' && end.failingSince !== undefined
      const successes = events.filter(({ event }) => event._tag === 'AttemptSucceeded').length
      return complete && successes !== 1 && !unsafe ? `${successes} successes` : undefined
    },
  ),

  'replaying any prefix of the log gives the live state of that moment': ({ rows, lives }) => {
    const problems: string[] = []
    const replay = startReplay()
    const notes = Map.groupBy(
      // What a process that was cut off had in memory but not in the log is nobody's state.
      lives.flatMap(({ notes: all, cutOff, writer }) => {
        const last = rows.findLast((row) => row.writer === writer)?.position ?? 0
        return cutOff ? all.filter(({ position }) => position <= last) : all
      }),
      ({ position }) => position,
    )
    for (const recorded of rows) {
      replay.next({ _tag: 'Known', recorded })
      for (const note of notes.get(recorded.position) ?? []) {
        notes.delete(recorded.position)
        if (canonicalState(encodeState(replay.state)) !== canonicalState(note.text))
          problems.push(`position ${recorded.position}: the states differ`)
      }
    }
    replay.finish()
    for (const position of notes.keys()) problems.push(`position ${position}: not in the log`)
    const difference = replay.difference()
    if (difference !== undefined) problems.push(`position ${difference.position}: ${JSON.stringify(difference)}`)
    return problems
  },

  'folding in two halves is folding at once': ({ rows, world }) => {
    const whole = initialState()
    for (const row of rows) applyRecorded(whole, row)
    const cuts = [0, 1, 2].map((n) => (world.dice * (n + 1)) % (rows.length + 1))
    return cuts.flatMap((cut) => {
      const first = initialState()
      for (const row of rows.slice(0, cut)) applyRecorded(first, row)
      const second = decodeState(encodeState(first))
      for (const row of rows.slice(cut)) applyRecorded(second, row)
      return encodeState(second) === encodeState(whole) ? [] : [`cut at ${cut}`]
    })
  },

  'a start from snapshot and tail is a start from the log alone': ({ lives, afterwards }) =>
    [...lives, { writer: 'the last one', ...afterwards }].flatMap(({ writer, restored: { quickly, alone } }) =>
      canonicalState(quickly) === canonicalState(alone) ? [] : [`${writer} differs`],
    ),

  'a start closes each request of the dead by one RequestAbandoned, and frees its probe': ({
    rows,
    lives,
    requests,
    afterwards,
  }) => {
    const problems: string[] = []
    for (const [n, life] of lives.entries()) {
      const before = rows.filter(({ position }) => position <= life.restoredAt)
      const open = new Set(before.flatMap(({ event }) => (event._tag === 'RequestAdmitted' ? [event.requestId] : [])))
      for (const { event } of before) if (isTerminal(event) && 'requestId' in event) open.delete(event.requestId)
      const own = rows.filter(({ writer }) => writer === life.writer)
      const closed = own.flatMap(({ event }) => (event._tag === 'RequestAbandoned' ? [event.requestId] : []))
      if (closed.toSorted().join() !== [...open].toSorted().join())
        problems.push(`${life.writer} closed ${closed}, open were ${[...open]}`)
      if (life.abandoned !== open.size)
        problems.push(`${life.writer} reports ${life.abandoned} abandoned, open were ${open.size}`)
      if (n > 0 && lives[n - 1]?.cutOff === false && open.size > 0) problems.push(`an orderly stop left ${[...open]}`)
      const state = initialState()
      const opening = own.findIndex(({ event }) => event._tag === 'RequestAdmitted' || event._tag === 'AttemptStarted')
      const until = opening === -1 ? own.at(-1)?.position : (own[opening]?.position ?? 0) - 1
      for (const row of rows) if (row.position <= (until ?? 0)) applyRecorded(state, row)
      for (const [id, { context }] of state.machines)
        if (context.probe !== null) problems.push(`${id} has a probe of the dead`)
    }
    if (afterwards.abandoned !== 0 && lives.at(-1)?.cutOff === false)
      problems.push(`${afterwards.abandoned} are left after an orderly stop`)
    if (requests.length > 0 && lives.length === 0) problems.push('no life')
    return problems
  },

  'the log holds what was recorded, in order, and observers hear the same': ({ rows, lives }) =>
    lives.flatMap(({ writer, facts, published, cutOff }) => {
      const own = rows.filter((row) => row.writer === writer)
      const logged = own.map(({ event }) => event._tag).join()
      const recorded = facts.join()
      if (cutOff ? !recorded.startsWith(logged) : recorded !== logged)
        return [`${writer} recorded other events than its log has`]
      const from = published[0]?.position ?? 0
      const heard = JSON.stringify(published.map(({ position, writerSeq }) => [position, writerSeq]))
      const there = JSON.stringify(
        own
          .filter(({ position }) => position >= from)
          .slice(0, published.length)
          .map(({ position, writerSeq }) => [position, writerSeq]),
      )
      if (heard !== there) return [`${writer} published other events than its log has`]
      return cutOff || published.length === 0 || published.at(-1)?.position === own.at(-1)?.position
        ? []
        : [`${writer} did not publish its last events`]
    }),

  'nothing is left behind: no watch, no exchange': ({ lives, exchanges }) => [
    ...lives.flatMap(({ writer, watches }) => (watches === 0 ? [] : [`${writer} left ${watches} watches`])),
    ...[...exchanges].flatMap(([provider, all]) =>
      all.every(({ done, aborted }) => done || aborted) ? [] : [`an exchange with ${provider} goes on`],
    ),
  ],
}

/** The broken invariants of a world, each with its first problems. */
export const broken = (played: Played): readonly string[] =>
  Object.entries(INVARIANTS).flatMap(([name, invariant]) => {
    const problems = invariant(played)
    return problems.length === 0 ? [] : [`${name}\n    ${problems.slice(0, 3).join('\n    ')}`]
  })
