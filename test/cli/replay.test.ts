/**
 * `signalbox replay`: a log that is whole, one that is not, and any moment of it.
 */
import { describe, expect, it } from '@effect/vitest'
import { Effect } from 'effect'
import { TestConsole } from 'effect/testing'
import { EventLog } from '#actors/ports.ts'
import { replay } from '#cli/replay.ts'
import { replayMoment } from '#cli/replay-moment.ts'
import { layerMemory } from '#infra/event-log/memory.ts'
import { readScenario } from '#infra/simulator/scenario/read-scenario.ts'
import { startSimulation } from '#infra/simulator/scenario/simulation.ts'
import { STARTS_AT } from '#infra/simulator/virtual/world.ts'

const MINUTE_MS = 60_000

/** The log of a regional outage: two providers fail from the 40th minute on. */
const outage = Effect.gen(function* () {
  const { scenario } = yield* readScenario('regional-outage')
  const simulation = startSimulation(scenario, { seed: 1, hours: 1, keepsEvents: true })
  while (simulation.advance());
  const log = yield* EventLog
  yield* log.append(simulation.take())
  return log
})

describe('a replay', () => {
  it.effect('of a log with a gap says what is missing', () =>
    Effect.gen(function* () {
      const log = yield* outage
      const read: EventLog['Service']['read'] = (query) =>
        Effect.map(log.read(query), (page) =>
          page.filter((row) => row._tag === 'Known' && (row.recorded.position < 10 || row.recorded.position > 12)),
        )
      expect(yield* Effect.provideService(replay({ json: false }), EventLog, { ...log, read })).toBe(1)
      expect((yield* TestConsole.errorLines).join('\n')).toContain('events 10 to 12 are missing')
    }).pipe(Effect.provide(layerMemory())),
  )

  it.effect('shows a moment in words: states, since when and why, limits, money', () =>
    Effect.gen(function* () {
      yield* outage
      expect(yield* replayMoment({ at: STARTS_AT + 50 * MINUTE_MS, json: false })).toBe(0)
      const text = (yield* TestConsole.logLines).join('\n')
      expect(text).toMatch(/^2026-11-02T08:50:00\.000Z, position [\d,]+ of the log\n/)
      expect(text).toMatch(/^east-1 +(circuit open|half open) +2026-11-02T08:[45]\d/m)
      expect(text).toMatch(/^ {2}east-1: server error \(500\)/m)
      expect(text).toMatch(/^west +healthy +.* +100 % /m)
      expect(text).toMatch(/^ {2}west input a minute: [\d,]+ of 900,000 left/m)
      expect(text).toMatch(/^ {2}\$\d+\.\d\d since the log began; \$\d+\.\d\d on 2026-11-02 \(UTC\)$/m)
    }).pipe(Effect.provide(layerMemory())),
  )

  it.effect('shows the same moment as JSON, and another one otherwise', () =>
    Effect.gen(function* () {
      yield* outage
      const boxAt = (minutes: number) =>
        Effect.gen(function* () {
          yield* replayMoment({ at: STARTS_AT + minutes * MINUTE_MS, json: true })
          const text = (yield* TestConsole.logLines).at(-1) as string
          return JSON.parse(text) as { readonly at: number; readonly providers: readonly { readonly state: string }[] }
        })
      const [before, during] = [yield* boxAt(30), yield* boxAt(50)]
      expect(before.at).toBe(STARTS_AT + 30 * MINUTE_MS)
      expect(before.providers.map(({ state }) => state)).toEqual(['healthy', 'healthy', 'healthy'])
      expect(during.providers[0]?.state).not.toBe('healthy')
    }).pipe(Effect.provide(layerMemory())),
  )

  it.effect('of a moment before the first event has nothing to show', () =>
    Effect.gen(function* () {
      yield* outage
      expect(yield* replayMoment({ at: STARTS_AT - 1, json: false })).toBe(1)
      expect((yield* TestConsole.errorLines).join('\n')).toContain('The log has nothing up to 2026-11-02T07:59:59.999Z')
    }).pipe(Effect.provide(layerMemory())),
  )
})
