/**
 * What instances share, in the PostgreSQL database that has their log. Statements go over a few connections of their own, so that
 * a long question to the books does not hold up a request that asks whether it may be sent; one more connection listens.
 */
import { Clock, Effect, Layer } from 'effect'
import { Cluster } from '#actors/cluster.ts'
import type { EventLogError } from '#actors/ports.ts'
import { makeHints } from '#infra/cluster/hints.ts'
import { listen } from '#infra/cluster/postgres-listen.ts'
import * as statements from '#infra/cluster/postgres-statements.ts'
import { spaced } from '#infra/cluster/spaced.ts'
import { type Ask, openConnections } from '#infra/event-log/postgres-connections.ts'
import type { PostgresOptions } from '#infra/event-log/postgres-options.ts'
import { defaultPostgresSettings } from '#infra/event-log/postgres-settings.ts'

/** The statements take tenths of a millisecond; more connections would only wait for the same rows. */
const CONNECTIONS = 4
/** Requests wait for the answers: better none than a late one. */
const LONGEST_STATEMENT_MS = 2_000
/**
 * Every transaction that notifies waits for all others that do. So a notification is a statement of its own after the commit (inside
 * the append it halved the throughput), and at most one of an instance in this time.
 */
const HINT_SPACING_MS = 100
const NANOS_PER_MS = 1_000_000

/** One instance at the database of a log, which must be open: its tables are made with those of the log. */
export const layerPostgres = (options: PostgresOptions): Layer.Layer<Cluster, EventLogError> =>
  Layer.effect(
    Cluster,
    Effect.gen(function* () {
      const own = hurried(options)
      const { read, attempt } = yield* openConnections(own)
      const ask = <A>(statement: (ask: Ask) => Promise<A>): Effect.Effect<A, EventLogError> =>
        attempt(() => read(statement))
      const change = (statement: (ask: Ask) => Promise<unknown>) => Effect.asVoid(ask(statement))

      const counts = { hintsGiven: 0, hintsFailed: 0, hintsHeard: 0, listening: false }
      const hints = makeHints(ask(statements.head))
      const grew = yield* spaced(HINT_SPACING_MS, (position: number) =>
        Effect.match(
          ask((asking) => statements.notify(asking, position)),
          {
            onSuccess: () => void counts.hintsGiven++,
            onFailure: () => void counts.hintsFailed++,
          },
        ),
      )
      yield* listen(own, attempt, {
        heard: (position) => {
          counts.hintsHeard++
          hints.tell(position)
        },
        changed: (listening) => {
          counts.listening = listening
          hints.doubt()
        },
      })

      return Cluster.of({
        beat: (self) => ask((asking) => statements.beat(asking, self)),
        leave: (writer) => change((asking) => statements.leave(asking, writer)),
        lease: Effect.fnUntraced(function* (name, holder, forMs) {
          const asked = yield* Clock.monotonicTimeNanos
          const token = yield* ask((asking) => statements.lease(asking, name, holder, forMs))
          if (token === undefined) return undefined
          // Its time began to run in the database, some time after it was asked: the holder stops before its lease does.
          const passedMs = Number((yield* Clock.monotonicTimeNanos) - asked) / NANOS_PER_MS
          return { name, token, leftMs: Math.max(0, Math.floor(forMs - passedMs)) }
        }),
        release: (name, holder) => change((asking) => statements.release(asking, name, holder)),
        take: (rates) => ask((asking) => statements.take(asking, rates)),
        grant: (pool, holder, wantNano) => ask((asking) => statements.grant(asking, pool, holder, wantNano)),
        giveBack: (poolKey, holder, nano) => change((asking) => statements.giveBack(asking, poolKey, holder, nano)),
        reclaim: (holder, spentNano) => change((asking) => statements.reclaim(asking, holder, spentNano)),
        waitBeyond: hints.waitBeyond,
        grew,
        counts: () => ({ ...counts }),
      })
    }),
  )

const hurried = ({ url, settings = defaultPostgresSettings }: PostgresOptions): PostgresOptions => ({
  url,
  settings: {
    ...settings,
    // One of them is kept for appends, of which there are none here: it is never opened.
    poolSize: CONNECTIONS + 1,
    statementTimeoutMs: Math.min(settings.statementTimeoutMs, LONGEST_STATEMENT_MS),
    lockTimeoutMs: Math.min(settings.lockTimeoutMs, LONGEST_STATEMENT_MS),
  },
})
