/**
 * Meters against worlds whose limits are known exactly: the simulator's buckets, slices of a minute, calendar windows.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { LimitReading } from '#domain/events.ts'
import { learn, rebase, resize } from '#domain/limit-lessons.ts'
import {
  advance,
  freesAt,
  giveBack,
  headroom,
  levelAt,
  type Meter,
  seedMeters,
  take,
  usedShare,
  WINDOW_MS,
} from '#domain/limits.ts'
import type { LimitPolicy } from '#domain/policy.ts'
import { makeRateLimits } from '#infra/simulator/rate-limits.ts'
import { EPOCH } from '#test/generators.ts'

const MINUTE = 60_000
const DAY = 86_400_000
/** The first moment of a UTC day. */
const MIDNIGHT = Math.floor(EPOCH / DAY) * DAY

const seeded = (limits: LimitPolicy, at = EPOCH): Meter => seedMeters(limits, at)[0]!
const perMinute = (size: number, at = EPOCH) => seeded({ inputTokensPerMinute: size }, at)
const fixedMinute = (size: number, at = EPOCH) => seeded({ inputTokensPerMinute: size, window: 'fixed' }, at)

// ---- generators ----------------------------------------------------------------------------------------------------

/** Amounts as they are, and as they should not be. */
const amounts = fc.oneof(
  fc.integer({ min: 0, max: 2_000_000 }),
  fc.double({ min: 0, max: 1, noNaN: true }),
  fc.constantFrom(0, -1, -1e300, 1e15, 1e300, Number.POSITIVE_INFINITY, Number.NaN),
)
const sizes = fc.oneof(fc.integer({ min: 1, max: 10_000_000 }), fc.constantFrom(0.001, 1, 1e12))
const later = fc.oneof(fc.nat(5_000), fc.nat(3 * MINUTE), fc.nat(2 * DAY))
const readings: fc.Arbitrary<LimitReading> = fc
  .tuple(
    fc.record({ limit: fc.constant('input' as const), window: fc.constantFrom('minute' as const, 'day' as const) }),
    fc.record(
      {
        size: fc.oneof(sizes, fc.constantFrom(0, -5, 1e300)),
        remaining: fc.oneof(fc.nat(2_000_000), fc.constantFrom(-3, 1e300)),
        resetAt: fc.oneof(
          fc.integer({ min: -MINUTE, max: 2 * DAY }).map((ahead) => EPOCH + ahead),
          fc.constantFrom(0, -1e300, 1e300),
        ),
      },
      { requiredKeys: [] },
    ),
  )
  .map(([must, may]) => ({ ...must, ...may }))

type Step = (meter: Meter, at: number) => Meter
const steps: fc.Arbitrary<Step> = fc.oneof(
  amounts.map(
    (amount): Step =>
      (meter, at) =>
        take(meter, amount, at),
  ),
  fc.tuple(amounts, later).map(
    ([amount, ago]): Step =>
      (meter, at) =>
        giveBack(meter, amount, at, at - ago),
  ),
  fc.tuple(readings, later).map(([reading, ago]): Step => {
    return (meter, at) => rebase(meter, reading, at, at - ago) ?? meter
  }),
  fc.option(later).map((wait): Step => {
    return (meter, at) => learn([meter], wait === null ? limited : { ...limited, until: at + wait }, at)[0]!
  }),
  sizes.map(
    (size): Step =>
      (meter, at) =>
        resize(meter, size, at),
  ),
)
const limited = { _tag: 'RateLimited' } as const

const seeds = fc
  .record({
    size: fc.integer({ min: 1, max: 10_000_000 }),
    window: fc.constantFrom('bucket' as const, 'fixed' as const),
    burstShare: fc.double({ min: 0.001, max: 1, noNaN: true }),
  })
  .map(({ size, window, burstShare }) => seedMeters({ inputTokensPerMinute: size, window }, EPOCH, burstShare)[0]!)

/** A meter after any life, and the time at the end of it. */
const lives = fc.tuple(seeds, fc.array(fc.tuple(steps, later), { maxLength: 15 })).map(([seed, all]) =>
  all.reduce(({ meter, at }, [step, passes]) => ({ meter: step(meter, at + passes), at: at + passes }), {
    meter: seed,
    at: EPOCH,
  }),
)

