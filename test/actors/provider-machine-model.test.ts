/**
 * The machine against a simple model, over histories as a correct box writes them: attempts are sent only when admitted,
 * end once in any order, time passes and the timekeeper does its duty.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { wakeAt } from '#actors/provider-machine.ts'
import type { FailureReason } from '#domain/failure.ts'
import { breakers, draws, reasonsAt } from '#test/generators.ts'
import { ProviderStory, type StoryAttempt } from '#test/given-when-then.ts'
import { type ModelAttempt, ProviderModel } from '#test/provider-model.ts'

interface Real {
  readonly story: ProviderStory
  readonly inFlight: StoryAttempt[]
}
interface Model {
  readonly provider: ProviderModel
  readonly inFlight: ModelAttempt[]
  /** The trips and other decisions that came about in any history, to know that the test meets them all. */
  readonly seen: Set<string>
}
type Command = fc.Command<Model, Real>

const compare = ({ provider, seen }: Model, { story }: Real): void => {
  const { context, state, admits, now, told } = story
  const last = told.at(-1)
  if (last !== undefined) seen.add('trip' in last ? last.trip : last._tag)
  const cools = state === 'throttled' || state === 'openCircuit'
  expect({
    state,
    closed: context.circuitClosed,
    level: context.level,
    throttles: context.throttleLevel,
    lease: context.probe?.leaseUntil,
    until: cools ? context.until : undefined,
    admits: admits.admit === 'yes' ? admits.share : admits.admit,
    mayBeLastResort: admits.admit === 'no' && admits.mayBeLastResort === true,
  }).toEqual({
    state: provider.state,
    closed: provider.closed,
    level: provider.level,
    throttles: provider.throttles,
    lease: provider.lease?.until,
    until: cools ? provider.until : undefined,
    admits: provider.admits(now),
    mayBeLastResort: provider.mayBeLastResort(now),
  })
}

/** Time passes, at least a millisecond, and the timekeeper submits what has become due. */
const passes = (model: Model, { story }: Real, ms: number): void => {
  const target = story.now + 1 + ms
  for (;;) {
    const wake = wakeAt(story.snapshot)
    if (wake === undefined || wake.at > target) break
    story.wakes()
    model.provider.wakes(story.now)
  }
  story.now = target
}

class Passes implements Command {
  readonly ms: number
  constructor(ms: number) {
    this.ms = ms
  }
  check = () => true
  run(model: Model, real: Real) {
    passes(model, real, this.ms)
    compare(model, real)
  }
  toString = () => `passes(${this.ms})`
}

class Sends implements Command {
  check = (model: Readonly<Model>) => model.inFlight.length < 6
  run(model: Model, real: Real) {
    passes(model, real, 0)
    const { admits } = real.story
    if (admits.admit === 'no' && admits.mayBeLastResort !== true) return
    real.inFlight.push(real.story.starts(admits.admit === 'no' ? 'asLastResort' : 'asAdmitted'))
    model.inFlight.push(model.provider.sends(real.story.now))
    compare(model, real)
  }
  toString = () => 'sends()'
}

class Resets implements Command {
  check = () => true
  run(model: Model, real: Real) {
    passes(model, real, 0)
    real.story.isReset()
    model.provider.isReset()
    compare(model, real)
  }
  toString = () => 'resets()'
}

/** Any attempt in flight ends. */
class Ends implements Command {
  readonly pick: number
  readonly how: 'succeeds' | 'isAbandoned' | FailureReason
  readonly draw: number
  constructor(pick: number, how: 'succeeds' | 'isAbandoned' | FailureReason, draw: number) {
    this.pick = pick
    this.how = how
    this.draw = draw
  }
  check = (model: Readonly<Model>) => model.inFlight.length > 0
  run(model: Model, real: Real) {
    passes(model, real, 10)
    const index = this.pick % model.inFlight.length
    const [simple] = model.inFlight.splice(index, 1) as [ModelAttempt]
    const [attempt] = real.inFlight.splice(index, 1) as [StoryAttempt]
    const { now } = real.story
    if (this.how === 'succeeds') {
      real.story.succeeds(attempt)
      model.provider.succeeds(simple, now)
    } else if (this.how === 'isAbandoned') {
      real.story.abandons(attempt)
      model.provider.givesBack(simple)
    } else {
      const reason = 'until' in this.how ? { ...this.how, until: now + (this.how.until ?? 0) } : this.how
      real.story.fails(reason, attempt, this.draw)
      model.provider.fails(simple, reason, now, this.draw)
    }
    compare(model, real)
  }
  toString = () => `ends(${this.pick}, ${JSON.stringify(this.how)}, ${this.draw})`
}

const commands = fc.commands(
  [
    fc.oneof(fc.nat(2_000), fc.nat(100_000)).map((ms) => new Passes(ms)),
    fc.constant(new Sends()),
    fc.constant(new Sends()),
    fc.constant(new Sends()),
    fc.nat(5).map((pick) => new Ends(pick, 'succeeds', 0)),
    fc.nat(5).map((pick) => new Ends(pick, 'succeeds', 0)),
    fc.tuple(fc.nat(5), reasonsAt(0), draws).map(([pick, reason, draw]) => new Ends(pick, reason, draw)),
    fc.tuple(fc.nat(5), draws).map(([pick, draw]) => new Ends(pick, { _tag: 'ServerError' }, draw)),
    fc.nat(5).map((pick) => new Ends(pick, 'isAbandoned', 0)),
    fc.constant(new Resets()),
  ],
  { maxCommands: 120, size: 'max' },
)

describe('the provider machine', () => {
  it('agrees with a simple model of the rules, in histories that meet every decision', () => {
    const seen = new Set<string>()
    fc.assert(
      fc.property(commands, breakers, (history, breaker) => {
        fc.modelRun(
          () => ({
            model: { provider: new ProviderModel(breaker), inFlight: [], seen },
            real: { story: new ProviderStory(breaker), inFlight: [] },
          }),
          history,
        )
      }),
      { numRuns: 300 },
    )
    expect([...seen].toSorted()).toEqual(
      [
        ...['consecutive', 'rate', 'probe', 'ramp', 'account'],
        ...['CircuitHalfOpened', 'CircuitClosed', 'ProviderThrottled', 'ProviderRecovered', 'ProviderRetired'],
      ].toSorted(),
    )
  })
})
