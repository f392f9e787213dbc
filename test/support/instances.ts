/**
 * Several boxes on one log, in the time of the test clock: real ledgers, machines, cascades and permits; log and store in memory,
 * which can be taken away from all of them. Each can be killed, as `kill -9` would.
 */
import { Effect, Exit, Layer, Scope } from 'effect'
import { Cluster } from '#actors/cluster.ts'
import { EventLog, EventLogError } from '#actors/ports.ts'
import { startReplay } from '#actors/replay.ts'
import type { Spool } from '#actors/spool.ts'
import { providerId } from '#domain/ids.ts'
import type { Policy, ProviderPolicy } from '#domain/policy.ts'
import type { NewEvent, RecordedEvent } from '#domain/recorded-event.ts'
import { layerMemory as clusterMemory, makeClusterStore } from '#infra/cluster/memory.ts'
import { layerMemory } from '#infra/event-log/memory.ts'
import { policyOf, provider, recordingClient, type Scripts, startLife } from '#test/box.ts'
import { scriptedUpstream } from '#test/scripted-upstream.ts'

export interface InstancesOptions {
  readonly scripts: Scripts
  readonly policy?: Partial<Policy>
  readonly provider?: Partial<ProviderPolicy>
  readonly spool?: boolean
  /** False: hints are lost. */
  readonly hints?: boolean
  /** How long questions of requests are on their way to the store; default: no time. */
  readonly storeMs?: number
}

const away = () => new EventLogError({ reason: { _tag: 'Unavailable', detail: 'the database is away' } })

type Reach = 'there' | 'away' | 'dead'

/** One instance's way to the store; of a dead process nothing arrives any more. */
const distant = (near: ReturnType<typeof clusterMemory>, ms: () => number, reach: () => Reach): typeof near =>
  Layer.effect(
    Cluster,
    Effect.map(Cluster, (cluster) => {
      const on =
        <Asked extends readonly unknown[], A>(
          call: (...asked: Asked) => Effect.Effect<A, EventLogError>,
          waitMs = () => 0,
        ) =>
        (...asked: Asked): Effect.Effect<A, EventLogError> =>
          Effect.suspend(() => {
            if (reach() !== 'there') return reach() === 'dead' ? Effect.never : Effect.fail(away())
            return waitMs() === 0 ? call(...asked) : Effect.andThen(Effect.sleep(waitMs()), call(...asked))
          })
      return Cluster.of({
        ...cluster,
        beat: on(cluster.beat),
        leave: on(cluster.leave),
        // That of the leader is asked for at a start, which the clock of the test waits for.
        lease: (...asked) => on(cluster.lease, asked[0] === 'leader' ? () => 0 : ms)(...asked),
        release: on(cluster.release, ms),
        take: on(cluster.take, ms),
        grant: on(cluster.grant, ms),
        giveBack: on(cluster.giveBack, ms),
        reclaim: on(cluster.reclaim),
      })
    }),
  ).pipe(Layer.provide(near))

const memorySpool = (): Spool['Service'] & { readonly kept: NewEvent[] } => {
  const kept: NewEvent[] = []
  return {
    kept,
    waiting: () => kept.length,
    append: (events) => Effect.sync(() => void kept.push(...events)),
    oldest: (limit) => Effect.sync(() => kept.slice(0, limit)),
    drop: (count) => Effect.sync(() => void kept.splice(0, count)),
  }
}

export const openInstances = (options: InstancesOptions) =>
  Effect.gen(function* () {
    const context = yield* Effect.context<never>()
    const clock = yield* Effect.clockWith(Effect.succeed)
    const now = () => clock.currentTimeMillisUnsafe()
    const ids = Object.keys(options.scripts)
    const store = {
      away: false,
      /** Writers for which it is away. */
      cutOff: new Set<string>(),
      ms: options.storeMs ?? 0,
      /** Whatever is asked of it dies. */
      hasBug: false,
      /** Appends that are done, and whose answer is lost. */
      losesAnswer: (_events: readonly NewEvent[]): boolean => false,
    }
    const cluster = makeClusterStore({
      fail: () => {
        if (store.hasBug) throw new Error('a bug')
        return store.away ? { _tag: 'Unavailable', detail: 'the database is away' } : undefined
      },
      hintArrives: () => options.hints ?? true,
    })
    const log = yield* Effect.provide(EventLog, layerMemory())
    /** One instance's way to the log; a dead process appends nothing more. */
    const wayOf = (reach: () => Reach) => {
      const guarded = <A>(call: Effect.Effect<A, EventLogError>) =>
        Effect.suspend((): Effect.Effect<A, EventLogError> => (reach() === 'away' ? Effect.fail(away()) : call))
      return EventLog.of({
        ...log,
        append: (events) =>
          reach() !== 'dead'
            ? Effect.tap(guarded(log.append(events)), () =>
                Effect.suspend(() => (store.losesAnswer(events) ? Effect.fail(away()) : Effect.void)),
              )
            : Effect.never,
        read: (query) => (store.hasBug ? Effect.die(new Error('a bug')) : guarded(log.read(query))),
        head: guarded(log.head),
      })
    }
    const upstreams = new Map(
      ids.map((id) => [providerId(id), scriptedUpstream(id, context, (n) => options.scripts[id]?.(n) ?? [], now)]),
    )
    let requests = 0

    const start = (writer: string) =>
      Effect.gen(function* () {
        const scope = yield* Scope.make()
        let isAlive = true
        const reach = (): Reach => (!isAlive ? 'dead' : store.away || store.cutOff.has(writer) ? 'away' : 'there')
        const spool = options.spool === true ? memorySpool() : undefined
        const life = yield* startLife({
          writer,
          log: Layer.succeed(EventLog, wayOf(reach)),
          upstream: (id) => upstreams.get(id),
          policy: policyOf(
            ids.map((id) => provider(id, options.provider)),
            options.policy,
          ),
          commits: { groupMs: 5, lingerMs: 20 },
          shared: {
            cluster: distant(clusterMemory(cluster), () => store.ms, reach),
            ...(spool && { spool }),
          },
        }).pipe(Scope.provide(scope))
        const send = (more: { readonly sessionId?: string; readonly maxTokens?: number } = {}) =>
          Effect.gen(function* () {
            requests += 1
            const client = recordingClient({ now })
            const fiber = yield* Scope.provide(
              life.send({ id: `req_${String(requests).padStart(4, '0')}`, client, ...more }),
              scope,
            )
            return { seen: client.seen, fiber }
          })
        return {
          ...life,
          spool,
          send,
          /** Nothing of it acts any more. */
          kill: Effect.suspend(() => {
            isAlive = false
            return Effect.forkDetach(Scope.close(scope, Exit.void))
          }),
          stop: Scope.close(scope, Exit.void),
        }
      })

    const events = Effect.map(log.read({ after: 0, limit: 10_000 }), (rows) =>
      rows.flatMap((row): readonly RecordedEvent[] => (row._tag === 'Known' ? [row.recorded] : [])),
    )
    /** Folds the log anew; answers the first difference. */
    const replayed = Effect.map(events, (all) => {
      const replay = startReplay()
      for (const recorded of all) replay.next({ _tag: 'Known', recorded })
      replay.finish()
      return { difference: replay.difference(), counts: replay.counts(), state: replay.state }
    })
    return { start, store, log, cluster, events, replayed, upstreams, now }
  })