describe('a meter', () => {
  it('is full at first, and there is one for each limit that is named', () => {
    const meters = seedMeters(
      {
        ...{ requestsPerMinute: 60, requestsPerDay: 1_000, inputTokensPerMinute: 20_000 },
        ...{ outputTokensPerMinute: 4_000, tokensPerMinute: 24_000, maxConcurrent: 3 },
      },
      EPOCH,
    )
    expect(meters.map(({ limit, window, level }) => [limit, window, level])).toEqual([
      ['requests', 'minute', 60],
      ['requests', 'day', 1_000],
      ['input', 'minute', 20_000],
      ['output', 'minute', 4_000],
      ['tokens', 'minute', 24_000],
    ])
    expect(seedMeters({ requestsPerMinute: 0, inputTokensPerMinute: -1 }, EPOCH)).toEqual([])
  })

  it('refills a bucket evenly, and a window at once when it turns', () => {
    const bucket = take(perMinute(60_000), 60_000, EPOCH)
    expect([0, 1, 30_000, 60_000, 90_000].map((ms) => levelAt(bucket, EPOCH + ms))).toEqual([
      0, 1, 30_000, 60_000, 60_000,
    ])
    const window = take(fixedMinute(60_000, MIDNIGHT + 20_000), 50_000, MIDNIGHT + 20_000)
    expect([30_000, 59_999, 60_000].map((ms) => levelAt(window, MIDNIGHT + ms))).toEqual([10_000, 10_000, 60_000])
    const next = take(window, 1_000, MIDNIGHT + 130_000)
    expect([next.level, next.resetAt]).toEqual([59_000, MIDNIGHT + 180_000])
  })

  it('turns a day at midnight UTC', () => {
    const day = take(seeded({ requestsPerDay: 50, window: 'fixed' }, MIDNIGHT + 5 * MINUTE), 50, MIDNIGHT + 5 * MINUTE)
    expect(freesAt(day, 1, MIDNIGHT + 6 * MINUTE)).toBe(MIDNIGHT + DAY)
  })

  it('holds no more at once than its share of the minute, but always one', () => {
    const [requests, input] = seedMeters({ requestsPerMinute: 30, inputTokensPerMinute: 60_000 }, EPOCH, 1 / 60)
    expect([requests!.capacity, input!.capacity]).toEqual([1, 1_000])
    expect(freesAt(take(requests!, 1, EPOCH), 1, EPOCH)).toBe(EPOCH + 2_000)
    expect(freesAt(input!, 1_001, EPOCH)).toBe(Number.POSITIVE_INFINITY)
  })

  it('goes below zero when more is used than there was, and pays that back first', () => {
    const overdrawn = take(perMinute(6_000), 9_000, EPOCH)
    expect(overdrawn.level).toBe(-3_000)
    expect(usedShare(overdrawn, EPOCH)).toBe(1)
    expect(freesAt(overdrawn, 1_000, EPOCH)).toBe(EPOCH + 40_000)
  })

  it('never holds more than it can, whatever happens to it, and stays plain JSON', () => {
    fc.assert(
      fc.property(lives, later, ({ meter, at }, ahead) => {
        expect(meter.capacity).toBeLessThanOrEqual(meter.size)
        expect(levelAt(meter, at + ahead)).toBeLessThanOrEqual(meter.capacity)
        expect(meter.resetAt === null).toBe(meter.kind === 'bucket')
        expect(JSON.parse(JSON.stringify(meter))).toEqual(meter)
        expect(Number.isFinite(meter.level)).toBe(true)
      }),
    )
  })

  it('only grows with time while nothing is taken', () => {
    fc.assert(
      fc.property(lives, later, later, ({ meter, at }, a, b) => {
        expect(levelAt(meter, at + a + b)).toBeGreaterThanOrEqual(levelAt(meter, at + a))
        expect(usedShare(meter, at + a + b)).toBeLessThanOrEqual(usedShare(meter, at + a))
      }),
    )
  })

  it('is the same whether it is brought to a time in one step or in two', () => {
    fc.assert(
      fc.property(lives, later, later, ({ meter, at }, a, b) => {
        const once = advance(meter, at + a + b)
        const twice = advance(advance(meter, at + a), at + a + b)
        expect({ ...twice, level: 0 }).toEqual({ ...once, level: 0 })
        expect(Math.abs(twice.level - once.level)).toBeLessThanOrEqual(1e-9 * Math.max(1, Math.abs(meter.level)))
      }),
    )
  })

  it('forgets what was taken and given back at the same moment', () => {
    fc.assert(
      fc.property(lives, fc.nat(10_000_000), ({ meter, at }, amount) => {
        const back = giveBack(take(meter, amount, at), amount, at)
        expect({ ...back, level: 0 }).toEqual({ ...advance(meter, at), level: 0 })
        const lost = Math.abs(back.level - levelAt(meter, at))
        expect(lost).toBeLessThanOrEqual(1e-9 * Math.max(1, amount, Math.abs(meter.level)))
      }),
    )
  })

  it('gives back nothing that a window has forgotten or a bucket has refilled', () => {
    const window = take(take(fixedMinute(100, MIDNIGHT), 40, MIDNIGHT), 60, MIDNIGHT + MINUTE)
    expect(giveBack(window, 40, MIDNIGHT + MINUTE + 1, MIDNIGHT).level).toBe(40)
    expect(giveBack(window, 60, MIDNIGHT + MINUTE + 1, MIDNIGHT + MINUTE).level).toBe(100)
    // Full again after 24 s, so that a provider which never counted the 40 has 50 left now.
    const bucket = take(take(perMinute(100), 40, EPOCH), 50, EPOCH + 24_000)
    expect(giveBack(bucket, 40, EPOCH + 24_000, EPOCH).level).toBe(50)
    expect(giveBack(take(perMinute(100), 40, EPOCH), 40, EPOCH + 6_000, EPOCH).level).toBe(100)
    expect(giveBack(take(take(perMinute(100), 40, EPOCH), 30, EPOCH), 40, EPOCH + 6_000, EPOCH).level).toBe(70)
  })

  it('never gives back more than a provider has that did not count it at all', () => {
    const uses = fc.array(fc.tuple(fc.nat(20_000), fc.nat(60)), { maxLength: 8 })
    fc.assert(
      fc.property(fc.boolean(), fc.nat(100), uses, (isBucket, amount, others) => {
        let truth = isBucket ? perMinute(100, MIDNIGHT) : fixedMinute(100, MIDNIGHT)
        let ours = take(truth, amount, MIDNIGHT)
        let at = MIDNIGHT
        for (const [passes, other] of others) {
          at += passes
          truth = take(truth, other, at)
          ours = take(ours, other, at)
        }
        expect(giveBack(ours, amount, at, MIDNIGHT).level).toBeLessThanOrEqual(truth.level + 1e-9)
      }),
    )
  })

  it('is not shut for years by one absurd count', () => {
    const spent = take(perMinute(1_000), 1e300, EPOCH)
    expect(freesAt(spent, 1, EPOCH)).toBeLessThan(EPOCH + 10 * MINUTE)
    expect(giveBack(spent, 1e300, EPOCH).level).toBe(1_000)
  })

  it('ignores amounts that are none', () => {
    for (const amount of [0, -5, Number.NaN, Number.NEGATIVE_INFINITY]) {
      expect(take(perMinute(100), amount, EPOCH).level).toBe(100)
      expect(giveBack(take(perMinute(100), 30, EPOCH), amount, EPOCH).level).toBe(70)
    }
  })

  it('goes on refilling when the clock is set back by an hour', () => {
    const bucket = advance(take(perMinute(60), 60, EPOCH), EPOCH - 60 * MINUTE)
    expect(levelAt(bucket, EPOCH - 60 * MINUTE + 30_000)).toBe(30)
    const window = advance(take(fixedMinute(60), 60, EPOCH), EPOCH - 60 * MINUTE)
    expect(levelAt(window, EPOCH - 59 * MINUTE)).toBe(60)
  })

  it('refills no time twice when events come a moment out of order', () => {
    const late = take(take(perMinute(60), 60, EPOCH + 1_000), 0, EPOCH)
    expect(levelAt(late, EPOCH + 2_000)).toBe(1)
  })

  it('tells the first whole millisecond at which an amount is there', () => {
    fc.assert(
      fc.property(lives, fc.integer({ min: 1, max: 10_000_000 }), ({ meter, at }, amount) => {
        const frees = freesAt(meter, amount, at)
        if (frees === Number.POSITIVE_INFINITY) expect(amount).toBeGreaterThan(meter.capacity)
        else {
          expect(levelAt(meter, frees)).toBeGreaterThanOrEqual(amount)
          // Two ms: rounding up, and the rounding of the division.
          if (frees > at + 2) expect(levelAt(meter, frees - 2)).toBeLessThan(amount)
        }
      }),
    )
  })
})

