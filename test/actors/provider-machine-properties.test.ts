/**
 * What holds for every history of one provider, also for histories that no correct box could write.
 */

import { Schema } from 'effect'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { transition } from 'xstate'
import { getShortestPaths } from 'xstate/graph'
import { providerChart } from '#actors/provider-chart.ts'
import {
  admission,
  initialProvider,
  type MachineFact,
  type ProviderSnapshot,
  type ProviderState,
  step,
  wakeAt,
} from '#actors/provider-machine.ts'
import { type Decision, Decision as DecisionSchema } from '#domain/events.ts'
import { type BreakerPolicy, defaultBreaker } from '#domain/policy.ts'
import { fromJson, toJson } from '#domain/snapshot-json.ts'
import { breakers, EPOCH, PROVIDERS } from '#test/generators.ts'
import {
  machineFactsOfEveryKind,
  snapshotsOfEveryState,
  type Timed,
  wildMachineFacts,
} from '#test/machine-generators.ts'

const PROVIDER = PROVIDERS[0]!
const STATES = [
  'healthy',
  'throttled',
  'openCircuit',
  'halfOpen',
  'retired',
] as const satisfies readonly ProviderState[]

/** Every snapshot of a history with the decisions that led to it; the first is the initial one. */
const run = (facts: readonly Timed<MachineFact>[], breaker: BreakerPolicy, from = initialProvider(breaker)) => {
  const steps: { snapshot: ProviderSnapshot; decisions: readonly Decision[]; at: number }[] = []
  let snapshot = from
  for (const { fact, at } of facts) {
    const [next, decisions] = step(snapshot, fact, at, PROVIDER, breaker)
    steps.push({ snapshot: next, decisions, at })
    snapshot = next
  }
  return steps
}

const withinAnyHistory = (check: (steps: ReturnType<typeof run>, breaker: BreakerPolicy) => void) =>
  fc.assert(fc.property(wildMachineFacts, breakers, (facts, breaker) => check(run(facts, breaker), breaker)))

describe('the provider machine is total', () => {
  it('names every fact in every state', () => {
    const facts = [
      'AttemptFailed',
      'AttemptStarted',
      'AttemptSucceeded',
      'BreakerReset',
      'CooldownElapsed',
      'ProbeLeaseExpired',
      'RequestAbandoned',
    ]
    expect(Object.keys(providerChart.config.states ?? {}).toSorted()).toEqual(STATES.toSorted())
    for (const state of STATES) {
      expect(Object.keys(providerChart.config.states?.[state]?.on ?? {}).toSorted()).toEqual(facts)
    }
  })

  it.each(snapshotsOfEveryState.map((snapshot, n) => [snapshot.state, n] as const))(
    'answers every kind of fact when it is %s (case %d)',
    (_, n) => {
      const isDecision = Schema.is(DecisionSchema)
      for (const fact of machineFactsOfEveryKind) {
        for (const at of [EPOCH - 1_000, EPOCH, EPOCH + 500, EPOCH + 100_000]) {
          const [next, decisions] = step(snapshotsOfEveryState[n]!, fact, at, PROVIDER, defaultBreaker)
          expect(STATES).toContain(next.state)
          expect(decisions.every(isDecision)).toBe(true)
          expect(fromJson(toJson(next))).toEqual(next)
        }
      }
    },
  )

  it('reaches all five states', () => {
    const events = machineFactsOfEveryKind.flatMap((fact) =>
      [EPOCH, EPOCH + 100_000].map((at) => ({
        type: fact._tag,
        fact,
        at,
        provider: PROVIDER,
        breaker: { ...defaultBreaker, consecutiveFailures: 1, probeSuccesses: 1 },
      })),
    )
    const paths = getShortestPaths(providerChart, {
      input: initialProvider(defaultBreaker).context,
      events: events as never,
      serializeState: (state) => String(state.value),
    })
    expect(new Set(paths.map(({ state }) => state.value))).toEqual(new Set(STATES))
  })
})

