/**
 * Power cuts: what lay behind the last fsync is there, of what came after it any part may be. Every commit is one fsync of the
 * write-ahead log, so a cut is made by tearing the log behind its last acknowledged byte. SIGNALBOX_TEST_POWER_CUTS=400 for long.
 */
import { copyFileSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { describe, expect, it } from '@effect/vitest'
import { Effect } from 'effect'
import { draw } from '#infra/simulator/draws.ts'
import { known, readAll } from '#test/event-log-contract.ts'
import { envelopes, servedRequest } from '#test/recorded-events.ts'
import { newPath, withLog } from './log-file.ts'

const CUTS = Number(process.env.SIGNALBOX_TEST_POWER_CUTS ?? 40)
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
    if (fate < 0.1) left.fill(0, at, Math.min(left.length, at + SECTOR))
    else if (fate < 0.15) left.copyWithin(at, at - SECTOR, at)
  }
  return left
}

describe('a power cut', () => {
  it(`loses nothing acknowledged, and tears no batch, ${CUTS} times`, { timeout: 60_000 + CUTS * 1_000 }, async () => {
    const { file, wal, acknowledged } = await Effect.runPromise(abandoned)
    // Nothing was moved into the file meanwhile, so the log alone tells.
    expect(acknowledged.map(({ walBytes }) => walBytes)).toEqual(
      acknowledged.map(({ walBytes }) => walBytes).toSorted((a, b) => a - b),
    )
    const heads = new Set<number>()
    for (let seed = 1; seed <= CUTS; seed++) {
      const last = acknowledged[Math.floor(draw(seed, 0) * (BATCHES - 3))] as Acknowledged
      const path = newPath()
      mkdirSync(dirname(path))
      writeFileSync(path, file)
      const behind = acknowledged.find(({ head }) => head === last.head + 12)?.walBytes ?? wal.length
      writeFileSync(`${path}-wal`, torn(wal.subarray(0, behind), last.walBytes, seed))
      const { head, problems, sizes } = await Effect.runPromise(
        withLog(path, (log) =>
          Effect.gen(function* () {
            const rows = known(yield* readAll(log))
            const { problems: found } = yield* log.verify(() => {})
            return { head: yield* log.head, problems: found, sizes: Map.groupBy(rows, ({ stream }) => stream) }
          }),
        ),
      )
      expect(head, `seed ${seed}`).toBeGreaterThanOrEqual(last.head)
      expect(problems, `seed ${seed}`).toEqual([])
      expect([...sizes.values()].every((rows) => rows.length === 4)).toBe(true)
      heads.add(head - last.head)
    }
    // The cuts were about something: what was not acknowledged was there at times, and at times not.
    expect(heads.has(0)).toBe(true)
    expect(heads.size).toBeGreaterThan(1)
  })
})
