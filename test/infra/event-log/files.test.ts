/**
 * A log that lies in files, alone or beside what is left of it.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { describe, expect, it } from '@effect/vitest'
import { Effect } from 'effect'
import fc from 'fast-check'
import { EventLog, type ReadEvent } from '#actors/ports.ts'
import { logOfFiles } from '#infra/event-log/files.ts'
import { layerMemory } from '#infra/event-log/memory.ts'
import { envelopes, servedRequest } from '#test/recorded-events.ts'
import { scratchFolder } from '#test/signalbox-process.ts'

const EVENTS = 40

/** A log of forty events, its rows, and a folder. */
const filled = Effect.gen(function* () {
  const log = yield* EventLog
  yield* log.append(envelopes()(Array.from({ length: EVENTS / 4 }, (_, n) => servedRequest(n)).flat()))
  return { log, rows: yield* log.read({ after: 0, limit: EVENTS }), folder: yield* scratchFolder }
})

const lineOf = (row: ReadEvent): string => {
  if (row._tag !== 'Known') throw new Error('nothing is foreign here')
  const { event, ...envelope } = row.recorded
  const { _tag, ...data } = event
  return JSON.stringify({ ...envelope, type: _tag, data })
}

const textOf = (rows: readonly ReadEvent[]): string => rows.map((row) => `${lineOf(row)}\n`).join('')

/** Writes the rows, and answers the path. */
const fileOf = (folder: string, name: string, rows: readonly ReadEvent[]): string => {
  const path = join(folder, name)
  writeFileSync(path, name.endsWith('.gz') ? gzipSync(textOf(rows)) : textOf(rows))
  return path
}

const positionOf = (row: ReadEvent): number => (row._tag === 'Known' ? row.recorded.position : row.position)

const run = <A, E>(effect: Effect.Effect<A, E, EventLog>) =>
  Effect.runPromise(Effect.provide(effect, layerMemory()) as Effect.Effect<A, E>)

describe('a log in files', () => {
  it.effect('is the log that it was, in whichever files its events lie and in whichever pages it is read', () =>
    Effect.gen(function* () {
      const { rows, folder } = yield* filled
      yield* Effect.promise(() =>
        fc.assert(
          fc.asyncProperty(
            fc.array(fc.nat(2), { minLength: EVENTS, maxLength: EVENTS }),
            fc.integer({ min: 1, max: 15 }),
            async (places, limit) => {
              const paths = ['a.ndjson', 'b.ndjson.gz', 'c.ndjson'].map((name, place) =>
                fileOf(
                  folder,
                  name,
                  rows.filter((_, index) => places[index] === place),
                ),
              )
              const log = logOfFiles(paths)
              const read: ReadEvent[] = []
              for (;;) {
                const after = read.length === 0 ? 0 : positionOf(read.at(-1)!)
                const page = await run(log.read({ after, limit }))
                read.push(...page)
                if (page.length < limit) break
              }
              expect(read).toEqual(rows)
              expect(await run(log.head)).toBe(EVENTS)
            },
          ),
          { numRuns: 30 },
        ),
      )
    }).pipe(Effect.provide(layerMemory())),
  )

  it.effect('is filled up by the log, and an event that is in both counts once', () =>
    Effect.gen(function* () {
      const { log, rows, folder } = yield* filled
      const path = fileOf(folder, 'archive.ndjson.gz', rows.slice(0, 25))
      const rest: EventLog['Service'] = {
        ...log,
        read: (query) => Effect.map(log.read(query), (page) => page.filter((row) => positionOf(row) > 20)),
      }
      expect(yield* logOfFiles([path], rest).read({ after: 0, limit: 100 })).toEqual(rows)
    }).pipe(Effect.provide(layerMemory())),
  )

  it.effect('answers questions as the log does', () =>
    Effect.gen(function* () {
      const { log, rows, folder } = yield* filled
      const files = logOfFiles([fileOf(folder, 'all.ndjson', rows)])
      const at = rows[10]?._tag === 'Known' ? rows[10].recorded.occurredAt : 0
      for (const query of [
        { after: 0, limit: 5, types: ['AttemptSucceeded'] },
        { after: 12, limit: 100, since: at, until: at + 1_000 },
        { after: 3, limit: 100, correlation: rows[0]?._tag === 'Known' ? (rows[0].recorded.correlation ?? '') : '' },
      ]) {
        const wanted = yield* log.read(query)
        expect(wanted.length).toBeGreaterThan(0)
        expect(yield* files.read(query)).toEqual(wanted)
      }
      expect(yield* files.placeAt(at)).toEqual({ position: 11, archivedTo: 0 })
      expect(yield* files.placeAt(0)).toEqual({ position: 0, archivedTo: 0 })
    }).pipe(Effect.provide(layerMemory())),
  )

  it.effect('says which line is no event, which is out of order, and which file is not there', () =>
    Effect.gen(function* () {
      const { rows, folder } = yield* filled
      const messageOf = (path: string) =>
        Effect.map(Effect.flip(logOfFiles([path]).read({ after: 0, limit: 100 })), ({ message }) => message)
      const damaged = join(folder, 'damaged.ndjson')
      writeFileSync(damaged, `${lineOf(rows[0]!)}\n{"position":2}\n`)
      expect(yield* messageOf(damaged)).toMatch(/^damaged\.ndjson has no event in line 2: /)
      const mixed = fileOf(folder, 'mixed.ndjson', rows.toReversed())
      expect(yield* messageOf(mixed)).toMatch(/^mixed\.ndjson is not in the order of the log at line 2: /)
      expect(yield* messageOf(join(folder, 'none.ndjson.gz'))).toBe('none.ndjson.gz cannot be read (ENOENT)')
      const cut = join(folder, 'cut.ndjson.gz')
      writeFileSync(cut, readFileSync(fileOf(folder, 'whole.ndjson.gz', rows)).subarray(0, 200))
      expect(yield* messageOf(cut)).toMatch(/^cut\.ndjson\.gz cannot be read \(Z_BUF_ERROR\)$/)
    }).pipe(Effect.provide(layerMemory())),
  )
})
