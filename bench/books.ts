/**
 * What questions to the books cost on a long log: how long each takes, and how long the event loop, which carries the streams,
 * had to wait meanwhile. Beside that, how long the books take to be made from the log, as at the first start after an upgrade.
 */
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { Effect } from 'effect'
import { Books } from '#actors/ports.ts'
import type { Dimension } from '#domain/books-query.ts'
import { layerSqlite } from '#infra/event-log/sqlite.ts'
import { build } from './boot.ts'
import { logPath } from './signalbox.ts'
import { type Summary, summary } from './statistics.ts'

export interface BooksOptions {
  readonly requests: number
  /** How often each question is asked. */
  readonly times: number
  /** Keep the log here and use it again. */
  readonly folder: string | undefined
  readonly note: (text: string) => void
}

export interface Answer {
  readonly question: string
  readonly ms: Summary
}

export interface BooksCost {
  readonly requests: number
  readonly answers: readonly Answer[]
  /** The longest turn of the event loop while they were answered: by the clock, and its CPU, which a busy machine does not change. */
  readonly longestTurnMs: number
  readonly longestTurnCpuMs: number
  readonly makingMs: number
}

const DAY_MS = 24 * 3_600_000

type Ask = (books: Books['Service']) => Effect.Effect<unknown, { readonly message: string }>

const by = (...dimensions: readonly Dimension[]): readonly [string, Ask] => [
  `costs by ${dimensions.join(' and ')}`,
  (books) => books.costs({ by: dimensions, timeZone: 'Europe/Berlin' }),
]

const questions = (now: number): readonly (readonly [question: string, ask: Ask])[] => [
  by('day'),
  by('day', 'provider'),
  by('hour', 'model'),
  by('model', 'key'),
  by('session'),
  by('day', 'session'),
  by('agent', 'model'),
  ['spent today', (books) => books.spent({ from: now - DAY_MS, model: '*opus*' })],
  ['the newest requests', (books) => books.requests({ limit: 100 })],
  ['requests of a provider that has none', (books) => books.requests({ limit: 100, provider: 'second' })],
  ['requests of a model, ten days ago', (books) => books.requests(TEN_DAYS_AGO(now))],
]

const TEN_DAYS_AGO = (now: number) => ({
  limit: 100,
  model: 'claude-opus-5-5',
  from: now - 11 * DAY_MS,
  to: now - 10 * DAY_MS,
})

export const measureBooks = async (options: BooksOptions): Promise<BooksCost> => {
  const { requests, times, note } = options
  const temporary = mkdtempSync(join(tmpdir(), 'signalbox-bench-'))
  const folder = options.folder ?? temporary
  mkdirSync(folder, { recursive: true })
  const path = logPath(folder)
  try {
    if (!existsSync(path)) await build(path, requests, note)
    forgetBooks(path)
    const start = performance.now()
    await Effect.runPromise(Effect.provide(Effect.void, layerSqlite({ path })))
    const makingMs = performance.now() - start
    note(`books: made from the log in ${Math.round(makingMs / 1_000)} s`)
    return { requests, makingMs, ...(await askAll(path, times, note)) }
  } finally {
    rmSync(temporary, { recursive: true, force: true })
  }
}

/** Makes the next start make them anew. */
const forgetBooks = (path: string): void => {
  const database = new Database(path)
  database.exec('UPDATE books SET version = 0')
  database.close()
}

const askAll = (path: string, times: number, note: (text: string) => void) =>
  Effect.gen(function* () {
    const books = yield* Books
    const all = questions(Date.now())
    // Once before, so that every file page and every function has been seen.
    for (const [, ask] of all) yield* ask(books)
    const turns = watchTurns()
    const answers: Answer[] = []
    for (const [question, ask] of all) {
      const took: number[] = []
      for (let n = 0; n < times; n++) {
        const start = performance.now()
        yield* ask(books)
        took.push(performance.now() - start)
      }
      answers.push({ question, ms: summary(took) })
      note(`books: ${question} ${Math.round(summary(took).median)} ms`)
    }
    return { answers, ...turns.stop() }
  }).pipe(Effect.provide(layerSqlite({ path })), Effect.runPromise)

/** As in loop-delay.ts, in this process. */
const watchTurns = () => {
  const cpuMs = (): number => {
    const { user, system } = process.threadCpuUsage()
    return (user + system) / 1_000
  }
  let [longestTurnMs, longestTurnCpuMs] = [0, 0]
  let [at, cpu] = [performance.now(), cpuMs()]
  const timer = setInterval(() => {
    const now = { at: performance.now(), cpu: cpuMs() }
    longestTurnMs = Math.max(longestTurnMs, now.at - at)
    longestTurnCpuMs = Math.max(longestTurnCpuMs, now.cpu - cpu)
    at = now.at
    cpu = now.cpu
  }, 1)
  return {
    stop: () => {
      clearInterval(timer)
      return { longestTurnMs, longestTurnCpuMs }
    },
  }
}
