/**
 * A log whose state is as full as it gets, before the real load begins: hours of traffic in which nothing comes twice, decided by the real
 * ledger. Otherwise a soak would take the filling for a leak.
 */
import { Effect, Layer } from 'effect'
import * as ledgerLayer from '#actors/ledger.ts'
import { Ledger } from '#actors/ledger.ts'
import type { Fact } from '#domain/events.ts'
import type { Policy } from '#domain/policy.ts'
import { layerSqlite } from '#infra/event-log/sqlite.ts'
import { aroundIt, requestOf } from './unlike.ts'

/** More and the queue of the ledger overflows. */
const COMMIT_EVERY = 200

/** Writes a log that ends now. @param requests a request every second before it */
export const writeFullLog = (path: string, policy: Policy, requests: number): Effect.Effect<void> =>
  Effect.gen(function* () {
    const ledger = yield* Ledger
    const startsAt = Date.now() - requests * 1_000
    ledger.record({ _tag: 'BoxStarted', instance: ledger.writer, version: 'before' }, startsAt)
    ledger.record({ _tag: 'PolicyChanged', version: 1, policy }, startsAt)
    for (let n = 1; n <= requests; n++) {
      const at = startsAt + n * 1_000
      const facts = [...requestOf(n, at), ...(n % 10 === 0 ? aroundIt(n) : [])]
      for (const fact of facts) ledger.record(fact as Fact, at)
      if (n % COMMIT_EVERY === 0) yield* ledger.committed
    }
    ledger.record({ _tag: 'BoxStopped', instance: ledger.writer }, Date.now())
    yield* ledger.close
  }).pipe(
    Effect.provide(ledgerLayer.layer({ writer: 'before' }).pipe(Layer.provide(layerSqlite({ path })))),
    Effect.orDie,
    Effect.scoped,
  )
