/**
 * kill -9 under load, round after round on one log: a real server on SQLite, simulated providers and clients here; with
 * everything on that can be on, or plain. After each kill the log is read as it lies there, after the next start again; what is
 * wrong comes back as text.
 */
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout } from 'node:timers/promises'
import Database from 'better-sqlite3'
import { Effect } from 'effect'
import { STATE_VERSION } from '#actors/gateway-state.ts'
import { EventLog, type StoredSnapshot, type VerifyReport } from '#actors/ports.ts'
import { startReplay } from '#actors/replay.ts'
import { isTerminal } from '#domain/events.ts'
import type { RecordedEvent } from '#domain/recorded-event.ts'
import { layerSqliteReadOnly } from '#infra/event-log/sqlite.ts'
import { draw } from '#infra/simulator/draws.ts'
import type { World } from '#infra/simulator/world.ts'
import { fullSettings } from '#test/full-settings.ts'
import { configOf, scratchFolder, spawnSignalbox, startProcess } from '#test/signalbox-process.ts'
import { startProviders } from '#test/simulator.ts'
import { startSink } from '#test/sink.ts'
import { type HeardAnswer, startLoad } from './load.ts'

export interface RoundReport {
  readonly round: number
  /** Where the process was when it was killed. */
  readonly moment: 'starting' | 'serving'
  /** Answers that clients saw complete, and those that the kill cut. */
  readonly complete: number
  readonly cut: number
  /** Events in the log after the kill. */
  readonly events: number
  /** Requests that the next start closed as abandoned; known with the next round. */
  readonly abandonedBefore: number
  readonly problems: readonly string[]
}

export interface CrashReport {
  readonly rounds: readonly RoundReport[]
  readonly requests: number
  readonly succeeded: number
  readonly abandoned: number
  readonly complete: number
  readonly problems: readonly string[]
}

const CONNECTIONS = 12
const KEY_NAME = 'crash'

const steady: World = {
  firstTokenMs: { median: 25, sigma: 0.6 },
  tokensPerSecond: { median: 1_500, sigma: 0.5 },
  answerTokens: { median: 60, sigma: 0.6 },
  failures: { rateLimitedShare: 0, overloadedShare: 0.02, serverErrorShare: 0.02, droppedShare: 0.02 },
}
const flaky: World = {
  ...steady,
  failures: { rateLimitedShare: 0.01, overloadedShare: 0.1, serverErrorShare: 0.1, droppedShare: 0.1 },
}

interface LogAsItLies {
  readonly rows: readonly RecordedEvent[]
  readonly snapshot: StoredSnapshot | undefined
  readonly verified: VerifyReport
}

/** Reads a log that no process has open. */
const readLog = (path: string): Effect.Effect<LogAsItLies> =>
  Effect.gen(function* () {
    const log = yield* EventLog
    const rows: RecordedEvent[] = []
    const head = yield* log.head
    while (rows.length < head) {
      const page = yield* log.read({ after: rows.length, limit: 10_000 })
      if (page.length === 0) break
      for (const row of page) if (row._tag === 'Known') rows.push(row.recorded)
    }
    return {
      rows,
      snapshot: yield* log.latestSnapshot(STATE_VERSION),
      verified: yield* log.verify(() => undefined),
    }
  }).pipe(Effect.provide(layerSqliteReadOnly({ path }), { local: true }), Effect.orDie)

/** Sound, whole batches only, and every decision and the snapshot follow from the facts. */
const soundness = ({ rows, snapshot, verified }: LogAsItLies): readonly string[] => {
  const problems = verified.problems.map(({ problem, position }) => `verify at ${position}: ${problem}`)
  const replay = startReplay()
  for (const [index, recorded] of rows.entries()) {
    if (recorded.position !== index + 1) problems.push(`position ${recorded.position} is at place ${index + 1}`)
    replay.next({ _tag: 'Known', recorded })
    if (snapshot !== undefined) replay.compare(snapshot)
  }
  replay.finish()
  const difference = replay.difference()
  if (difference !== undefined) problems.push(`replay: ${JSON.stringify(difference)}`)
  if (snapshot !== undefined && snapshot.position > rows.length) problems.push('the snapshot is ahead of the log')
  return problems
}

