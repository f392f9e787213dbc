/**
 * `signalbox verify`: the integrity of the log.
 */
import { Console, Effect } from 'effect'
import { EventLog } from '#actors/ports.ts'
import { progress } from '#cli/progress.ts'

const SHOWN = 20

/** Prints the report; answers the exit code: 0 sound, 1 problems. */
export const verify = Effect.fnUntraced(function* (options: { readonly json: boolean }) {
  const log = yield* EventLog
  const bar = progress('verifying', options.json)
  const report = yield* log.verify(bar.update)
  bar.done()
  if (options.json) yield* Console.log(JSON.stringify(report))
  else {
    yield* Console.log(
      `${report.events.toLocaleString('en')} events, head at position ${report.head.toLocaleString('en')}.`,
    )
    if (report.problems.length === 0) yield* Console.log('Sound: no problem was found.')
    for (const { position, problem } of report.problems.slice(0, SHOWN)) {
      yield* Console.log(position === null ? `  ${problem}` : `  position ${position}: ${problem}`)
    }
    if (report.problems.length > SHOWN) yield* Console.log(`  … and ${report.problems.length - SHOWN} more`)
    if (report.problems.length > 0) {
      yield* Console.log(
        'The log is damaged. Stop Signalbox, keep a copy of the file, and restore a backup; see docs/operations.md.',
      )
    }
  }
  return report.problems.length === 0 ? 0 : 1
})