describe('the forecast of a meter', () => {
  it('holds by its own count where division and multiplication round differently', () => {
    const at = EPOCH + 20_097
    const meter = take(take(perMinute(135), 135, EPOCH), 95, at)
    expect(levelAt(meter, at + 23_903)).toBeLessThan(4)
    expect(freesAt(meter, 4, at)).toBe(at + 23_904)
  })
})

describe('headroom', () => {
  const limits = { requestsPerMinute: 10, inputTokensPerMinute: 1_000, outputTokensPerMinute: 100 }

  it('is the smallest share that any limit would have left, under its name', () => {
    const meters = seedMeters(limits, EPOCH)
    expect(headroom(meters, { requests: 1, input: 200, output: 50 }, EPOCH)).toEqual({
      share: 0.5,
      limit: 'output',
      isShut: false,
      freesAt: EPOCH,
    })
    expect(headroom(meters, { requests: 1, input: 900, output: 50 }, EPOCH)).toMatchObject({ limit: 'input' })
  })

  it('is whole where no limit is known', () => {
    expect(headroom([], { requests: 1, input: 1e9, output: 1e9 }, EPOCH)).toEqual({
      share: 1,
      limit: undefined,
      isShut: false,
      freesAt: EPOCH,
    })
  })

  it('waits for the last of the limits that are in the way, and for none that a request is too large for', () => {
    const spent = seedMeters(limits, EPOCH).map((meter) => take(meter, meter.size, EPOCH))
    expect(headroom(spent, { requests: 1, input: 500, output: 90 }, EPOCH)).toEqual({
      share: 0,
      limit: 'requests',
      isShut: true,
      freesAt: EPOCH + 30_000,
    })
    expect(headroom(spent, { requests: 1, input: 1_001, output: 1 }, EPOCH).freesAt).toBeNull()
  })

  it('asks of an output limit only that it is not empty, and never waits for ever for an expected output', () => {
    expect(headroom(seedMeters(limits, EPOCH), { requests: 1, input: 1, output: 5_000 }, EPOCH)).toMatchObject({
      share: 0,
      freesAt: EPOCH,
    })
    const both = seedMeters({ tokensPerMinute: 1_000 }, EPOCH)
    expect(headroom(both, { requests: 1, input: 900, output: 400 }, EPOCH).freesAt).toBe(EPOCH)
    expect(headroom(both, { requests: 1, input: 1_001, output: 0 }, EPOCH).freesAt).toBeNull()
  })

  it('never grows with the size of the request', () => {
    const amount = fc.oneof(fc.nat(2_000), fc.constantFrom(1e15, Number.MAX_VALUE))
    const policies = fc.record({
      ...{
        requestsPerMinute: fc.integer({ min: 1, max: 20 }),
        inputTokensPerMinute: fc.integer({ min: 1, max: 2_000 }),
      },
      ...{
        outputTokensPerMinute: fc.integer({ min: 1, max: 500 }),
        tokensPerMinute: fc.integer({ min: 1, max: 2_000 }),
      },
    })
    fc.assert(
      fc.property(policies, fc.nat(1_000), amount, amount, amount, (policy, used, input, output, more) => {
        const meters = seedMeters(policy, EPOCH).map((meter) => take(meter, used, EPOCH))
        const small = headroom(meters, { requests: 1, input, output }, EPOCH)
        for (const larger of [
          { requests: 1, input: input + more, output },
          { requests: 1, input, output: output + more },
        ]) {
          const large = headroom(meters, larger, EPOCH)
          expect(large.share).toBeLessThanOrEqual(small.share)
          expect(large.freesAt ?? Number.POSITIVE_INFINITY).toBeGreaterThanOrEqual(
            small.freesAt ?? Number.POSITIVE_INFINITY,
          )
        }
        expect(small.share).toBeGreaterThanOrEqual(0)
      }),
    )
  })
})

