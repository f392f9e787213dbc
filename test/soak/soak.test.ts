/**
 * A short soak: what a box has taken it gives back, whatever its clients and providers did. `node scripts/soak.ts` does the same at
 * length, and looks at the heap.
 */
import { Effect } from 'effect'
import { describe, expect, it } from 'vitest'
import type { Sample } from './gauges.ts'
import { soak } from './soak.ts'
import { judge, slopeOf } from './verdict.ts'

const LOAD_MS = 12_000

describe.runIf(process.platform === 'linux')('a box with everything on', () => {
  it('gives back every socket, descriptor, handle and place, and the log is sound', { timeout: 180_000 }, async () => {
    const seed = Date.now() % 1_000_000
    const { problems, outcomes, base, samples } = await Effect.runPromise(
      soak({ seed, loadMs: LOAD_MS, clients: 16, sampleEveryMs: 3_000, before: 0 }),
    )
    expect(problems, `again: node scripts/soak.ts --minutes 0.2 --before 0 --seed ${seed}`).toEqual([])
    // It was about something: there was more to hold, and clients left.
    expect(Math.max(...samples.map(({ sockets }) => sockets))).toBeGreaterThan(base.sockets + 5)
    expect([...outcomes.keys()].filter((outcome) => outcome.endsWith('left')).length).toBeGreaterThan(1)
    expect(outcomes.get('stream 200')).toBeGreaterThan(10)
  })
})

describe('the verdict', () => {
  const sample = (more: Partial<Sample> = {}): Sample => ({
    ...{
      at: 0,
      resident: 0,
      objects: 50e6,
      code: 12e6,
      external: 0,
      descriptors: 40,
      sockets: 10,
      handles: 5,
      wal: 1e6,
      loopMs: 1,
    },
    ...{ underWay: 0, bodies: 0, events: 0 },
    ...more,
  })
  /** Every minute for half an hour, the objects half a megabyte up and down. */
  const rising = (inTenMinutes: { readonly objects?: number; readonly code?: number }) =>
    Array.from({ length: 31 }, (_, minute) =>
      sample({
        at: minute * 60_000,
        objects: 50e6 + ((inTenMinutes.objects ?? 0) * minute) / 10 + (minute % 2) * 500_000,
        code: 12e6 + ((inTenMinutes.code ?? 0) * minute) / 10,
      }),
    )

  it.each([
    ['a heap that stays', rising({}), []],
    ['a heap that grows within the limits', rising({ objects: 400_000, code: 900_000 }), []],
    ['objects that become more', rising({ objects: 3e6 }), ['objects on the heap: 3.0 MB more in ten minutes']],
    ['code that becomes more', rising({ code: 2e6 }), ['code on the heap: 2.0 MB more in ten minutes']],
    [
      'a heap that grew while it warmed up',
      rising({}).map((one) => ({ ...one, objects: one.objects - (one.at < 300_000 ? 2e7 : 0) })),
      [],
    ],
    ['a time that is too short to tell', rising({ objects: 1e9 }).slice(0, 4), []],
  ])('of %s', (_name, samples, problems) => {
    expect(judge({ base: sample(), samples, end: sample() })).toEqual(problems)
  })

  it('is a line through the samples, to the byte where they lie on one', () => {
    const exact = Array.from({ length: 20 }, (_, minute) => sample({ at: minute * 60_000, objects: 1_000 * minute }))
    expect(slopeOf(exact, ({ objects }) => objects)).toBeCloseTo(10_000)
  })

  it.each([
    ['descriptors', { descriptors: 43 }, '43 descriptors are left, 40 there were'],
    ['sockets', { sockets: 13 }, '13 sockets are left, 10 there were'],
    ['handles', { handles: 8 }, '8 handles are left, 5 there were'],
    ['a write-ahead log', { wal: 9e6 }, 'the write-ahead log has 9000000 bytes'],
    ['a request', { underWay: 1, bodies: 7 }, '1 requests are under way, 7 bytes of bodies are held'],
  ])('tells of %s that stayed', (_name, more, problem) => {
    expect(judge({ base: sample(), samples: [], end: sample(more) })).toEqual([problem])
  })

  it('lets two more be: what happens to be open at the moment', () => {
    const end = sample({ descriptors: 42, sockets: 12, handles: 7 })
    expect(judge({ base: sample(), samples: [], end })).toEqual([])
  })
})
