/**
 * `signalbox replay`: rebuilds the state from the log alone and compares with the recorded decisions and the stored
 * snapshot.
 */
import { Console, Effect } from 'effect'
import { STATE_VERSION } from '#actors/gateway-state.ts'
import { EventLog, type ReadEvent } from '#actors/ports.ts'
import { startReplay } from '#actors/replay.ts'
import { shadowView } from '#actors/views/shadow-view.ts'
import { archivedNote, archivedParts } from '#cli/archived.ts'
import { progress } from '#cli/progress.ts'
import { shadowLines } from '#cli/shadow-text.ts'

/** What is folded is forgotten before it grows old: larger pages take more memory, and more time to collect it. */
const PAGE = 1_000

const positionOf = (row: ReadEvent): number => (row._tag === 'Known' ? row.recorded.position : row.position)

/** What to say of a gap. */
const missingEvents = Effect.fnUntraced(function* (log: EventLog['Service'], from: number, to: number) {
  const gap = from === to ? `event ${from} is` : `events ${from.toLocaleString('en')} to ${to.toLocaleString('en')} are`
  const archived = archivedNote(yield* archivedParts(log))
  const hint = archived === undefined ? '' : ` ${archived} Name these files as arguments.`
  return `The log is no longer whole, so it cannot be replayed: ${gap} missing.${hint}`
})

/** Prints the result; answers the exit code: 0 identical, 1 a difference, or events are missing. */
export const replay = Effect.fnUntraced(function* (options: { readonly json: boolean }) {
  const log = yield* EventLog
  const head = yield* log.head
  const snapshot = yield* log.latestSnapshot(STATE_VERSION)
  const run = startReplay()
  const bar = progress('replaying', options.json)
  const startedAt = performance.now()
  for (let after = 0; ; ) {
    const page = yield* log.read({ after, limit: PAGE })
    for (const row of page) {
      const before = run.position()
      if (positionOf(row) !== before + 1) {
        bar.done()
        yield* Console.error(yield* missingEvents(log, before + 1, positionOf(row) - 1))
        return 1
      }
      run.next(row)
      if (snapshot !== undefined) run.compare(snapshot)
    }
    after = run.position()
    bar.update(head === 0 ? 1 : after / head)
    if (page.length < PAGE) break
  }
  run.finish()
  bar.done()
  const seconds = (performance.now() - startedAt) / 1000
  const { events, facts, decisions, unchecked } = run.counts()
  const difference = run.difference()
  const shadow = shadowView(run.state)
  const compared = snapshot !== undefined && snapshot.position <= run.position() ? snapshot.position : null

  if (options.json) {
    yield* Console.log(
      JSON.stringify({
        identical: difference === undefined,
        events,
        facts,
        decisions,
        ...(unchecked === 0 ? {} : { unchecked }),
        snapshotComparedAt: compared,
        seconds,
        difference: difference ?? null,
        shadow,
      }),
    )
  } else {
    const rate = seconds > 0 ? Math.round(events / seconds).toLocaleString('en') : '–'
    yield* Console.log(
      `Replayed ${events.toLocaleString('en')} events (${facts.toLocaleString('en')} facts, ${decisions.toLocaleString('en')} decisions) in ${seconds.toFixed(2)} s, ${rate} a second.`,
    )
    yield* Console.log(
      compared === null
        ? 'No snapshot of this version is stored, so none was compared.'
        : `The snapshot at position ${compared.toLocaleString('en')} was compared.`,
    )
    if (unchecked > 0) {
      yield* Console.log(
        `${unchecked.toLocaleString('en')} decisions are of instances that went on after they had been given up; they cannot be checked.`,
      )
    }
    if (difference === undefined) yield* Console.log('Identical: every recorded decision follows from the facts.')
    else {
      yield* Console.log(`First difference at position ${difference.position}: ${difference.what}`)
      yield* Console.log(`  expected  ${JSON.stringify(difference.expected)}`)
      yield* Console.log(`  recorded  ${JSON.stringify(difference.recorded)}`)
    }
    if (shadow !== null) {
      yield* Console.log('Shadow policy')
      for (const line of shadowLines(shadow)) yield* Console.log(`  ${line}`)
    }
  }
  return difference === undefined ? 0 : 1
})
