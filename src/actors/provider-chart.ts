/**
 * The state chart of one provider: healthy, throttled (a limit says come back later), openCircuit (it failed too much),
 * halfOpen (one probe at a time), retired (it says that it is gone for good). It says in which state which rule applies; the
 * rules themselves are in provider-rules.ts.
 * Decisions leave as emitted events. No `after`, no `invoke`, no clock, no random: time and draws arrive with the facts.
 *
 * Every state names every fact, so a pair that does nothing was thought of. Lists of transitions are asked from the top.
 */
import { assign, emit, setup } from 'xstate'
import type { MachineFact, ProviderContext, ProviderEvent, Trip } from '#actors/provider-rules.ts'
import * as rules from '#actors/provider-rules.ts'
import type { Decision } from '#domain/events.ts'

interface Args {
  readonly context: ProviderContext
  readonly event: ProviderEvent
}
type EventOf<T extends MachineFact['_tag']> = rules.EventOf<T>

/** A guard about one kind of fact; it answers false to any other, and to attempts that were sent to another server. */
const on =
  <T extends MachineFact['_tag']>(type: T, rule: (context: ProviderContext, event: EventOf<T>) => boolean) =>
  ({ context, event }: Args): boolean =>
    event.type === type && !rules.isOfBefore(context, event) && rule(context, event as EventOf<T>)

/** A change made by one kind of fact; any other changes nothing. */
const by =
  <T extends MachineFact['_tag']>(
    type: T,
    change: (context: ProviderContext, event: EventOf<T>) => Partial<ProviderContext>,
  ) =>
  ({ context, event }: Args): Partial<ProviderContext> =>
    event.type === type ? change(context, event as EventOf<T>) : {}

const decided = (decision: Decision) => ({ type: 'decision' as const, decision })

/** The reason that a decision names; only failures lead to the decisions that name one. */
const because = (event: ProviderEvent) =>
  event.type === 'AttemptFailed' ? event.fact.reason : ({ _tag: 'Unknown' } as const)

