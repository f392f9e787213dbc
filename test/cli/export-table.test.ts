/**
 * Tables for notebooks: what is in the log, in NDJSON and in Parquet, read back.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@effect/vitest'
import { Effect } from 'effect'
import fc from 'fast-check'
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from 'hyparquet'
import { EventLog } from '#actors/ports.ts'
import { exportTable } from '#cli/export/export-table.ts'
import { ndjson } from '#cli/export/ndjson-file.ts'
import { parquet, ROW_GROUP } from '#cli/export/parquet-file.ts'
import { writeRowFile } from '#cli/export/row-file.ts'
import type { DomainEvent } from '#domain/events.ts'
import type { Column, Row } from '#domain/export-rows/column.ts'
import { exportTables, TABLES, type TableName } from '#domain/export-rows/index.ts'
import { requestId } from '#domain/ids.ts'
import { layerMemory } from '#infra/event-log/memory.ts'
import { readScenario } from '#infra/simulator/scenario/read-scenario.ts'
import { startSimulation } from '#infra/simulator/scenario/simulation.ts'
import { admitted, failed, served1, started, succeeded } from '#test/attempt-events.ts'
import { breakingBehind } from '#test/breaking-log.ts'
import { envelopes } from '#test/recorded-events.ts'
import { scratchFolder } from '#test/signalbox-process.ts'

type Options = Partial<Parameters<typeof exportTable>[0]>

const START = 1_780_000_000_000
/** Between the events of `envelopes`. */
const STEP_MS = 137

/** Exports a log of these events; answers the path. */
const exported = (what: TableName, events: readonly DomainEvent[], options: Options = {}) =>
  Effect.gen(function* () {
    const out = join(yield* scratchFolder, 'out.file')
    yield* Effect.gen(function* () {
      const log = yield* EventLog
      yield* log.append(envelopes('w', START)(events))
      expect(yield* exportTable({ what, format: 'ndjson', out, json: true, ...options })).toBe(0)
    }).pipe(Effect.provide(layerMemory()))
    return out
  })

const linesOf = (path: string): readonly Row[] =>
  readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Row)

const parquetOf = async (path: string): Promise<readonly Row[]> =>
  (await parquetReadObjects({ file: await asyncBufferFromFile(path) })) as readonly Row[]

const retried: readonly DomainEvent[] = [
  admitted('a', { sessionId: 's', project: 'p' }),
  started('a'),
  failed('a', { costNanoUsd: 7, reason: { _tag: 'Overloaded', status: 529 } }),
  started('a', 2, 'beta'),
  succeeded('a', { inputTokens: 10, outputTokens: 5 }, { attempt: 2, costNanoUsd: 30, reportedCostNanoUsd: 40 }),
]

describe('the table of requests', () => {
  it.effect('sums the attempts of a request, and says who served it', () =>
    Effect.gen(function* () {
      const rows = linesOf(yield* exported('requests', retried))
      expect(rows).toHaveLength(1)
      expect(rows[0]).toMatchObject({
        requestId: 'a',
        admittedAt: new Date(START + STEP_MS).toISOString(),
        outcome: 'succeeded',
        reason: 'Overloaded',
        attempts: 2,
        provider: 'beta',
        costNanoUsd: 47,
        unpriced: 0,
        inputTokens: 10,
        sessionId: 's',
        agentId: null,
      })
    }),
  )

  it.effect('has a row for a request that failed, and for one that was given up', () =>
    Effect.gen(function* () {
      const ends: readonly DomainEvent[] = [
        ...[admitted('a'), started('a'), failed('a')],
        { _tag: 'RequestFailed', requestId: requestId('a'), attempts: 1, status: 502, reason: { _tag: 'Unknown' } },
        ...[admitted('b'), { _tag: 'RequestCancelled', requestId: requestId('b'), attempts: 0, by: 'client' } as const],
        ...[admitted('c'), started('c')],
      ]
      const rows = linesOf(yield* exported('requests', ends))
      expect(rows.map((row) => [row.requestId, row.outcome, row.status, row.unpriced])).toEqual([
        ['a', 'failed', 502, 1],
        ['b', 'cancelled', null, 0],
      ])
    }),
  )

  it.effect('takes those that came within a span, also when they ended later', () =>
    Effect.gen(function* () {
      const events = [...served1('a'), ...served1('b'), ...served1('c')]
      const span = { from: START + 4 * STEP_MS, to: START + 5 * STEP_MS }
      const rows = linesOf(yield* exported('requests', events, span))
      expect(rows.map((row) => row.requestId)).toEqual(['b'])
    }),
  )
})