// ---- worlds --------------------------------------------------------------------------------------------------------

interface World {
  readonly meters: readonly Meter[]
  /** Whether a request of so many tokens is let in; counts it then. */
  readonly admits: (input: number, now: number) => boolean
  readonly spendsOutput: (tokens: number, now: number) => void
}

interface Limits {
  readonly requestsPerMinute: number
  readonly inputTokensPerMinute: number
  readonly outputTokensPerMinute: number
}

const bucketWorld = (limits: Limits): World => {
  const server = makeRateLimits(limits)
  return {
    meters: seedMeters(limits, MIDNIGHT),
    admits: (input, now) => server.admit(input, now) === undefined,
    spendsOutput: server.spendOutput,
  }
}

/** Calendar minutes, counted in a map: nothing of a meter in it. */
const fixedWorld = (limits: Limits): World => {
  const minutes = new Map<number, { requests: number; input: number; output: number }>()
  const minuteOf = (now: number) => {
    const slot = Math.floor(now / MINUTE)
    const minute = minutes.get(slot) ?? { requests: 0, input: 0, output: 0 }
    minutes.set(slot, minute)
    return minute
  }
  return {
    meters: seedMeters({ ...limits, window: 'fixed' }, MIDNIGHT),
    admits: (input, now) => {
      const minute = minuteOf(now)
      const isRoom =
        minute.requests + 1 <= limits.requestsPerMinute &&
        minute.input + input <= limits.inputTokensPerMinute &&
        minute.output + 1 <= limits.outputTokensPerMinute
      if (isRoom) {
        minute.requests += 1
        minute.input += input
      }
      return isRoom
    },
    spendsOutput: (tokens, now) => {
      minuteOf(now).output += tokens
    },
  }
}