const chart = setup({
  types: {
    context: {} as ProviderContext,
    input: {} as ProviderContext,
    events: {} as ProviderEvent,
    emitted: {} as { readonly type: 'decision'; readonly decision: Decision },
  },
  guards: {
    limits: on('AttemptFailed', (_, event) => rules.limits(event)),
    limitsLonger: on('AttemptFailed', rules.limitsLonger),
    retires: on('AttemptFailed', (_, event) => rules.retires(event)),
    refusesUs: on('AttemptFailed', (context, event) => rules.isEvidence(context, event) && rules.refusesUs(event)),
    failsProbe: on('AttemptFailed', (context, event) => !context.circuitClosed && rules.countsHere(context, event)),
    failsInRamp: on(
      'AttemptFailed',
      (context, event) => rules.countsHere(context, event) && rules.inRamp(context, event.at),
    ),
    failsInARow: on(
      'AttemptFailed',
      (context, event) => rules.countsHere(context, event) && rules.failsInARow(context, event),
    ),
    failsTooOften: on(
      'AttemptFailed',
      (context, event) => rules.countsHere(context, event) && rules.failsTooOften(context, event),
    ),
    failsHere: on('AttemptFailed', rules.countsHere),
    failsAtAll: on('AttemptFailed', (_, event) => rules.blamesProvider(event)),
    tellsTime: on('AttemptFailed', rules.tellsTime),
    probeGivenUp: on('AttemptFailed', rules.holdsLease),
    servesClosedCircuit: on(
      'AttemptSucceeded',
      (context, event) => context.circuitClosed && rules.isEvidence(context, event),
    ),
    servesAsProbe: on('AttemptSucceeded', rules.isEvidence),
    servesLastProbe: on(
      'AttemptSucceeded',
      (context, event) => rules.isEvidence(context, event) && rules.provesHealth(context, event),
    ),
    lastResortServes: on(
      'AttemptSucceeded',
      (context, event) => rules.holdsLease(context, event) && rules.provesHealth(context, event),
    ),
    lastResortProves: on('AttemptSucceeded', rules.holdsLease),
    leaseIsFree: on('AttemptStarted', ({ probe }, { fact }) => fact.probe !== undefined && probe === null),
    leaseAbandoned: on('RequestAbandoned', ({ probe }, { fact }) => probe?.requestId === fact.requestId),
    leaseOver: on('ProbeLeaseExpired', ({ probe }, { at }) => probe !== null && at >= probe.leaseUntil),
    cooledDown: on('CooldownElapsed', (context, { at }) => context.circuitClosed && rules.hasCooledDown(context, at)),
    cooledDownToProbe: on(
      'CooldownElapsed',
      (context, { at }) => !context.circuitClosed && rules.hasCooledDown(context, at),
    ),
  },
  actions: {
    countSuccess: assign(by('AttemptSucceeded', rules.countSuccess)),
    countFailure: assign(by('AttemptFailed', rules.countFailure)),
    proveEarly: assign(by('AttemptSucceeded', rules.proveEarly)),
    noteTime: assign(by('AttemptFailed', rules.noteTime)),
    countProbe: assign(by('AttemptSucceeded', rules.countProbe)),
    takeLease: assign(by('AttemptStarted', (_, event) => rules.takeLease(event))),
    giveLeaseBack: assign(rules.giveLeaseBack),
    reset: assign(({ context, event }: Args) => rules.reset(context, event.at)),
    throttle: assign(by('AttemptFailed', rules.throttle)),
    prolongThrottle: assign(by('AttemptFailed', rules.prolongThrottle)),
    open: assign(({ context, event }: Args, { trip }: { readonly trip: Trip }) =>
      by('AttemptFailed', (before, failed) => rules.open(before, failed, trip))({ context, event }),
    ),
    close: assign(by('AttemptSucceeded', (_, event) => rules.close(event))),
    tellThrottled: emit(({ context: { until, throttleLevel: level }, event }: Args) =>
      decided({ _tag: 'ProviderThrottled', provider: event.provider, until, because: because(event), level }),
    ),
    tellRecovered: emit(({ event }: Args) => decided({ _tag: 'ProviderRecovered', provider: event.provider })),
    tellOpened: emit(({ context: { until, level }, event }: Args, { trip }: { readonly trip: Trip }) =>
      decided({ _tag: 'CircuitOpened', provider: event.provider, until, because: because(event), trip, level }),
    ),
    tellRetired: emit(({ event }: Args) =>
      decided({ _tag: 'ProviderRetired', provider: event.provider, because: because(event) }),
    ),
    tellHalfOpened: emit(({ event }: Args) => decided({ _tag: 'CircuitHalfOpened', provider: event.provider })),
    tellClosed: emit(({ context: { ramp }, event }: Args) =>
      decided({ _tag: 'CircuitClosed', provider: event.provider, rampUntil: ramp?.until ?? event.at }),
    ),
  },
})

const opening = <T extends Trip>(trip: T) =>
  [
    { type: 'open', params: { trip } },
    { type: 'tellOpened', params: { trip } },
  ] as const

/** No breaker failure and no limit: nothing that waiting could cure. */
const gone = { guard: 'retires', target: 'retired', actions: ['giveLeaseBack', 'tellRetired'] } as const

/** A failure while no circuit is open. The last line: a probe that ended without telling anything about the provider. */
const failures = [
  { guard: 'refusesUs', target: 'openCircuit', actions: opening('account') },
  { guard: 'failsProbe', target: 'openCircuit', actions: opening('probe') },
  { guard: 'failsInRamp', target: 'openCircuit', actions: opening('ramp') },
  { guard: 'failsInARow', target: 'openCircuit', actions: opening('consecutive') },
  { guard: 'failsTooOften', target: 'openCircuit', actions: opening('rate') },
  { guard: 'failsHere', actions: 'countFailure' },
  { guard: 'probeGivenUp', actions: 'giveLeaseBack' },
] as const