/** Requests that have no terminal event, and what is wrong with those that have. */
const endings = (rows: readonly RecordedEvent[]) => {
  const open = new Set<string>()
  const ended = new Map<string, RecordedEvent>()
  const problems: string[] = []
  for (const row of rows) {
    if (!('requestId' in row.event)) continue
    const id = row.event.requestId
    if (row.event._tag === 'RequestAdmitted') open.add(id)
    else if (ended.has(id)) problems.push(`${row.event._tag} of ${id} after its end`)
    if (!isTerminal(row.event)) continue
    if (!open.delete(id)) problems.push(`${row.event._tag} of ${id}, which was not open`)
    ended.set(id, row)
  }
  return { open, ended, problems }
}

/** What clients saw complete must be in the log, as they saw it. */
const promises = (answers: readonly HeardAnswer[], ended: ReadonlyMap<string, RecordedEvent>): readonly string[] =>
  answers.flatMap(({ requestId, status, complete }) => {
    if (!complete) return []
    const event = ended.get(requestId)?.event
    if (status === 200 && event?._tag === 'AttemptSucceeded') return []
    if (status !== 200 && event?._tag === 'RequestFailed' && event.status === status) return []
    return [`${requestId} was complete with status ${status}, its end in the log is ${event?._tag ?? 'missing'}`]
  })

export const crashRounds = (options: {
  readonly rounds: number
  readonly seed: number
  /** Captures, budgets that refuse, a client key, alerts, traces, a log file, archives, health checks; default true. */
  readonly full?: boolean
  /** At most so many answers come to their end before the kill; default 150. */
  readonly answers?: number
  readonly onRound?: (report: RoundReport) => void
}): Effect.Effect<CrashReport> =>
  Effect.scoped(
    Effect.gen(function* () {
      const { rounds, seed } = options
      const folder = yield* scratchFolder
      const path = `${folder}/log.db`
      const simulators = yield* startProviders({
        flaky: { world: flaky, seed, keepRequests: 0 },
        steady: { world: steady, seed, keepRequests: 0 },
        spare: { world: steady, seed: seed + 1, keepRequests: 0 },
      })
      const providers = configOf(simulators.flaky, simulators.steady, simulators.spare)
      const isFull = options.full ?? true
      const config = isFull ? { ...(yield* everything), ...providers } : providers
      const key = isFull ? yield* newKey(config, folder) : undefined
      const reports: RoundReport[] = []
      const answers: HeardAnswer[] = []
      let before: readonly RecordedEvent[] = []
      let openBefore = new Set<string>()

      /** Looks at the log, and at what a start has made of the one before. */
      const look = Effect.gen(function* () {
        const log = yield* readLog(path)
        const { open, ended, problems } = endings(log.rows)
        const abandoned = log.rows
          .slice(before.length)
          .flatMap(({ event }) => (event._tag === 'RequestAbandoned' ? [event.requestId as string] : []))
        const started = log.rows.slice(before.length).some(({ event }) => event._tag === 'BoxStarted')
        const found = [...soundness(log), ...problems, ...promises(answers, ended)]
        if (JSON.stringify(log.rows.slice(0, before.length)) !== JSON.stringify(before))
          found.push('the past has changed')
        const expected = started ? openBefore : new Set<string>()
        if (abandoned.toSorted().join() !== [...expected].toSorted().join())
          found.push(`open were ${[...openBefore].join()}, abandoned were ${abandoned.join()}`)
        before = log.rows
        // Who was killed before its start was durable has closed nothing.
        if (started) openBefore = open
        return { rows: log.rows, ended, open, abandoned: abandoned.length, problems: found }
      })

      for (let round = 1; round <= rounds; round++) {
        const chance = (purpose: number) => draw(seed, round, purpose)
        const starting = round > 1 && chance(1) < 0.15
        const heard = yield* Effect.scoped(
          Effect.gen(function* () {
            if (starting) {
              const { child } = yield* spawnSignalbox({ config, folder })
              yield* Effect.promise(() => setTimeout(100 + chance(2) * 900))
              yield* kill(child)
              return []
            }
            const box = yield* startProcess({ config, folder })
            const load = startLoad(box.port, CONNECTIONS, seed * 1_000 + round, { key })
            yield* Effect.promise(() => load.complete(1 + Math.floor(chance(2) * (options.answers ?? 150))))
            yield* Effect.promise(() => setTimeout(chance(3) * 30))
            yield* kill(box.child)
            yield* Effect.promise(load.stop)
            return load.answers
          }),
        )
        answers.push(...heard)
        const { rows, abandoned, problems } = yield* look
        const report: RoundReport = {
          round,
          moment: starting ? 'starting' : 'serving',
          complete: heard.filter(({ complete }) => complete).length,
          cut: heard.filter(({ complete }) => !complete).length,
          events: rows.length,
          abandonedBefore: abandoned,
          problems,
        }
        reports.push(report)
        options.onRound?.(report)
      }

      // Two starts in good order: the first closes what the last kill cut, the second finds nothing to do.
      const problems: string[] = []
      for (const time of ['first', 'second']) {
        yield* Effect.scoped(
          Effect.gen(function* () {
            const box = yield* startProcess({ config, folder })
            // It hears signals a moment after it says that it listens.
            yield* Effect.promise(() => fetch(`${box.url}/readyz`).then((ready) => ready.text()))
            box.signal('SIGTERM')
            const { code } = yield* box.exited
            if (code !== 0) problems.push(`the ${time} stop exits with ${code}`)
            if (time === 'first') return
            // The commands, as an operator would run them.
            const verified = JSON.parse((yield* box.command('verify', '--json')).stdout) as VerifyReport
            if (verified.problems.length > 0) problems.push(`signalbox verify: ${JSON.stringify(verified)}`)
            const replayed = JSON.parse((yield* box.command('replay', '--json')).stdout) as {
              readonly identical: boolean
            }
            if (!replayed.identical) problems.push(`signalbox replay: ${JSON.stringify(replayed)}`)
          }),
        )
        const { open, problems: found, abandoned } = yield* look
        problems.push(...found)
        if (open.size > 0) problems.push(`after the ${time} start, still open: ${[...open].join()}`)
        if (time === 'second' && abandoned > 0) problems.push(`the second start abandoned ${abandoned} more`)
      }
      if (isFull) problems.push(...(yield* besideTheLog(folder, before)))
      const policies = before.filter(({ event }) => event._tag === 'PolicyChanged').length
      if (policies !== 1) problems.push(`one configuration led to ${policies} policies`)
      const count = (tag: string) => before.filter(({ event }) => event._tag === tag).length
      return {
        rounds: reports,
        requests: count('RequestAdmitted'),
        succeeded: count('AttemptSucceeded'),
        abandoned: count('RequestAbandoned'),
        complete: answers.filter(({ complete }) => complete).length,
        problems: [
          ...reports.flatMap((report) => report.problems.map((one) => `round ${report.round}: ${one}`)),
          ...problems,
        ],
      }
    }),
  )