/** Theoretical arrival times (GCRA): a minute's limit enforced in slices of `burstShare` of it. */
const slicedWorld = (limits: Limits, burstShare: number): World => {
  const gate = (perMinuteSize: number) => {
    const burst = Math.min(perMinuteSize, Math.max(1, perMinuteSize * burstShare))
    const msEach = MINUTE / perMinuteSize
    let emptyUntil = Number.NEGATIVE_INFINITY
    const after = (amount: number, now: number) => Math.max(emptyUntil, now) + amount * msEach
    return {
      isRoom: (amount: number, now: number) => after(amount, now) <= now + burst * msEach + 1e-3,
      use: (amount: number, now: number) => {
        emptyUntil = after(amount, now)
      },
    }
  }
  const [requests, input, output] = [
    gate(limits.requestsPerMinute),
    gate(limits.inputTokensPerMinute),
    gate(limits.outputTokensPerMinute),
  ]
  return {
    meters: seedMeters(limits, MIDNIGHT, burstShare),
    admits: (tokens, now) => {
      const isRoom = requests.isRoom(1, now) && input.isRoom(tokens, now) && output.isRoom(1, now)
      if (isRoom) {
        requests.use(1, now)
        input.use(tokens, now)
      }
      return isRoom
    },
    spendsOutput: (tokens, now) => output.use(tokens, now),
  }
}

interface Arrival {
  readonly passes: number
  readonly input: number
  /** Tokens by which the estimate is too high. */
  readonly over: number
  readonly output: number
  readonly lasts: number
}

const arrivals: fc.Arbitrary<readonly Arrival[]> = fc.array(
  fc.record({
    passes: fc.oneof(fc.nat(500), fc.nat(20_000)),
    input: fc.integer({ min: 1, max: 3_000 }),
    over: fc.oneof(fc.constant(0), fc.nat(2_000)),
    output: fc.nat(400),
    lasts: fc.nat(40_000),
  }),
  { minLength: 10, maxLength: 60 },
)
const worldLimits: fc.Arbitrary<Limits> = fc.record({
  requestsPerMinute: fc.integer({ min: 1, max: 30 }),
  inputTokensPerMinute: fc.integer({ min: 1_000, max: 20_000 }),
  outputTokensPerMinute: fc.integer({ min: 50, max: 2_000 }),
})

