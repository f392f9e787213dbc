/** Instances at a real PostgreSQL, in a database of their own. Its time passes by making all that it remembers older. */
import { Context, Effect, Layer } from 'effect'
import { Cluster } from '#actors/cluster.ts'
import { EventLog, type EventLogError } from '#actors/ports.ts'
import { layerPostgres } from '#infra/cluster/postgres.ts'
import { layerPostgres as layerPostgresLog } from '#infra/event-log/postgres.ts'
import { onDatabase } from '#test/postgres.ts'
import { envelopes, servedRequest } from '#test/recorded-events.ts'
import { INSTANCES, SharedStore } from '#test/shared-store.ts'

/** Opens the log of an empty database; answers what appends an event to it and tells its position. */
export const openLog = Effect.fnUntraced(function* (url: string) {
  const log = Context.get(yield* Layer.build(layerPostgresLog({ url })), EventLog)
  const wrap = envelopes()
  let requests = 0
  return Effect.suspend(() => log.append(wrap(servedRequest(++requests).slice(0, 1))))
})

/** `freshDatabase` makes an empty database and answers its URL. */
export const layerPostgresStore = (freshDatabase: () => Promise<string>): Layer.Layer<SharedStore, EventLogError> =>
  Layer.effect(
    SharedStore,
    Effect.gen(function* () {
      const url = yield* Effect.promise(freshDatabase)
      const append = yield* openLog(url)
      const started = Array.from({ length: INSTANCES }, () => Layer.build(layerPostgres({ url })))
      const instances = (yield* Effect.all(started)).map((services) => Context.get(services, Cluster))
      let passedMs = 0
      return SharedStore.of({
        instances,
        nowMs: Effect.sync(() => passedMs + performance.now()),
        pass: (ms) => {
          passedMs += ms
          return Effect.asVoid(Effect.promise(() => onDatabase(url, ...agingBy(ms))))
        },
        waitOut: Effect.void,
        append,
      })
    }),
  )

const agingBy = (ms: number): readonly string[] => [
  `UPDATE signalbox.instances SET beat_at = beat_at - ${ms} * interval '1 ms'`,
  `UPDATE signalbox.leases SET ends_at = ends_at - ${ms} * interval '1 ms'`,
  `UPDATE signalbox.shared_rates SET arrival_us = arrival_us - ${ms} * 1000::bigint`,
  `UPDATE signalbox.money_pools SET asked_at = asked_at - ${ms} * interval '1 ms'`,
]
