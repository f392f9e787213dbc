/**
 * A process that appends 500 events a second to the log of its first argument for some seconds, and prints as JSON how long its
 * event loop let a timer wait, in ms, and how long appends took.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { Effect, Fiber } from 'effect'
import { EventLog } from '#actors/ports.ts'
import { layerSqlite } from '#infra/event-log/sqlite.ts'
import { envelopes, servedRequest } from '#test/recorded-events.ts'

const [path = '', seconds = '3'] = process.argv.slice(2)
/** Requests of four events. */
const PER_SECOND = 125

await Effect.runPromise(
  Effect.gen(function* () {
    const log = yield* EventLog
    const wrap = envelopes('box_at_a_pace')
    // Until everything is loaded and compiled.
    for (let n = 0; n < 20; n++) yield* log.append(wrap(servedRequest(n)))
    const delay = monitorEventLoopDelay({ resolution: 1 })
    delay.enable()
    const appends: number[] = []
    const startedAt = performance.now()
    const pending = yield* Effect.forEach(
      Array.from({ length: Number(seconds) * PER_SECOND }, (_, n) => n),
      (n) =>
        Effect.gen(function* () {
          yield* Effect.sleep(Math.max(0, startedAt + (n * 1_000) / PER_SECOND - performance.now()))
          const events = wrap(servedRequest(1_000 + n))
          const from = performance.now()
          return yield* Effect.forkChild(Effect.map(log.append(events), () => appends.push(performance.now() - from)))
        }),
    )
    delay.disable()
    for (const fiber of pending) yield* Fiber.join(fiber)
    const sorted = appends.toSorted((a, b) => a - b)
    const report = {
      loopP50Ms: delay.percentile(50) / 1e6,
      loopP999Ms: delay.percentile(99.9) / 1e6,
      loopMaxMs: delay.max / 1e6,
      appendP50Ms: sorted[Math.floor(sorted.length / 2)],
      appends: appends.length,
    }
    process.stdout.write(`${JSON.stringify(report)}\n`)
  }).pipe(Effect.provide(layerSqlite({ path }))),
)