/** Runs a client that debits its estimates and corrects them at the end; `looks` false: it sends at once. */
const run = (world: World, all: readonly Arrival[], looks = true) => {
  let meters = world.meters
  let now = MIDNIGHT
  const running: (Arrival & { at: number; endsAt: number })[] = []
  const counts = { sent: 0, refused: 0, tooLarge: 0 }
  const each = (limit: Meter['limit'], change: (meter: Meter) => Meter) => {
    meters = meters.map((meter) => (meter.limit === limit ? change(meter) : meter))
  }
  const passUntil = (then: number) => {
    for (const one of running.filter(({ endsAt }) => endsAt <= then).toSorted((a, b) => a.endsAt - b.endsAt)) {
      running.splice(running.indexOf(one), 1)
      world.spendsOutput(one.output, one.endsAt)
      each('output', (meter) => take(meter, one.output, one.endsAt))
      each('input', (meter) => giveBack(meter, one.over, one.endsAt, one.at))
    }
    now = then
  }
  for (const one of all) {
    passUntil(now + one.passes)
    const wanted = { requests: 1, input: one.input + one.over, output: one.output }
    let frees = headroom(meters, wanted, now).freesAt
    while (looks && frees !== null && frees > now) {
      // What ends meanwhile may move it.
      const next = Math.min(frees, ...running.map(({ endsAt }) => endsAt))
      passUntil(Math.max(next, now + 1))
      frees = headroom(meters, wanted, now).freesAt
    }
    if (frees === null) {
      counts.tooLarge += 1
      continue
    }
    counts.sent += 1
    if (!world.admits(one.input, now)) counts.refused += 1
    each('requests', (meter) => take(meter, 1, now))
    each('input', (meter) => take(meter, wanted.input, now))
    running.push({ ...one, at: now, endsAt: now + one.lasts })
  }
  return counts
}

const worlds: readonly (readonly [string, (limits: Limits) => World])[] = [
  ['buckets', bucketWorld],
  ['calendar windows', fixedWorld],
  ['buckets in slices of a twentieth of the minute', (limits) => slicedWorld(limits, 1 / 20)],
]

describe.each(worlds)('in a world of %s', (_name, worldOf) => {
  it('a client that sends when there is room is never refused', () => {
    fc.assert(
      fc.property(worldLimits, arrivals, (limits, all) => {
        const { sent, refused, tooLarge } = run(worldOf(limits), all)
        expect(sent + tooLarge).toBe(all.length)
        expect(refused).toBe(0)
      }),
    )
  })

  it('a client that does not look is refused', () => {
    const limits = { requestsPerMinute: 5, inputTokensPerMinute: 100_000, outputTokensPerMinute: 100_000 }
    const all = Array.from({ length: 20 }, () => ({ passes: 10, input: 10, over: 0, output: 1, lasts: 1 }))
    expect(run(worldOf(limits), all, false).refused).toBeGreaterThan(0)
    expect(run(worldOf(limits), all)).toEqual({ sent: 20, refused: 0, tooLarge: 0 })
  })

  it('the forecast of a request is not too early, nor late by more than a moment', () => {
    const limits = { requestsPerMinute: 60, inputTokensPerMinute: 6_000, outputTokensPerMinute: 6_000 }
    const used = fc.array(fc.tuple(fc.nat(3_000), fc.integer({ min: 1, max: 300 })), { minLength: 1, maxLength: 40 })
    fc.assert(
      fc.property(used, fc.integer({ min: 1, max: 300 }), (before, input) => {
        const forecast = (early: number) => {
          const world = worldOf(limits)
          let { meters } = world
          let now = MIDNIGHT
          for (const [passes, tokens] of before) {
            now += passes
            if (!world.admits(tokens, now)) continue
            meters = meters.map((meter) => take(meter, meter.limit === 'requests' ? 1 : tokens, now))
            world.spendsOutput(tokens, now)
          }
          const frees = headroom(meters, { requests: 1, input, output: 1 }, now).freesAt ?? Number.NaN
          return frees - early <= now ? undefined : world.admits(input, frees - early)
        }
        expect(forecast(0)).not.toBe(false)
        expect(forecast(3)).not.toBe(true)
      }),
    )
  })
})

