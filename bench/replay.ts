/**
 * How fast `signalbox replay` goes through a long log in which every decision is what the facts lead to, as a ledger would have
 * written it, and how much memory it takes: the command line itself, in a process of its own, its start not counted.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Effect } from 'effect'
import { applyDecision, decide, encodeState, initialState, STATE_VERSION, trackStream } from '#actors/gateway-state.ts'
import { EventLog } from '#actors/ports.ts'
import { isFact } from '#domain/events.ts'
import type { NewEvent } from '#domain/recorded-event.ts'
import { layerSqlite } from '#infra/event-log/sqlite.ts'
import { BULK, SPAN_MS } from './boot.ts'
import { history } from './history.ts'
import { logPath } from './signalbox.ts'
import { type Summary, summary } from './statistics.ts'

export interface ReplayOptions {
  readonly main: string
  readonly requests: number
  readonly times: number
  readonly note: (text: string) => void
}

export interface ReplayCost {
  readonly events: number
  /** Microseconds an event, of the wall clock; and of all threads' CPU, the start included. */
  readonly usPerEvent: Summary
  readonly cpuUsPerEvent: Summary
  /** Most resident memory at any time. */
  readonly peakBytes: number
}

export const measureReplay = async ({ main, requests, times, note }: ReplayOptions): Promise<ReplayCost> => {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-bench-'))
  try {
    note(`replay: building a log of ${requests} requests`)
    await build(logPath(folder), requests)
    const runs: Run[] = []
    for (let n = 0; n < times; n++) {
      const run = await replayOnce(main, logPath(folder))
      runs.push(run)
      note(`replay: ${Math.round(run.events / run.seconds)} events a second, ${Math.round(run.peakBytes / 1e6)} MB`)
    }
    return {
      events: runs[0]?.events ?? 0,
      usPerEvent: summary(runs.map(({ seconds, events }) => (seconds * 1e6) / events)),
      cpuUsPerEvent: summary(runs.map(({ cpuSeconds, events }) => (cpuSeconds * 1e6) / events)),
      peakBytes: Math.max(...runs.map(({ peakBytes }) => peakBytes)),
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** The history, with routes as they are decided, and the snapshot of its end. */
const build = (path: string, requests: number): Promise<void> =>
  Effect.runPromise(
    Effect.gen(function* () {
      const log = yield* EventLog
      const state = initialState()
      const decided = (recorded: NewEvent): NewEvent => {
        const { event, occurredAt, writer, stream, streamVersion } = recorded
        trackStream(state, stream, streamVersion, event)
        if (isFact(event)) {
          due = decide(state, event, occurredAt, writer)
          return recorded
        }
        const [decision = event] = due
        applyDecision(state, decision, occurredAt, writer)
        return { ...recorded, event: decision }
      }
      let due: ReturnType<typeof decide> = []
      let position = 0
      const made = history({ requests, endAt: Date.now(), spanMs: SPAN_MS, writer: 'replayed', beginning: true })
      for (const batch of made) position = yield* log.append(batch.map(decided))
      yield* log.saveSnapshot({ version: STATE_VERSION, position, state: encodeState(state) })
    }).pipe(Effect.provide(layerSqlite({ path, pragmas: BULK }))),
  )

interface Run {
  readonly events: number
  readonly seconds: number
  readonly cpuSeconds: number
  readonly peakBytes: number
}

const LOOKS_EVERY_MS = 100

const replayOnce = (main: string, path: string): Promise<Run> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [main, 'replay', '--json', '--database', `sqlite:${path}`], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let text = ''
    let seen = { peakBytes: 0, cpuSeconds: 0 }
    const look = setInterval(() => {
      seen = usageOf(child.pid) ?? seen
    }, LOOKS_EVERY_MS)
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString()
    })
    child.on('error', reject)
    child.on('exit', (code) => {
      clearInterval(look)
      if (code !== 0) reject(new Error(`replay ended with ${code}: ${text}`))
      else resolve({ ...seen, ...(JSON.parse(text) as Pick<Run, 'events' | 'seconds'>) })
    })
  })

const TICKS_PER_SECOND = 100

/** Undefined once it has ended. */
const usageOf = (pid: number | undefined): Pick<Run, 'peakBytes' | 'cpuSeconds'> | undefined => {
  try {
    const peak = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    if (peak === undefined) return undefined
    return { peakBytes: Number(peak) * 1_024, cpuSeconds: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND }
  } catch {
    // Between its end and our hearing of it, its files in /proc are gone.
    return undefined
  }
}