const limited = { guard: 'limits', target: 'throttled', actions: ['throttle', 'tellThrottled'] } as const
const limitedLonger = {
  guard: 'limitsLonger',
  target: 'throttled',
  actions: ['prolongThrottle', 'tellThrottled'],
} as const
const nothing = {} as const

/** The operator's word. What was taken out is told to be back, for those who count. */
const resetThrottled = { target: 'healthy', actions: ['reset', 'tellRecovered'] } as const
const resetOpened = { target: 'healthy', actions: ['reset', 'tellClosed'] } as const

const leaseEnds = {
  RequestAbandoned: { guard: 'leaseAbandoned', actions: 'giveLeaseBack' },
  ProbeLeaseExpired: { guard: 'leaseOver', actions: 'giveLeaseBack' },
} as const

const cooledDownToProbe = { guard: 'cooledDownToProbe', target: 'halfOpen', actions: 'tellHalfOpened' } as const

export const providerChart = chart.createMachine({
  id: 'provider',
  initial: 'healthy',
  context: ({ input }) => input,
  states: {
    healthy: {
      on: {
        AttemptStarted: nothing,
        AttemptSucceeded: { guard: 'servesClosedCircuit', actions: 'countSuccess' },
        AttemptFailed: [gone, limited, ...failures],
        RequestAbandoned: nothing,
        CooldownElapsed: nothing,
        ProbeLeaseExpired: nothing,
        BreakerReset: { actions: 'reset' },
      },
    },
    throttled: {
      on: {
        AttemptStarted: nothing,
        AttemptSucceeded: [
          { guard: 'servesClosedCircuit', actions: 'countSuccess' },
          { guard: 'servesAsProbe', actions: 'countProbe' },
        ],
        AttemptFailed: [gone, limitedLonger, ...failures],
        CooldownElapsed: [{ guard: 'cooledDown', target: 'healthy', actions: 'tellRecovered' }, cooledDownToProbe],
        BreakerReset: resetThrottled,
        ...leaseEnds,
      },
    },
    openCircuit: {
      on: {
        // The last resort while every circuit is open: a probe before its time.
        AttemptStarted: { guard: 'leaseIsFree', actions: 'takeLease' },
        AttemptSucceeded: [
          { guard: 'lastResortServes', target: 'healthy', actions: ['proveEarly', 'close', 'tellClosed'] },
          { guard: 'lastResortProves', target: 'halfOpen', actions: ['proveEarly', 'tellHalfOpened'] },
        ],
        AttemptFailed: [
          gone,
          limitedLonger,
          { guard: 'failsAtAll', actions: 'countFailure' },
          { guard: 'tellsTime', actions: 'noteTime' },
          { guard: 'probeGivenUp', actions: 'giveLeaseBack' },
        ],
        CooldownElapsed: cooledDownToProbe,
        BreakerReset: resetOpened,
        ...leaseEnds,
      },
    },
    halfOpen: {
      on: {
        AttemptStarted: { guard: 'leaseIsFree', actions: 'takeLease' },
        AttemptSucceeded: [
          { guard: 'servesLastProbe', target: 'healthy', actions: ['close', 'tellClosed'] },
          { guard: 'servesAsProbe', actions: 'countProbe' },
        ],
        AttemptFailed: [gone, limited, ...failures],
        CooldownElapsed: nothing,
        BreakerReset: resetOpened,
        ...leaseEnds,
      },
    },
    // Left with a machine of its own, when the provider's entry in the configuration changes, or by the operator's word.
    retired: {
      on: {
        AttemptStarted: nothing,
        AttemptSucceeded: nothing,
        AttemptFailed: nothing,
        RequestAbandoned: nothing,
        CooldownElapsed: nothing,
        ProbeLeaseExpired: nothing,
        BreakerReset: resetOpened,
      },
    },
  },
})