describe('the table of attempts', () => {
  it.effect('has a row for each, with what it was asked and what it came to', () =>
    Effect.gen(function* () {
      const rows = linesOf(yield* exported('attempts', retried))
      expect(rows.map((row) => [row.provider, row.outcome, row.status, row.costNanoUsd, row.inputTokens])).toEqual([
        ['alpha', 'failed', 529, 7, null],
        ['beta', 'succeeded', 200, 40, 10],
      ])
    }),
  )
})

describe('an export', () => {
  it.effect('does not write over a file', () =>
    Effect.gen(function* () {
      const out = join(yield* scratchFolder, 'taken')
      writeFileSync(out, 'mine')
      for (const format of ['ndjson', 'parquet'] as const) {
        const error = yield* Effect.flip(
          Effect.provide(exportTable({ what: 'requests', format, out, json: true }), layerMemory()),
        )
        expect(error.message).toContain('is there already')
      }
      expect(readFileSync(out, 'utf8')).toBe('mine')
    }),
  )

  it.effect('that fails in the middle leaves nothing behind, so that it can be tried again', () =>
    Effect.gen(function* () {
      const folder = yield* scratchFolder
      const log = yield* EventLog
      const served = Array.from({ length: 2_000 }, (_, n) => served1(`req_${n}`))
      yield* log.append(envelopes('w', START)(served.flat()))
      for (const format of ['ndjson', 'parquet'] as const) {
        const out = join(folder, `out.${format}`)
        const exporting = exportTable({ what: 'requests', format, out, json: true })
        const error = yield* Effect.flip(breakingBehind(5_000)(exporting))
        expect(error.message).toBe('the disk is gone')
        expect(readdirSync(folder)).not.toContainEqual(expect.stringContaining(format))
        expect(yield* exporting).toBe(0)
        expect(readdirSync(folder)).toContain(`out.${format}`)
      }
      expect(linesOf(join(folder, 'out.ndjson'))).toHaveLength(served.length)
      expect(yield* Effect.promise(() => parquetOf(join(folder, 'out.parquet')))).toHaveLength(served.length)
      expect(readdirSync(folder)).toHaveLength(2)
    }).pipe(Effect.provide(layerMemory())),
  )

  it.effect('has another name until it is complete', () =>
    Effect.gen(function* () {
      const folder = yield* scratchFolder
      const seen: string[][] = []
      const look = Effect.sync(() => void seen.push(readdirSync(folder)))
      yield* writeRowFile(join(folder, 'rows.ndjson'), ndjson, [], (write) => Effect.andThen(write([{}]), look))
      yield* look
      expect(seen).toEqual([[expect.stringMatching(/^rows\.ndjson\.\d+\.part$/)], ['rows.ndjson']])
    }),
  )

  it.effect('of a log without requests is a table without rows', () =>
    Effect.gen(function* () {
      const out = yield* exported('requests', [], { format: 'parquet' })
      expect(yield* Effect.promise(() => parquetOf(out))).toEqual([])
      expect(linesOf(yield* exported('requests', []))).toEqual([])
    }),
  )

  it.effect('says the same in both formats, with every column in its order, of a whole simulated day', () =>
    Effect.gen(function* () {
      const { scenario } = yield* readScenario('regional-outage')
      const simulation = startSimulation(scenario, { seed: 1, hours: 1, keepsEvents: true })
      while (simulation.advance());
      const folder = yield* scratchFolder
      yield* Effect.gen(function* () {
        const log = yield* EventLog
        yield* log.append(simulation.take())
        for (const what of TABLES) {
          const out = (format: string) => join(folder, `${what}.${format}`)
          for (const format of ['ndjson', 'parquet'] as const)
            yield* exportTable({ what, format, out: out(format), json: true })
          const { columns } = exportTables[what]
          const lines = linesOf(out('ndjson'))
          const rows = yield* Effect.promise(() => parquetOf(out('parquet')))
          expect(lines.length).toBeGreaterThan(100)
          expect(Object.keys(lines[0] ?? {})).toEqual(columns.map(({ name }) => name))
          expect(rows.map((row) => plain(row, columns))).toEqual(lines)
        }
      }).pipe(Effect.provide(layerMemory()))
    }),
  )
})

