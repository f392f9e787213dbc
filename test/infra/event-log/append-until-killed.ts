/**
 * A process that appends requests to the log of its first argument until it is killed, and prints the position of every
 * acknowledged batch on a line of its own. Its second argument makes its writer and its requests unique.
 */
import { writeSync } from 'node:fs'
import { Effect } from 'effect'
import { EventLog } from '#actors/ports.ts'
import { layerSqlite } from '#infra/event-log/sqlite.ts'
import { envelopes, servedRequest } from '#test/recorded-events.ts'

const [path = '', round = '0'] = process.argv.slice(2)

await Effect.runPromise(
  Effect.gen(function* () {
    const log = yield* EventLog
    const wrap = envelopes(`box_round_${round}`)
    for (let n = Number(round) * 1_000_000; ; n += 4) {
      // Four batches at a time, so that group commits are torn apart too if anything is.
      const batches = [0, 1, 2, 3].map((k) => wrap(servedRequest(n + k)))
      const acknowledged = yield* Effect.forEach(batches, (events) => log.append(events), { concurrency: 4 })
      // Synchronous: what is printed was acknowledged, what was acknowledged before the kill may miss one line.
      writeSync(1, acknowledged.map((position) => `${position}\n`).join(''))
    }
  }).pipe(Effect.provide(layerSqlite({ path }))),
)