describe('a reading', () => {
  const input = { limit: 'input', window: 'minute' } as const

  it('makes a meter where none was, if it tells the size', () => {
    expect(rebase(undefined, { ...input, size: 2_000, remaining: 500 }, EPOCH)).toEqual({
      ...input,
      ...{ kind: 'bucket', size: 2_000, capacity: 2_000, level: 500, at: EPOCH, resetAt: null, source: 'header' },
    })
    expect(rebase(undefined, { ...input, remaining: 500 }, EPOCH)).toBeUndefined()
  })

  it('lowers what is left and never raises it', () => {
    const meter = take(perMinute(10_000), 4_000, EPOCH)
    expect(rebase(meter, { ...input, remaining: 1_000 }, EPOCH)?.level).toBe(1_000)
    expect(rebase(meter, { ...input, remaining: 7_000 }, EPOCH)?.level).toBe(6_000)
    fc.assert(
      fc.property(lives, readings, ({ meter: any, at }, reading) => {
        const { remaining } = reading
        const told = rebase(any, reading, at)
        if (remaining === undefined || told === undefined || told === any) return
        expect(told.level).toBeLessThanOrEqual(Math.max(0, remaining))
      }),
    )
  })

  it('replaces the size: what was used stays used of a larger one, and its share of a smaller one', () => {
    const meter = take(perMinute(1_000), 400, EPOCH)
    expect(rebase(meter, { ...input, size: 5_000, remaining: 4_800 }, EPOCH)).toMatchObject({
      size: 5_000,
      level: 4_600,
    })
    expect(rebase(meter, { ...input, size: 100 }, EPOCH)).toMatchObject({ size: 100, level: 60 })
    expect(resize(seedMeters({ requestsPerMinute: 60 }, EPOCH, 0.1)[0]!, 600, EPOCH)).toMatchObject({ capacity: 60 })
  })

  it('that is as old as the stream is long has refilled since', () => {
    const told = rebase(perMinute(6_000), { ...input, size: 6_000, remaining: 0 }, EPOCH + 30_000, EPOCH)
    expect(told?.level).toBe(3_000)
    const reading = { ...input, size: 6_000, remaining: 0, resetAt: EPOCH + 20_000 }
    expect(rebase(fixedMinute(6_000), reading, EPOCH + 30_000, EPOCH)).toMatchObject({
      level: 6_000,
      resetAt: EPOCH + 80_000,
    })
  })

  it('of a window that turned before ours did is believed', () => {
    const spent = take(fixedMinute(100, MIDNIGHT), 100, MIDNIGHT + 59_000)
    const reading = { ...input, size: 100, remaining: 98, resetAt: MIDNIGHT + 2 * MINUTE }
    expect(rebase(spent, reading, MIDNIGHT + 59_500)).toMatchObject({ level: 98, resetAt: MIDNIGHT + 119_500 })
    const same = { ...reading, resetAt: MIDNIGHT + MINUTE + 300 }
    expect(rebase(spent, same, MIDNIGHT + 59_500)).toMatchObject({ level: 0, resetAt: MIDNIGHT + MINUTE + 300 })
  })

  it('of a day tells a bucket from a window by its reset', () => {
    const requests = { limit: 'requests', window: 'day', size: 14_400 } as const
    const groq = { ...requests, remaining: 14_370, resetAt: EPOCH + 179_560 }
    expect(rebase(undefined, groq, EPOCH)).toMatchObject({ kind: 'bucket', level: 14_370 })
    const openRouter = { ...requests, size: 50, remaining: 0, resetAt: EPOCH + 10 * 3_600_000 }
    const spent = rebase(undefined, openRouter, EPOCH)!
    expect(spent).toMatchObject({ kind: 'fixed', level: 0 })
    expect(freesAt(spent, 1, EPOCH)).toBe(EPOCH + 10 * 3_600_000)
    // The operator's word stands.
    expect(rebase(seeded({ requestsPerDay: 50 }), openRouter, EPOCH)).toMatchObject({ kind: 'bucket' })
  })

  it('of a minute is always of a bucket, whatever its reset: clocks differ', () => {
    const skewed = { ...input, size: 1_000, remaining: 900, resetAt: EPOCH + 50_000 }
    expect(rebase(undefined, skewed, EPOCH)).toMatchObject({ kind: 'bucket', resetAt: null })
  })

  it('of nothing sensible changes nothing', () => {
    const meter = take(perMinute(1_000), 10, EPOCH)
    for (const size of [0, -1, 1e300]) {
      expect(rebase(meter, { ...input, size, remaining: 0 }, EPOCH)).toBe(meter)
      expect(rebase(undefined, { ...input, size, remaining: 0 }, EPOCH)).toBeUndefined()
    }
    expect(rebase(meter, { ...input, resetAt: -1e300 }, EPOCH)).toEqual(meter)
  })

  it('of the simulator keeps a client that does not know the limits from seeing more than there is', () => {
    fc.assert(
      fc.property(worldLimits, arrivals, (limits, all) => {
        const server = makeRateLimits(limits)
        let meter: Meter | undefined
        let now = MIDNIGHT
        for (const { passes, input: tokens } of all) {
          now += passes
          server.admit(tokens, now)
          const state = server.state(now).find(({ name }) => name === 'requests')!
          const reading = {
            limit: 'requests',
            window: 'minute',
            size: state.limit,
            remaining: state.remaining,
          } as const
          meter = rebase(meter, { ...reading, resetAt: now + state.resetMs }, now)
          expect(meter?.level).toBeLessThanOrEqual(state.remaining)
        }
      }),
    )
  })
})