/** A row of Parquet as NDJSON says it. */
const plain = (row: Row, columns: readonly Column[]): Row =>
  Object.fromEntries(
    columns.map(({ name }) => {
      const value = row[name]
      if (typeof value === 'bigint') return [name, Number(value)]
      return [name, value instanceof Date ? value.toISOString() : (value ?? null)]
    }),
  )

describe('a Parquet file', () => {
  const columns: readonly Column[] = [
    { name: 'text', type: 'text', about: '' },
    { name: 'integer', type: 'integer', about: '' },
    { name: 'number', type: 'number', about: '' },
    { name: 'time', type: 'time', about: '' },
    { name: 'flag', type: 'flag', about: '' },
    { name: 'json', type: 'json', about: '' },
  ]

  it.effect('is written in row groups, whatever the pages that come', () =>
    Effect.gen(function* () {
      const path = join(yield* scratchFolder, 'rows.parquet')
      const count = 2 * ROW_GROUP + 7
      yield* writeRowFile(
        path,
        parquet,
        [{ name: 'integer', type: 'integer', about: '' }],
        Effect.fnUntraced(function* (write) {
          for (let at = 0; at < count; at += 3_000) {
            yield* write(Array.from({ length: Math.min(3_000, count - at) }, (_, n) => ({ integer: at + n })))
          }
        }),
      )
      yield* Effect.promise(async () => {
        const metadata = await parquetMetadataAsync(await asyncBufferFromFile(path))
        expect(metadata.row_groups.map(({ num_rows }) => Number(num_rows))).toEqual([ROW_GROUP, ROW_GROUP, 7])
        const rows = await parquetOf(path)
        expect(rows.every(({ integer }, index) => Number(integer) === index)).toBe(true)
      })
    }),
  )

  it.effect('gives back every value of every type, and what is not there', () =>
    Effect.gen(function* () {
      const folder = yield* scratchFolder
      const rows = fc.array(
        fc.record({
          text: fc.option(fc.string()),
          integer: fc.option(fc.maxSafeInteger()),
          number: fc.option(fc.double({ noNaN: true, noDefaultInfinity: true })),
          time: fc.option(fc.integer({ min: 0, max: 4_000_000_000_000 })),
          flag: fc.option(fc.boolean()),
          json: fc.option(fc.dictionary(fc.string({ minLength: 1 }), fc.array(fc.integer()))),
        }),
        { maxLength: 20 },
      )
      let n = 0
      yield* Effect.promise(() =>
        fc.assert(
          fc.asyncProperty(rows, async (written) => {
            n += 1
            const path = join(folder, `${n}.parquet`)
            await Effect.runPromise(writeRowFile(path, parquet, columns, (write) => write(written)))
            const read = (await parquetOf(path)).map((row) => plain(row, columns))
            const expected = written.map((row) => ({
              ...row,
              time: row.time === null ? null : new Date(row.time).toISOString(),
            }))
            // Of what is expected JSON makes plain data, and it knows no minus zero.
            expect(JSON.parse(JSON.stringify(read))).toEqual(JSON.parse(JSON.stringify(expected)))
          }),
          { numRuns: 50 },
        ),
      )
    }),
  )
})
