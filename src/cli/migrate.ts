/**
 * `signalbox migrate`: copies a log to another database, from a file to PostgreSQL or back, event by event as it lies, and holds the
 * two against each other.
 */
import { Console, Data, Effect } from 'effect'
import { EventLog, type VerifyReport } from '#actors/ports.ts'
import { databaseLayer } from '#cli/database.ts'
import type { Confirmed } from '#cli/doctor/confirm.ts'
import { type LogPlace, shownPlace } from '#cli/log-place.ts'
import { isLogThere, openReading, openWriting } from '#cli/open-log-place.ts'
import { progress } from '#cli/progress.ts'
import { type Copied, checkCopy, compareBeginning, copyRest } from '#infra/event-log/log-copy-run.ts'
import { type Copying, startCopying } from '#infra/event-log/log-copy-walk.ts'

export interface MigrateOptions {
  readonly from: LogPlace
  readonly to: LogPlace
  /** Instances may go on using the source: what it has now is copied. */
  readonly whileRunning: boolean
  /** Do not ask. */
  readonly yes: boolean
  readonly json: boolean
  readonly confirm: (question: string) => Effect.Effect<Confirmed>
}

/** Somebody uses the source or the target, or the target is not an empty log nor the beginning of the source. Nothing was written. */
export class CannotMigrate extends Data.TaggedError('CannotMigrate')<{ readonly message: string }> {}

/** The copy was made and is not what it should be. */
export class CopyUnsound extends Data.TaggedError('CopyUnsound')<{ readonly message: string }> {}

/** Answers the exit code: 0 the target has what the source had; 1 it has not, or nobody agreed. */
export const migrate = Effect.fnUntraced(function* (options: MigrateOptions) {
  const copied = yield* Effect.scoped(copy(options))
  if (copied === 'empty') {
    yield* Console.log(options.json ? JSON.stringify({ added: 0, events: 0 }) : 'There is no event to copy.')
    return 0
  }
  if (copied === 'refused') return 1
  const report = yield* verified(options)
  const { from, to, json } = options
  if (json) {
    const places = { from: shownPlace(from), to: shownPlace(to) }
    yield* Console.log(JSON.stringify({ ...places, ...copied, problems: report.problems }))
  } else for (const line of summary(options, copied, report)) yield* Console.log(line)
  return report.problems.length === 0 && (copied.grown === 0 || options.whileRunning) ? 0 : 1
})

/** Makes the tables of a log, or brings them up to date: for an owner whom instances do not connect as (deploy/postgresql/roles.sql). */
export const makeTables = (to: LogPlace, json: boolean) =>
  Effect.gen(function* () {
    const events = yield* (yield* EventLog).head
    yield* Console.log(
      json
        ? JSON.stringify({ to: shownPlace(to), head: events })
        : `The tables of ${shownPlace(to)} are those of this release. The log is at position ${count(events)}.`,
    )
  }).pipe(Effect.provide(databaseLayer(to.url)))

const copy = Effect.fnUntraced(function* (options: MigrateOptions) {
  const { from, to, whileRunning, json } = options
  const source = yield* openReading(from)
  const users = yield* source.users
  if (users.length > 0 && !whileRunning) {
    const message = `${users.join(', ')} use ${shownPlace(from)}: stop them first, or say --while-running to copy what there is now.`
    return yield* new CannotMigrate({ message })
  }
  const copying = yield* startCopying(source)
  if (copying.extent.last === 0) return 'empty'
  const have = yield* Effect.scoped(compared(copying, options))
  if (!(yield* isAgreed(options, copying, have))) return 'refused'
  const target = yield* openWriting(to)
  const copyingBar = progress('copying', json)
  const rest = yield* copyRest(copying, target, have, copyingBar.update).pipe(
    Effect.catchTag('HoldsAnother', (error) => cannot(to, error.message)),
  )
  copyingBar.done()
  const checkingBar = progress('checking', json)
  const copied = yield* checkCopy(copying, target, rest, checkingBar.update).pipe(
    Effect.catchTag('CopyDiffers', ({ message }) =>
      Effect.fail(new CopyUnsound({ message: `Do not use ${shownPlace(to)}: ${message}.` })),
    ),
  )
  checkingBar.done()
  return copied
})

const cannot = (to: LogPlace, message: string) =>
  Effect.fail(new CannotMigrate({ message: `${shownPlace(to)} cannot take the copy: ${message}. Name an empty one.` }))

/** The position up to which the target has it already. Nothing is written yet. */
const compared = Effect.fnUntraced(function* (copying: Copying, { to, json }: MigrateOptions) {
  if (!(yield* isLogThere(to))) return 0
  const target = yield* openReading(to)
  const users = yield* target.users
  if (users.length > 0) {
    const message = `${users.join(', ')} use ${shownPlace(to)}: stop them first.`
    return yield* new CannotMigrate({ message })
  }
  const bar = progress('comparing', json)
  const have = yield* compareBeginning(copying, target, bar.update).pipe(
    Effect.catchTag('HoldsAnother', (error) => cannot(to, error.message)),
  )
  bar.done()
  return have
})

const isAgreed = Effect.fnUntraced(function* (options: MigrateOptions, { extent }: Copying, have: number) {
  if (options.yes) return true
  const there = have === 0 ? '' : `, which has those up to position ${count(have)} already`
  const question = `Copy ${count(extent.events)} events from ${shownPlace(options.from)} to ${shownPlace(options.to)}${there}?`
  const answer = yield* options.confirm(question)
  if (answer === 'noTerminal') yield* Console.error(`${question} There is nobody to ask; say --yes.`)
  return answer === 'yes'
})

/** Opened as a server would: the books are made first. */
const verified = ({ to, json }: MigrateOptions) =>
  Effect.gen(function* () {
    const log = yield* EventLog
    const bar = progress('verifying', json)
    const report = yield* log.verify(bar.update)
    bar.done()
    return report
  }).pipe(Effect.provide(databaseLayer(to.url)))

const summary = (options: MigrateOptions, copied: Copied, { problems }: VerifyReport): readonly string[] => {
  const { from, to, whileRunning } = options
  const { added, events, head, snapshots, archivedEvents, digest, grown } = copied
  const archived = archivedEvents === 0 ? '' : ` The sums of ${count(archivedEvents)} archived events came with them.`
  const lines = [
    `Copied ${count(added)} events from ${shownPlace(from)} to ${shownPlace(to)}: ${count(events)} are there now, up to position ${count(head)}, and ${count(snapshots)} ${snapshots === 1 ? 'snapshot' : 'snapshots'}.${archived}`,
    `Both were compared to the letter: SHA-256 ${digest}`,
  ]
  if (problems.length > 0) {
    const [first] = problems
    const where = first?.position === null ? '' : ` at position ${first?.position}`
    lines.push(
      `verify finds ${count(problems.length)} problems, which the source has too; the first${where}: ${first?.problem}`,
    )
  } else lines.push('Verified: no problem was found.')
  if (grown > 0 && !whileRunning) {
    lines.push(`Meanwhile ${count(grown)} events came to the source. Stop who writes to it, and run the same again.`)
  } else if (problems.length === 0) {
    lines.push(
      grown > 0 ? `Meanwhile ${count(grown)} events came to the source; the same again copies them.` : next(to),
    )
  }
  return lines
}

const next = (to: LogPlace): string => {
  const url = to._tag === 'Sqlite' ? to.url : 'its URL'
  return `Next: start Signalbox with ${url} as SIGNALBOX_DATABASE_URL. The source is as it was; keep it until you have seen the new one serve.`
}

const count = (value: number): string => value.toLocaleString('en')
