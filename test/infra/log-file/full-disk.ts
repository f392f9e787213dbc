/** Writes 200 lines of 100 bytes, one after the other, to the file that is named; run where a file may not grow so far. */
import { Effect, Logger } from 'effect'
import { openLogFile } from '#infra/log-file/log-file.ts'

const path = process.argv[2] ?? ''
const program = Effect.gen(function* () {
  const file = yield* openLogFile({ path, maxBytes: 1e9, maxAgeMs: 0, keep: 1, compress: false })
  for (let n = 0; n < 200; n += 1) {
    file.write(String(n).padEnd(99, '.'))
    yield* Effect.sleep(2)
  }
})

await Effect.runPromise(Effect.scoped(program).pipe(Effect.provide(Logger.layer([]))))
