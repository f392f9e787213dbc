/** A process that says 200 lines as `serve` does, and comes to its end at once in the way that its argument names. */
import { Effect } from 'effect'
import { startLogging } from '#cli/logger.ts'

const endings: { readonly [ending: string]: Effect.Effect<void> } = {
  returns: Effect.void,
  exits: Effect.sync(() => process.exit(3)),
  throws: Effect.sync(() => {
    process.nextTick(() => {
      throw new Error('thrown by speaking-process')
    })
  }),
  rejects: Effect.sync(() => void Promise.reject(new Error('thrown by speaking-process'))),
  // As `serve` ends with the second signal.
  isStopped: Effect.sync(() => {
    // Something to stay for, until the signal is heard.
    setInterval(() => {}, 60_000)
    process.once('SIGTERM', () => process.exit(143))
    process.kill(process.pid, 'SIGTERM')
  }).pipe(Effect.andThen(Effect.never)),
  // What can nothing be done about, after it was said that something is broken.
  isKilledByItself: Effect.logError('broken').pipe(
    Effect.andThen(Effect.sync(() => process.kill(process.pid, 'SIGKILL'))),
  ),
}

const [ending = 'returns'] = process.argv.slice(2)

Effect.gen(function* () {
  const { layer } = yield* startLogging({ level: 'info' })
  yield* Effect.gen(function* () {
    for (let n = 0; n < 200; n++) yield* Effect.logInfo(`line ${n}`)
    yield* endings[ending] ?? Effect.void
    // The scope stays open: what waits is not written by its end.
    yield* Effect.never
  }).pipe(Effect.provide(layer))
}).pipe(Effect.scoped, Effect.runFork)
