/**
 * How long Signalbox takes from the start of its process to the first 200 of /readyz, on a log of many requests: without a
 * snapshot, from the snapshot of an orderly stop, and from a snapshot with a tail, as after a crash.
 */
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { Effect } from 'effect'
import { EventLog } from '#actors/ports.ts'
import { layerSqlite } from '#infra/event-log/sqlite.ts'
import { type HistoryOptions, history } from './history.ts'
import { startScript } from './process.ts'
import { logPath, type Ready, startSignalbox } from './signalbox.ts'
import { type Summary, summary } from './statistics.ts'

export interface BootOptions {
  readonly main: string | undefined
  readonly requests: number
  readonly times: number
  /** Where the log is built, or was built before; undefined: a temporary folder. */
  readonly folder: string | undefined
  readonly note: (text: string) => void
}

export interface Boot {
  readonly events: number
  readonly logBytes: number
  /** An empty log: what the program itself needs. */
  readonly empty?: BootTimes
  /** The first start on this log: folds it all (or as much as the newest usable snapshot lacks). */
  readonly first?: BootTimes
  readonly snapshot?: BootTimes
  readonly tail?: BootTimes
  readonly tailEvents: number
  readonly residentBytes?: number
}

export interface BootTimes {
  readonly wallMs: Summary
  /** User and system time of all threads: says more than the wall clock on a machine that is busy with other things. */
  readonly cpuMs: Summary
}

export const measureBoot = async (options: BootOptions): Promise<Boot> => {
  const { main, requests, times, note } = options
  const temporary = mkdtempSync(join(tmpdir(), 'signalbox-bench-'))
  const folder = options.folder ?? join(temporary, 'full')
  const empty = join(temporary, 'empty')
  mkdirSync(folder, { recursive: true })
  mkdirSync(empty)
  const upstream = await startScript('upstream.ts', {})
  try {
    if (!existsSync(logPath(folder))) await build(logPath(folder), requests, note)
    const logBytes = statSync(logPath(folder)).size
    const events = eventsIn(logPath(folder))
    if (events < requests * EVENTS_PER_REQUEST)
      throw new Error(`the log in ${folder} is smaller than asked for; remove it`)
    const built = { events, logBytes, tailEvents: TAIL_REQUESTS * EVENTS_PER_REQUEST }
    if (main === undefined) return built

    let residentBytes = 0
    const several = async (
      name: string,
      where: string,
      times: number,
      prepare: () => Promise<void> = async () => {},
    ): Promise<BootTimes> => {
      const booted: Ready[] = []
      for (let i = 0; i < times; i++) {
        await prepare()
        const box = await startSignalbox({ main, folder: where, upstream: upstream.url, readyWithinMs: FOLD_MS })
        residentBytes = box.residentBytes()
        await box.stop()
        booted.push(box)
        note(`boot: ${name} ${Math.round(box.readyMs)} ms, ${Math.round(box.readyCpuMs)} ms of CPU`)
      }
      return {
        wallMs: summary(booted.map((box) => box.readyMs)),
        cpuMs: summary(booted.map((box) => box.readyCpuMs)),
      }
    }
    // The first of these makes the file, the others find an empty log.
    await several('no log', empty, 1)
    return {
      ...built,
      empty: await several('empty log', empty, times),
      first: await several('first start on this log', folder, 1),
      snapshot: await several('from a snapshot', folder, times),
      tail: await several('from a snapshot and a tail', folder, times, () => append(logPath(folder), tail())),
      residentBytes,
    }
  } finally {
    await upstream.stop()
    rmSync(temporary, { recursive: true, force: true })
  }
}

const EVENTS_PER_REQUEST = 4
/** Just under the 2,400 events after which the ledger takes the next snapshot (SNAPSHOT_EVERY in actors/ledger.ts). */
const TAIL_REQUESTS = 590
export const SPAN_MS = 30 * 24 * 3_600_000
const FOLD_MS = 30 * 60_000
const SECOND_MS = 1_000
const NOTE_EVERY_MS = 10 * SECOND_MS

/** Writes the log of so many requests, up to now. */
export const build = async (path: string, requests: number, note: (text: string) => void): Promise<void> => {
  note(`building a log of ${requests} requests`)
  const start = performance.now()
  // The end of the history is now: windows over the last minutes and days are as full as they get.
  await append(path, { requests, endAt: Date.now(), spanMs: SPAN_MS, writer: 'bench-history', beginning: true }, note)
  note(`built in ${Math.round((performance.now() - start) / SECOND_MS)} s`)
}

const eventsIn = (path: string): number => {
  const database = new Database(path, { readonly: true })
  try {
    return database.prepare<[], number>('SELECT position FROM log_head').pluck().get() ?? 0
  } finally {
    database.close()
  }
}

/** Later than whatever the box has written before, and over by now. */
const tail = (): HistoryOptions => {
  const now = Date.now()
  return { requests: TAIL_REQUESTS, endAt: now, spanMs: 100, writer: `bench-tail-${now}`, beginning: false }
}

const append = (path: string, options: HistoryOptions, note: (text: string) => void = () => {}): Promise<void> =>
  Effect.gen(function* () {
    const log = yield* EventLog
    let noted = performance.now()
    for (const batch of history(options)) {
      const position = yield* log.append(batch)
      if (performance.now() - noted < NOTE_EVERY_MS) continue
      noted = performance.now()
      note(`${position} events`)
    }
  }).pipe(Effect.provide(layerSqlite({ path, pragmas: BULK })), Effect.runPromise)

/** Durability is not what is measured while the log is built. */
export const BULK = ['synchronous = OFF', 'cache_size = -500000', 'wal_autocheckpoint = 50000']
