/**
 * `signalbox archive`: moves old requests from the log to a file, while no server runs. A server does it by itself, once a day,
 * when `retention.detail` is set.
 */
import { randomBytes } from 'node:crypto'
import { Console, Data, Effect, Layer } from 'effect'
import { encodeState, STATE_VERSION } from '#actors/gateway-state.ts'
import * as ledgerLayer from '#actors/ledger.ts'
import { EventLog } from '#actors/ports.ts'
import { restore } from '#actors/restore.ts'
import { databaseLayer, readOnlyDatabaseLayer } from '#cli/database.ts'
import type { Confirmed } from '#cli/doctor/confirm.ts'
import { progress } from '#cli/progress.ts'
import { LogArchive } from '#infra/event-log/log-archive.ts'
import { archiveLog, coveredPosition } from '#infra/retention.ts'

export interface ArchiveOptions {
  /** `sqlite:PATH`. */
  readonly database: string
  /** Requests that were admitted before this go, epoch ms. */
  readonly before: number
  /** Absolute path. */
  readonly folder: string
  readonly dryRun: boolean
  /** Do not ask. */
  readonly yes: boolean
  readonly json: boolean
  readonly confirm: (question: string) => Effect.Effect<Confirmed>
}

/** Another process has the log. */
class CannotArchive extends Data.TaggedError('CannotArchive')<{ readonly message: string }> {}

const SERVER = 'A running Signalbox archives by itself, once a day, when retention.detail is set in its configuration.'

/** Answers the exit code: 0 done, or nothing to do; 1 when nobody agreed. */
export const archive = (options: ArchiveOptions) =>
  Effect.scoped(
    Effect.gen(function* () {
      // Opening for writing would make a log where there is none.
      yield* Effect.scoped(Layer.build(readOnlyDatabaseLayer(options.database)))
      const opened = Layer.build(databaseLayer(options.database))
      const log = yield* Effect.mapError(
        opened,
        (error) => new CannotArchive({ message: `${error.message}\n${SERVER}` }),
      )
      return yield* Effect.provide(run(options), log)
    }),
  )

const run = Effect.fnUntraced(function* (options: ArchiveOptions) {
  const { before, folder, json } = options
  const [log, archives] = [yield* EventLog, yield* LogArchive]
  yield* saveSnapshot
  const plan = yield* archives.plan({ before, covered: yield* coveredPosition(log) })
  if (plan === undefined) {
    yield* Console.log(json ? JSON.stringify({ archived: null }) : `Nothing is older than ${day(before)}.`)
    return 0
  }
  const { requests, events, firstAt, lastAt } = plan
  const what = `${count(requests)} requests of ${day(firstAt)} to ${day(lastAt)}, ${count(events)} events`
  if (options.dryRun) {
    yield* Console.log(
      json ? JSON.stringify({ wouldArchive: { requests, events, firstAt, lastAt } }) : `Would archive ${what}.`,
    )
    return 0
  }
  const question = `Move ${what}, to an archive in ${folder}? The sums of tokens and costs stay.`
  if (!options.yes) {
    const answer = yield* options.confirm(question)
    if (answer === 'noTerminal') yield* Console.error(`${question} There is nobody to ask; say --yes.`)
    if (answer !== 'yes') return 1
  }
  const sizeBefore = (yield* log.stats).databaseBytes
  const bars = { writing: bar('writing'), deleting: bar('deleting'), shrinking: bar('shrinking') }
  const ledger = ledgerLayer.layer({ writer: randomBytes(6).toString('base64url') })
  const archived = yield* Effect.provide(
    archiveLog({ before, folder, by: 'cli', pauseMs: 0, progress: (part, share) => bars[part](share) }),
    ledger.pipe(Layer.provide(Layer.succeed(EventLog, log))),
  )
  const sizeAfter = (yield* log.stats).databaseBytes
  yield* Console.log(
    json
      ? JSON.stringify({ archived, folder, databaseBytes: sizeAfter })
      : `Archived ${what}: ${archived?.file ?? ''} in ${folder}. The log's file went from ${megabytes(sizeBefore)} to ${megabytes(sizeAfter)}.`,
  )
  return 0
})

/** So that all that has ended is covered, also after a crash or an upgrade. */
const saveSnapshot = Effect.gen(function* () {
  const log = yield* EventLog
  const { state, position, snapshotPosition } = yield* restore(log)
  if (position > snapshotPosition) {
    yield* log.saveSnapshot({ version: STATE_VERSION, position, state: encodeState(state) })
  }
})

const bar = (label: string) => {
  const shown = progress(label, false)
  return (share: number): void => {
    shown.update(share)
    if (share >= 1) shown.done()
  }
}

const count = (value: number): string => value.toLocaleString('en')
const day = (at: number): string => new Date(at).toISOString().slice(0, 10)
const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`
