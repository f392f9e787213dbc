import { Clock, Context, Effect, Layer } from 'effect'
import { TestClock } from 'effect/testing'
import { Cluster } from '#actors/cluster.ts'
import { EventLog } from '#actors/ports.ts'
import { layerMemory, makeClusterStore } from '#infra/cluster/memory.ts'
import { layerMemory as layerMemoryLog } from '#infra/event-log/memory.ts'
import { clusterContract } from '#test/cluster-contract.ts'
import { envelopes, servedRequest } from '#test/recorded-events.ts'
import { INSTANCES, SharedStore } from '#test/shared-store.ts'

clusterContract(
  'memory',
  () =>
    Layer.effect(
      SharedStore,
      Effect.gen(function* () {
        const log = yield* EventLog
        const store = makeClusterStore()
        const wrap = envelopes()
        let requests = 0
        const started = Array.from({ length: INSTANCES }, () => Layer.build(layerMemory(store)))
        return SharedStore.of({
          instances: (yield* Effect.all(started)).map((services) => Context.get(services, Cluster)),
          nowMs: Clock.currentTimeMillis,
          pass: (ms) => TestClock.adjust(ms),
          waitOut: TestClock.adjust(2_000),
          append: Effect.suspend(() => log.append(wrap(servedRequest(++requests)))),
        })
      }),
    ).pipe(Layer.provide(layerMemoryLog())),
  { isLive: false },
)
