/**
 * A log whose old part lies in archives: the two together replay as the log did when it was whole.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterAll, describe, expect, it } from '@effect/vitest'
import { Effect, Layer } from 'effect'
import { TestClock, TestConsole } from 'effect/testing'
import { vi } from 'vitest'
import { EventLog } from '#actors/ports.ts'
import { archive } from '#cli/archive.ts'
import { events } from '#cli/events.ts'
import { replay } from '#cli/replay.ts'
import { verify } from '#cli/verify.ts'
import { logOfFiles } from '#infra/event-log/files.ts'
import { layerSqlite, layerSqliteReadOnly } from '#infra/event-log/sqlite.ts'
import { readScenario } from '#infra/simulator/scenario/read-scenario.ts'
import { startSimulation } from '#infra/simulator/scenario/simulation.ts'
import { STARTS_AT } from '#infra/simulator/virtual/world.ts'
import { spawnSignalbox } from '#test/signalbox-process.ts'

// The log is opened a dozen times, threads and all.
vi.setConfig({ testTimeout: 240_000 })

const MINUTE_MS = 60_000

interface Replayed {
  readonly identical: boolean
  readonly events: number
  readonly decisions: number
  readonly snapshotComparedAt: number | null
}

const printed = Effect.map(TestConsole.logLines, (lines) => JSON.parse(String(lines.at(-1))))

const folder = mkdtempSync(join(tmpdir(), 'signalbox-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** An hour in which two providers fail, then two archives of it: 20 minutes each. */
const makeArchived = Effect.gen(function* () {
  const path = join(folder, 'log.db')
  const { scenario } = yield* readScenario('regional-outage')
  const simulation = startSimulation(scenario, { seed: 1, hours: 1, keepsEvents: true })
  while (simulation.advance());
  yield* TestClock.setTime(STARTS_AT + 120 * MINUTE_MS)
  const whole: Replayed = yield* Effect.gen(function* () {
    const log = yield* EventLog
    yield* log.append(simulation.take())
    expect(yield* replay({ json: true })).toBe(0)
    return yield* printed
  }).pipe(Effect.provide(layerSqlite({ path }), { local: true }))
  const archives: string[] = []
  for (const minutes of [20, 40]) {
    yield* archive({
      ...{ database: `sqlite:${path}`, before: STARTS_AT + minutes * MINUTE_MS, folder: join(folder, 'archives') },
      ...{ dryRun: false, yes: true, json: true, confirm: () => Effect.die('nobody is to be asked') },
    })
    const { archived } = yield* printed
    archives.push(join(folder, 'archives', archived.file))
  }
  const reading = <A, E, R>(use: Effect.Effect<A, E, R>) =>
    Effect.provide(use, layerSqliteReadOnly({ path }), { local: true })
  return { path, whole, archives, reading }
}).pipe(Effect.provide(Layer.merge(TestClock.layer(), TestConsole.layer)))

/** Made once: nothing below changes it. */
const making = Effect.runPromise(makeArchived)
const archived = Effect.promise(() => making)

/** Replays files, together with the log at hand; answers the exit code and the report. */
const replayedWith = (files: readonly string[]) =>
  Effect.gen(function* () {
    const together = logOfFiles(files, yield* EventLog)
    const code = yield* Effect.provideService(replay({ json: true }), EventLog, together)
    return { code, report: (yield* printed) as Replayed }
  })

const said = Effect.map(TestConsole.errorLines, (lines) => String(lines.at(-1)))

describe('a log of which a part is archived', () => {
  it.effect('replays with its archives as it did when it was whole, decision for decision', () =>
    Effect.gen(function* () {
      const { whole, archives, reading } = yield* archived
      expect(whole).toMatchObject({ identical: true })
      expect(whole.decisions).toBeGreaterThan(100)
      for (const files of [archives, archives.toReversed()]) {
        const { code, report } = yield* reading(replayedWith(files))
        expect(code).toBe(0)
        expect(report).toMatchObject({ identical: true, decisions: whole.decisions })
        // What archiving itself wrote is in the log too, and its snapshot was made of the whole.
        expect(report.events).toBeGreaterThan(whole.events)
        expect(report.snapshotComparedAt).toBe(report.events)
      }
    }),
  )

  it.effect('is not whole without them, or with one of them, and replay says what is missing', () =>
    Effect.gen(function* () {
      const { archives, reading } = yield* archived
      expect(yield* reading(replay({ json: true }))).toBe(1)
      expect(yield* said).toMatch(
        /cannot be replayed: events [\d,]+ to [\d,]+ are missing\..* in archives: signalbox-\d+-\d+\.ndjson\.gz, /,
      )
      for (const file of archives) {
        const together = Effect.flatMap(EventLog, (log) =>
          Effect.provideService(replay({ json: true }), EventLog, logOfFiles([file], log)),
        )
        expect(yield* reading(together)).toBe(1)
        expect(yield* said).toMatch(/cannot be replayed: events? [\d,]+ .*missing/)
      }
    }),
  )

  it.effect('is sound by itself', () =>
    Effect.gen(function* () {
      const { reading } = yield* archived
      expect(yield* reading(verify({ json: true }))).toBe(0)
      expect(yield* printed).toMatchObject({ problems: [] })
    }),
  )

  it.effect('replays from files alone: its archives, and what `events --json` prints of the rest', () =>
    Effect.gen(function* () {
      const { whole, archives, reading, path } = yield* archived
      const before = (yield* TestConsole.logLines).length
      yield* reading(events({ query: {}, after: 0, limit: 100_000, follow: false, json: true }))
      const lines = (yield* TestConsole.logLines).slice(before)
      const rest = join(folder, 'rest.ndjson')
      writeFileSync(rest, lines.map((line) => `${line}\n`).join(''))
      const alone = Effect.provideService(replay({ json: true }), EventLog, logOfFiles([rest, ...archives]))
      expect(yield* alone).toBe(0)
      expect(yield* printed).toMatchObject({ identical: true, decisions: whole.decisions })

      // The same from the command line, with the log in place of the file.
      const command = yield* spawnSignalbox({
        args: ['replay', '--json', '--database', `sqlite:${path}`, ...archives],
        config: { providers: { one: { kind: 'anthropic-compatible', baseUrl: 'http://127.0.0.1:9' } } },
      })
      expect(yield* command.exited).toMatchObject({ code: 0 })
      expect(JSON.parse(command.stdout())).toMatchObject({ identical: true, decisions: whole.decisions })
    }),
  )

  it.effect('differs where a decision in an archive was changed, and replay says where', () =>
    Effect.gen(function* () {
      const { archives, reading } = yield* archived
      const [first = '', second = ''] = archives
      const lines = gunzipSync(readFileSync(first)).toString().split('\n')
      const index = lines.findLastIndex((line) => line.includes('"type":"RouteChosen"'))
      const chosen = JSON.parse(lines[index] ?? '')
      lines[index] = JSON.stringify({ ...chosen, data: { ...chosen.data, order: chosen.data.order.toReversed() } })
      mkdirSync(join(folder, 'changed'))
      const changed = join(folder, 'changed', 'archive.ndjson')
      writeFileSync(changed, lines.join('\n'))
      const { code, report } = yield* reading(replayedWith([changed, second]))
      expect(code).toBe(1)
      expect(report).toMatchObject({ identical: false, difference: { what: 'decision', position: chosen.position } })
    }),
  )
})
