/**
 * A process that appends so many requests, one after the other, to the log of its first argument and prints for each what came
 * of it: `ok POSITION`, or the reason of the failure. One that the log was not available for is tried again. A log that cannot be opened is
 * told in one line too.
 */
import { writeSync } from 'node:fs'
import { Effect, Result } from 'effect'
import { EventLog } from '#actors/ports.ts'
import { layerSqlite } from '#infra/event-log/sqlite.ts'
import { envelopes, servedRequest } from '#test/recorded-events.ts'

/** Others than those of a log that is there already. */
const FIRST = 1_000_000
const [path = '', requests = '10'] = process.argv.slice(2)

await Effect.runPromise(
  Effect.gen(function* () {
    const log = yield* EventLog
    const wrap = envelopes('box_that_tells')
    for (let n = 0; n < Number(requests); n++) {
      const events = wrap(servedRequest(FIRST + n))
      for (;;) {
        const result = yield* Effect.result(log.append(events))
        writeSync(1, Result.isSuccess(result) ? `ok ${result.success}\n` : `${result.failure.reason._tag}\n`)
        if (Result.isSuccess(result) || result.failure.reason._tag !== 'Unavailable') break
        yield* Effect.sleep(5)
      }
    }
  }).pipe(
    Effect.provide(layerSqlite({ path })),
    Effect.catch((error) => Effect.sync(() => writeSync(1, `${error.reason._tag}: ${error.message}\n`))),
  ),
)
