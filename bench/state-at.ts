/**
 * How long the box takes to show a past moment (`/admin/state?at=`) on a long log, and how long its event loop, which carries
 * the streams, has to wait meanwhile: with the snapshots that a ledger leaves behind, and without any, as after an upgrade that
 * changed the fold.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { Effect } from 'effect'
import { applyRecorded, encodeState, initialState, STATE_VERSION } from '#actors/gateway-state.ts'
import { EventLog } from '#actors/ports.ts'
import { SNAPSHOT_SPACING } from '#domain/snapshot-spacing.ts'
import { layerSqlite } from '#infra/event-log/sqlite.ts'
import { BULK, SPAN_MS } from './boot.ts'
import { history } from './history.ts'
import { startScript } from './process.ts'
import { readLoopDelay, tellsLoopDelay } from './read-loop-delay.ts'
import { logPath, type Ready, startSignalbox } from './signalbox.ts'
import { type Summary, summary } from './statistics.ts'

export interface StateAtOptions {
  readonly main: string
  readonly requests: number
  /** Looked at, evenly over the log. */
  readonly moments: number
  readonly note: (text: string) => void
}

/** Milliseconds from the question to the last byte of the answer, and the longest turn of the event loop meanwhile. */
export interface Looks {
  readonly firstMs: Summary
  readonly againMs: Summary
  readonly longestTurnMs: number
  /** Its CPU, which a busy machine does not change. */
  readonly longestTurnCpuMs: number
}

export interface StateAt {
  readonly events: number
  readonly logBytes: number
  readonly snapshots: number
  readonly snapshotBytes: number
  readonly withSnapshots: Looks
  /** A moment in the middle of the log. */
  readonly without: Looks
}

export const measureStateAt = async ({ main, requests, moments, note }: StateAtOptions): Promise<StateAt> => {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-bench-'))
  const upstream = await startScript('upstream.ts', {})
  const endAt = Date.now()
  const momentAt = (share: number): number => Math.round(endAt - SPAN_MS * (1 - share))
  try {
    note(`state-at: building a log of ${requests} requests with its snapshots`)
    await build(logPath(folder), requests, endAt)
    const sizes = sizesOf(logPath(folder))
    const look = async (shares: readonly number[]): Promise<Looks> => {
      const delayFile = join(folder, 'loop-delay.json')
      const box = await startSignalbox({ main, folder, upstream: upstream.url, ...tellsLoopDelay(delayFile) })
      try {
        const token = readFileSync(join(folder, 'admin-token'), 'utf8').trim()
        // Until V8 has compiled what they run through; a moment ago, which the newest snapshot has nearly all of.
        for (let n = 0; n < WARM_UP; n++) await ask(box, token, Date.now() - 1)
        await readLoopDelay(box, delayFile)
        const first: number[] = []
        const again: number[] = []
        for (const share of shares) {
          first.push(await ask(box, token, momentAt(share)))
          again.push(await ask(box, token, momentAt(share)))
          note(
            `state-at: ${share.toFixed(2)} of the log: ${first.at(-1)?.toFixed(0)} ms, again ${again.at(-1)?.toFixed(0)} ms`,
          )
        }
        const { longestMs, longestCpuMs } = await readLoopDelay(box, delayFile)
        return {
          ...{ firstMs: summary(first), againMs: summary(again) },
          ...{ longestTurnMs: longestMs, longestTurnCpuMs: longestCpuMs },
        }
      } finally {
        await box.stop()
      }
    }
    const withSnapshots = await look(Array.from({ length: moments }, (_, n) => (n + 1) / (moments + 1)))
    forgetSnapshots(logPath(folder))
    const without = await look([0.5])
    return { ...sizes, withSnapshots, without }
  } finally {
    await upstream.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

const WARM_UP = 3

/** As the ledger writes it, but for the fsyncs. */
const build = (path: string, requests: number, endAt: number): Promise<void> =>
  Effect.gen(function* () {
    const log = yield* EventLog
    const state = initialState()
    let position = 0
    for (const batch of history({ requests, endAt, spanMs: SPAN_MS, writer: 'bench-history', beginning: true })) {
      yield* log.append(batch)
      for (const event of batch) {
        applyRecorded(state, event)
        position += 1
        if (position % (SNAPSHOT_SPACING - 100) !== 0) continue
        yield* log.saveSnapshot({ version: STATE_VERSION, position, state: encodeState(state) })
      }
    }
    yield* log.saveSnapshot({ version: STATE_VERSION, position, state: encodeState(state) })
  }).pipe(Effect.provide(layerSqlite({ path, pragmas: BULK })), Effect.runPromise)

const sizesOf = (path: string) => {
  const database = new Database(path, { readonly: true })
  try {
    const number = (query: string): number => database.prepare<[], number>(query).pluck().get() ?? 0
    return {
      events: number('SELECT position FROM log_head'),
      logBytes: number('SELECT sum(pgsize) FROM dbstat'),
      snapshots: number('SELECT count(*) FROM snapshots'),
      snapshotBytes: number(
        `SELECT sum(pgsize) FROM dbstat WHERE name IN (SELECT name FROM sqlite_schema WHERE tbl_name = 'snapshots')`,
      ),
    }
  } finally {
    database.close()
  }
}

/** All but the newest, which the start needs, and what that is packed by. */
const forgetSnapshots = (path: string): void => {
  const database = new Database(path)
  database.exec(`DELETE FROM snapshots WHERE position NOT IN (
    SELECT max(position) FROM snapshots
    UNION SELECT base FROM snapshots WHERE base IS NOT NULL AND position = (SELECT max(position) FROM snapshots))`)
  database.close()
}

const ask = async (box: Ready, token: string, at: number): Promise<number> => {
  const start = performance.now()
  const answer = await fetch(`${box.url}/admin/state?at=${at}`, { headers: { authorization: `Bearer ${token}` } })
  const text = await answer.text()
  if (answer.status !== 200) throw new Error(`/admin/state answered ${answer.status}: ${text.slice(0, 200)}`)
  return performance.now() - start
}