describe('in any history of a provider', () => {
  it('the same facts lead to the same states and decisions, by way of JSON or not', () => {
    fc.assert(
      fc.property(wildMachineFacts, breakers, fc.nat(60), (facts, breaker, cut) => {
        const whole = run(facts, breaker)
        const first = run(facts.slice(0, cut), breaker)
        const middle = first.at(-1)?.snapshot ?? initialProvider(breaker)
        const second = run(facts.slice(cut), breaker, fromJson(toJson(middle)) as ProviderSnapshot)
        expect([...first, ...second]).toEqual(whole)
      }),
    )
  })

  it('a step is what the transition of XState says', () => {
    fc.assert(
      fc.property(wildMachineFacts, breakers, (facts, breaker) => {
        let snapshot = initialProvider(breaker)
        for (const { fact, at } of facts) {
          const [next, decisions] = step(snapshot, fact, at, PROVIDER, breaker)
          const resolved = providerChart.resolveState({ value: snapshot.state, context: snapshot.context })
          const event = { type: fact._tag, fact, at, provider: PROVIDER, breaker } as Parameters<
            typeof providerChart.transition
          >[1]
          const [pure, actions] = transition(providerChart, resolved, event)
          expect(next).toEqual({ state: pure.value, context: pure.context })
          expect(decisions).toEqual(
            actions.map(({ params }) => (params as { event: { decision: Decision } }).event.decision),
          )
          snapshot = next
        }
      }),
      { numRuns: 30 },
    )
  })

  it('nothing is admitted while it is open, throttled or retired, and a probe only while it is half-open and free', () => {
    withinAnyHistory((steps, breaker) => {
      for (const { snapshot, at } of steps) {
        const { admit } = admission(snapshot, at, breaker)
        if (snapshot.state === 'healthy') expect(admit).toBe('yes')
        else if (snapshot.state === 'halfOpen') expect(admit).toBe(snapshot.context.probe === null ? 'probe' : 'no')
        else expect(admit).toBe('no')
      }
    })
  })

  it('only a circuit that is not closed has a probe in flight', () => {
    withinAnyHistory((steps) => {
      for (const { snapshot } of steps) {
        if (snapshot.context.probe === null) continue
        expect(snapshot.context.circuitClosed).toBe(false)
      }
    })
  })

  it('every change of state is told by exactly one decision, and a decision changes state or prolongs a throttle', () => {
    const leadsTo = {
      ProviderThrottled: 'throttled',
      ProviderRecovered: 'healthy',
      CircuitOpened: 'openCircuit',
      CircuitHalfOpened: 'halfOpen',
      CircuitClosed: 'healthy',
      ProviderRetired: 'retired',
    } as const
    withinAnyHistory((steps) => {
      let before: ProviderSnapshot['state'] = 'healthy'
      for (const { snapshot, decisions } of steps) {
        const [decision, ...more] = decisions
        expect(more).toEqual([])
        if (decision === undefined) expect(snapshot.state).toBe(before)
        else {
          expect(decision._tag).not.toBe('RouteChosen')
          expect(snapshot.state).toBe(leadsTo[decision._tag as keyof typeof leadsTo])
          if (snapshot.state === before) expect(decision._tag).toBe('ProviderThrottled')
        }
        before = snapshot.state
      }
    })
  })

  it('a cool-down ends after it begins and within the longest time that the policy knows', () => {
    withinAnyHistory((steps, breaker) => {
      let latest = EPOCH
      for (const { decisions, at } of steps) {
        latest = Math.max(latest, at)
        const longest = Math.max(
          breaker.throttleMaxMs,
          breaker.openCapMs * (1 + breaker.openJitterShare),
          breaker.credentialRetryMs,
          breaker.quotaRetryMs,
          breaker.throttleCapMs,
        )
        for (const decision of decisions) {
          if (!('until' in decision)) continue
          expect(decision.until).toBeGreaterThanOrEqual(at)
          expect(decision.until).toBeLessThanOrEqual(latest + longest + 1)
        }
      }
    })
  })

  it('waking it whenever it asks makes it admit requests again, unless it is retired', () => {
    withinAnyHistory((steps, breaker) => {
      let snapshot = steps.at(-1)?.snapshot ?? initialProvider(breaker)
      let now = steps.at(-1)?.at ?? EPOCH
      for (let wakes = 0; wakes < 4; wakes++) {
        const wake = wakeAt(snapshot)
        if (wake === undefined) break
        now = Math.max(now, wake.at)
        snapshot = step(snapshot, { _tag: wake.fact, provider: PROVIDER }, now, PROVIDER, breaker)[0]
      }
      expect(wakeAt(snapshot)).toBeUndefined()
      const retired = steps.at(-1)?.snapshot.state === 'retired'
      expect(admission(snapshot, now, breaker).admit === 'no').toBe(retired)
    })
  })

  it('it is retired exactly when it said so, and then for good: no fact but the word of an operator moves it, nothing wakes it, nothing is admitted', () => {
    fc.assert(
      fc.property(wildMachineFacts, breakers, (all, breaker) => {
        const facts = all.filter(({ fact }) => fact._tag !== 'BreakerReset')
        const saidSo = facts.findIndex(({ fact }) => fact._tag === 'AttemptFailed' && fact.reason._tag === 'Retired')
        for (const [n, { snapshot, decisions, at }] of run(facts, breaker).entries()) {
          const gone = saidSo >= 0 && n >= saidSo
          expect(snapshot.state === 'retired').toBe(gone)
          expect(decisions.some(({ _tag }) => _tag === 'ProviderRetired')).toBe(n === saidSo)
          if (!gone) continue
          if (n > saidSo) expect(decisions).toEqual([])
          expect(wakeAt(snapshot)).toBeUndefined()
          expect(admission(snapshot, at, breaker)).toEqual({ admit: 'no', reason: 'retired' })
          const [reset] = step(
            snapshot,
            { _tag: 'BreakerReset', provider: PROVIDER, by: 'admin' },
            at,
            PROVIDER,
            breaker,
          )
          expect(admission(reset, at, breaker)).toEqual({ admit: 'yes', share: 1 })
        }
      }),
    )
  })

  it('attempts from before its entry changed leave no trace, whatever they say', () => {
    fc.assert(
      fc.property(wildMachineFacts, breakers, (facts, breaker) => {
        const since = Math.max(EPOCH, ...facts.map(({ at }) => at)) + 1
        const anew = initialProvider(breaker, since)
        const old = facts.filter(({ fact }) => fact._tag === 'AttemptFailed' || fact._tag === 'AttemptSucceeded')
        for (const { snapshot, decisions } of run(old, breaker, anew)) {
          expect(snapshot).toBe(anew)
          expect(decisions).toEqual([])
        }
      }),
    )
  })

  it('the share of a ramp never shrinks and ends at everything', () => {
    fc.assert(
      fc.property(breakers, fc.array(fc.nat(70_000), { minLength: 1 }), (breaker, times) => {
        const ramp = { from: EPOCH, until: EPOCH + breaker.rampMs }
        const snapshot: ProviderSnapshot = { state: 'healthy', context: { ...initialProvider(breaker).context, ramp } }
        const shares = times
          .toSorted((a, b) => a - b)
          .map((ms) => admission(snapshot, EPOCH + ms, breaker))
          .map((admitted) => (admitted.admit === 'yes' ? admitted.share : Number.NaN))
        expect(shares).toEqual(shares.toSorted((a, b) => a - b))
        expect(shares[0]).toBeGreaterThanOrEqual(breaker.rampFloorShare)
        expect(admission(snapshot, EPOCH + breaker.rampMs, breaker)).toEqual({ admit: 'yes', share: 1 })
      }),
    )
  })

  it('failures that are nobody’s fault change nothing but the lease of a probe', () => {
    const innocent = machineFactsOfEveryKind.filter(
      (fact) =>
        fact._tag === 'AttemptFailed' &&
        ['InvalidRequest', 'ContextTooLong', 'FeatureRefused', 'ContentRefused', 'Cancelled'].includes(
          fact.reason._tag,
        ),
    )
    expect(innocent.length).toBeGreaterThan(6)
    withinAnyHistory((steps, breaker) => {
      for (const { snapshot, at } of steps) {
        for (const fact of innocent) {
          const [next, decisions] = step(snapshot, fact, at, PROVIDER, breaker)
          expect(decisions).toEqual([])
          expect({ ...next, context: { ...next.context, probe: null } }).toEqual({
            ...snapshot,
            context: { ...snapshot.context, probe: null },
          })
        }
      }
    })
  })
})
