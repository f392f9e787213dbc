/**
 * Power cuts: what lay behind the last fsync is there, of what came after it any part may be. Every commit is one fsync of the
 * write-ahead log, so a cut is made by tearing the log behind its last acknowledged byte. SIGNALBOX_TEST_POWER_CUTS sets how often.
 */
import { copyFileSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { describe, expect, it } from '@effect/vitest'
import Database from 'better-sqlite3'
import { Effect } from 'effect'
import { draw } from '#infra/simulator/draws.ts'
import { envelopes, servedRequest } from '#test/recorded-events.ts'
import { newPath, withLog } from './log-file.ts'

const CUTS = Number(process.env.SIGNALBOX_TEST_POWER_CUTS ?? 100)
const BATCHES = 60

interface Acknowledged {
  /** Bytes of the write-ahead log when the append had returned. */
  readonly walBytes: number
  readonly head: number
}

/** A log that was never closed: its file, its write-ahead log, and how far that was at each acknowledgement. */
const abandoned = Effect.gen(function* () {
  const path = newPath()
  const copy = newPath()
  mkdirSync(dirname(copy))
  const acknowledged: Acknowledged[] = []
  yield* withLog(path, (log) =>
    Effect.gen(function* () {
      const wrap = envelopes()
      for (let n = 0; n < BATCHES; n++) {
        const head = yield* log.append(wrap(servedRequest(n)))
        acknowledged.push({ walBytes: statSync(`${path}-wal`).size, head })
      }
      copyFileSync(path, copy)
      copyFileSync(`${path}-wal`, `${copy}-wal`)
    }),
  )
  return { file: readFileSync(copy), wal: readFileSync(`${copy}-wal`), acknowledged }
})

const SECTOR = 512

/** The bytes behind `from` as a disk may have them: cut off, some sectors never written, some of an earlier time. */
const torn = (wal: Buffer, from: number, seed: number): Buffer => {
  const kept = from + Math.floor(draw(seed, 1) * (wal.length - from + 1))
  const left = Buffer.from(wal.subarray(0, draw(seed, 2) < 0.5 ? kept : wal.length))
  for (let at = Math.ceil(from / SECTOR) * SECTOR; at < left.length; at += SECTOR) {
    const fate = draw(seed, 3, at)
    if (fate < 0.012) left.fill(0, at, Math.min(left.length, at + SECTOR))
    else if (fate < 0.018) left.copyWithin(at, at - SECTOR, at)
  }
  return left
}

/** What SQLite makes of a torn log, with none of our threads in between. */
const lookAt = (path: string) => {
  const database = new Database(path)
  const one = (query: string) => database.prepare<[], number>(query).pluck().get() ?? 0
  const found = {
    head: one('SELECT position FROM log_head'),
    last: one('SELECT max(position) FROM events'),
    count: one('SELECT count(*) FROM events'),
    // A batch is one request of four events.
    tornBatches: one('SELECT count(*) FROM (SELECT stream FROM events GROUP BY stream HAVING count(*) <> 4)'),
    check: database.pragma('quick_check', { simple: true }),
  }
  database.close()
  return found
}

describe('a power cut', () => {
  it(`loses nothing acknowledged, and tears no batch, ${CUTS} times`, { timeout: 300_000 }, async () => {
    const { file, wal, acknowledged } = await Effect.runPromise(abandoned)
    // Nothing was moved into the file meanwhile, so the log alone tells.
    const sizes = acknowledged.map(({ walBytes }) => walBytes)
    expect(sizes).toEqual(sizes.toSorted((a, b) => a - b))
    const beyond = new Set<number>()
    for (let seed = 1; seed <= CUTS; seed++) {
      const n = Math.floor(draw(seed, 0) * (BATCHES - 3))
      const { head: promised, walBytes } = acknowledged[n] as Acknowledged
      const path = newPath()
      mkdirSync(dirname(path))
      writeFileSync(path, file)
      writeFileSync(`${path}-wal`, torn(wal.subarray(0, sizes[n + 3]), walBytes, seed))
      const every = seed % 20 === 0
      // The whole of our own start, once in a while.
      const verified = every
        ? await Effect.runPromise(withLog(path, (log) => log.verify(() => {})))
        : { problems: [], events: undefined }
      const { head, last, count, tornBatches, check } = lookAt(path)
      expect([head, count, tornBatches, check, verified.problems], `seed ${seed}`).toEqual([last, last, 0, 'ok', []])
      expect(head, `seed ${seed}`).toBeGreaterThanOrEqual(promised)
      beyond.add(head - promised)
      rmSync(dirname(dirname(path)), { recursive: true })
    }
    // The cuts were about something: what was not acknowledged was there at times, and at times not.
    expect([...beyond].toSorted((a, b) => a - b)).toEqual([0, 4, 8, 12])
  })
})