const everything = Effect.map(startSink, (sink) => fullSettings({ captures: true, collector: sink, webhook: sink }))

/** Made on the log itself, before anybody serves. */
const newKey = (config: object, folder: string): Effect.Effect<string> =>
  Effect.scoped(
    Effect.gen(function* () {
      const making = yield* spawnSignalbox({ config, folder, args: ['keys', 'create', KEY_NAME, '--json'] })
      yield* making.exited
      return (JSON.parse(making.stdout()) as { readonly secret: string }).secret
    }),
  )

/** That the other features were at work, and what they keep is sound. */
const besideTheLog = (folder: string, rows: readonly RecordedEvent[]): Effect.Effect<readonly string[]> =>
  Effect.sync(() => {
    const captures = new Database(`${folder}/captures.db`)
    const integrity = captures.pragma('integrity_check', { simple: true })
    const kept = captures.prepare<[], { requests: number }>('SELECT count(*) AS requests FROM captures').get()?.requests
    captures.close()
    const happened = (isIt: (event: RecordedEvent['event']) => boolean) => rows.some(({ event }) => isIt(event))
    return [
      ...(integrity === 'ok' ? [] : [`the file of captures: ${integrity}`]),
      ...((kept ?? 0) > 0 ? [] : ['nothing was captured']),
      ...(happened((event) => event._tag === 'RequestAdmitted' && event.clientKey === KEY_NAME)
        ? []
        : ['no key was used']),
      ...(happened((event) => event._tag === 'AttemptStarted' && (event.reservedNanoUsd ?? 0) > 0)
        ? []
        : ['nothing was held back of a budget']),
      ...(happened((event) => event._tag === 'AlertRaised') ? [] : ['no alert was raised']),
    ]
  })

const kill = (child: ChildProcess) =>
  Effect.promise(async () => {
    if (child.exitCode !== null) return
    const gone = once(child, 'exit')
    child.kill('SIGKILL')
    await gone
  })
