/** `signalbox archive`, and what other commands say of what it has moved. */
import { mkdtempSync, readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from '@effect/vitest'
import { Effect } from 'effect'
import { TestConsole } from 'effect/testing'
import { vi } from 'vitest'
import { EventLog } from '#actors/ports.ts'
import { type ArchiveOptions, archive } from '#cli/archive.ts'
import { events } from '#cli/events.ts'
import { explain } from '#cli/explain.ts'
import { replay } from '#cli/replay.ts'
import { layerSqlite, layerSqliteReadOnly } from '#infra/event-log/sqlite.ts'
import { envelopes, servedRequest } from '#test/recorded-events.ts'

// Each test opens the log several times, threads and all.
vi.setConfig({ testTimeout: 120_000 })

const AFTER_ALL = 1_790_000_000_000

const newLog = Effect.gen(function* () {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-'))
  const path = join(folder, 'log.db')
  const append = Effect.flatMap(EventLog, (log) => log.append(envelopes()([1, 2, 3].flatMap((n) => servedRequest(n)))))
  yield* Effect.provide(append, layerSqlite({ path }), { local: true })
  const options: ArchiveOptions = {
    ...{ database: `sqlite:${path}`, before: AFTER_ALL, folder: join(folder, 'archive'), dryRun: false, yes: true },
    ...{ json: true, confirm: () => Effect.die('nobody is to be asked') },
  }
  return { folder, path, options }
})

const json = Effect.map(TestConsole.logLines, (lines) => JSON.parse(String(lines.at(-1))))
const said = Effect.map(TestConsole.errorLines, (lines) => String(lines.at(-1)))

it.effect('says what would go, then lets it go, and finds nothing the next time', () =>
  Effect.gen(function* () {
    const { folder, options } = yield* newLog
    expect(yield* archive({ ...options, dryRun: true })).toBe(0)
    expect(yield* json).toMatchObject({ wouldArchive: { requests: 3, events: 12 } })
    expect(readdirSync(folder)).not.toContain('archive')
    expect(yield* archive(options)).toBe(0)
    expect(yield* json).toMatchObject({ archived: { file: 'signalbox-1-12.ndjson.gz', requests: 3, events: 12 } })
    expect(readdirSync(options.folder)).toEqual(['signalbox-1-12.ndjson.gz'])
    expect(yield* archive(options)).toBe(0)
    expect(yield* json).toEqual({ archived: null })
  }),
)

it.effect('asks first, and takes silence for no', () =>
  Effect.gen(function* () {
    const { folder, options } = yield* newLog
    const asked: string[] = []
    const answering = (answer: 'no' | 'noTerminal') => (question: string) =>
      Effect.sync(() => {
        asked.push(question)
        return answer
      })
    for (const answer of ['no', 'noTerminal'] as const) {
      expect(yield* archive({ ...options, yes: false, confirm: answering(answer) })).toBe(1)
    }
    expect(asked[0]).toMatch(/^Move 3 requests of 2026-05-28 to 2026-05-28, 12 events, to an archive in /)
    expect(yield* said).toMatch(/say --yes/)
    expect(readdirSync(folder)).not.toContain('archive')
  }),
)

it.effect('refuses a log that a server has, and says how that one archives', () =>
  Effect.gen(function* () {
    const { path, options } = yield* newLog
    const error = yield* Effect.provide(Effect.flip(archive(options)), layerSqlite({ path }), { local: true })
    expect(error.message).toMatch(/is using the event log .*stop it first/)
    expect(error.message).toMatch(/archives by itself, once a day, when retention.detail is set/)
  }),
)

it.effect('makes no log where there is none', () =>
  Effect.gen(function* () {
    const folder = mkdtempSync(join(tmpdir(), 'signalbox-'))
    const { options } = yield* newLog
    const error = yield* Effect.flip(archive({ ...options, database: `sqlite:${join(folder, 'log.db')}` }))
    expect(error.message).toMatch(/there is no event log at/)
    expect(readdirSync(folder)).toEqual([])
  }),
)

it.effect('has the other commands say where the events are', () =>
  Effect.gen(function* () {
    const { path, options } = yield* newLog
    yield* archive(options)
    const reading = <A, E>(use: Effect.Effect<A, E, EventLog>) =>
      Effect.provide(use, layerSqliteReadOnly({ path }), { local: true })
    const note = /Events of requests up to position 9 are in archives: signalbox-1-12\.ndjson\.gz/
    expect(yield* reading(explain({ requestId: 'req_gone', json: false }))).toBe(1)
    expect(yield* said).toMatch(note)
    expect(yield* reading(replay({ json: false }))).toBe(1)
    expect(yield* said).toMatch(/no longer whole/)
    const query = { after: undefined, limit: 50, follow: false, json: false }
    expect(yield* reading(events({ query: {}, ...query }))).toBe(0)
    expect(yield* said).toMatch(note)
    // The newest events alone lack nothing.
    const before = (yield* TestConsole.errorLines).length
    yield* reading(events({ query: {}, ...query, limit: 1 }))
    expect((yield* TestConsole.errorLines).length).toBe(before)
  }),
)