describe('a refusal without readings', () => {
  const limits = { requestsPerMinute: 60, inputTokensPerMinute: 6_000, requestsPerDay: 100 }
  const levels = (meters: readonly Meter[], at: number) => meters.map((meter) => levelAt(meter, at))

  it('empties the limit of minutes that was used most', () => {
    const meters = seedMeters(limits, EPOCH).map((meter) => (meter.limit === 'input' ? take(meter, 1, EPOCH) : meter))
    expect(levels(learn(meters, limited, EPOCH), EPOCH)).toEqual([60, 100, 0])
  })

  it('empties it until the told time, with room for one at that time', () => {
    const meters = learn(seedMeters({ requestsPerMinute: 60 }, EPOCH), { ...limited, until: EPOCH + 17_000 }, EPOCH)
    expect(freesAt(meters[0]!, 1, EPOCH)).toBe(EPOCH + 17_000)
    const window = learn([fixedMinute(60, MIDNIGHT)], { ...limited, until: MIDNIGHT + 17_000 }, MIDNIGHT)
    expect(freesAt(window[0]!, 1, MIDNIGHT)).toBe(MIDNIGHT + 17_000)
  })

  it('is about days when the told time is far', () => {
    const until = EPOCH + 4 * 3_600_000
    expect(levels(learn(seedMeters(limits, EPOCH), { ...limited, until }, EPOCH), EPOCH)).toEqual([
      60,
      expect.closeTo(1 - 100 / 6),
      6_000,
    ])
  })

  it('shuts a door where no such limit is known, and opens it at the told time or after a window', () => {
    const [door] = learn([], { ...limited, until: EPOCH + 5_000 }, EPOCH)
    const wanted = { requests: 1, input: 1e9, output: 1 }
    expect(headroom([door!], wanted, EPOCH)).toEqual({
      share: 0,
      limit: 'requests',
      // Nobody has named it: others may have used it up.
      isShut: false,
      freesAt: EPOCH + 5_000,
    })
    expect(headroom([door!], wanted, EPOCH + 5_000)).toEqual({
      share: 1,
      limit: undefined,
      isShut: false,
      freesAt: EPOCH + 5_000,
    })
    expect(learn([], limited, EPOCH)[0]).toMatchObject({ resetAt: EPOCH + WINDOW_MS.minute })
    expect(learn([], { ...limited, until: EPOCH + 40 * DAY }, EPOCH)[0]).toMatchObject({ resetAt: EPOCH + DAY })
    expect(learn([], { ...limited, until: EPOCH - 1 }, EPOCH)[0]).toMatchObject({ resetAt: EPOCH + MINUTE })
  })

  it('keeps one door for each window, however often it comes', () => {
    const again = [1, 2, 3].reduce<readonly Meter[]>((meters, n) => learn(meters, limited, EPOCH + n), [])
    expect(again).toHaveLength(1)
    expect(again[0]).toMatchObject({ resetAt: EPOCH + 3 + MINUTE })
  })

  it('gives way to the first reading of its limit', () => {
    const [door] = learn([], limited, EPOCH)
    const reading = { limit: 'requests', window: 'minute', size: 60, remaining: 59 } as const
    expect(rebase(door, reading, EPOCH + 1)).toMatchObject({ source: 'header', level: 59 })
    expect(rebase(door, { limit: 'requests', window: 'minute', remaining: 59 }, EPOCH + 1)).toBe(door)
  })
})
