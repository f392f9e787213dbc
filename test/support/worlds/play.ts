/**
 * Plays a world in the time of the test clock and notes everything that the invariants ask about.
 */
import { type Context, Effect, Exit, Fiber, Random, Scope } from 'effect'
import { TestClock } from 'effect/testing'
import { encodeState, STATE_VERSION } from '#actors/gateway-state.ts'
import type { Ledger } from '#actors/ledger.ts'
import { changePolicy, closeBox } from '#actors/open-box.ts'
import { EventLog } from '#actors/ports.ts'
import { restore } from '#actors/restore.ts'
import { isTerminal } from '#domain/events.ts'
import { providerId } from '#domain/ids.ts'
import type { CommittedEvent, NewEvent, RecordedEvent } from '#domain/recorded-event.ts'
import { layerMemory } from '#infra/event-log/memory.ts'
import { known, REQUEST_HEADER, recordingClient, type SeenByClient, startLife } from '#test/box.ts'
import { type Recording, scriptedUpstream } from '#test/scripted-upstream.ts'
import { type Behaviour, movesOf } from './behaviour.ts'
import { type Outage, processLog } from './process-log.ts'
import { type Arrival, changed, firstPolicy, type World } from './world.ts'

export type Fate = 'answered' | 'left' | 'shutdown' | 'killed'

/** One request as its client saw it. */
export interface PlayedRequest {
  readonly id: string
  readonly writer: string
  readonly arrival: Arrival
  readonly at: number
  readonly seen: SeenByClient
  fate: Fate
  /** How its fiber ended; null: not at all. */
  exit: 'done' | 'interrupted' | 'died' | null
}

/** The live state as its process had it after the event of this position. */
export interface Note {
  readonly position: number
  readonly text: string
}

export interface PlayedLife {
  readonly writer: string
  /** Killed, or stopped while its log failed: the log has not all that it recorded. */
  readonly cutOff: boolean
  /** Requests that its start found unfinished. */
  readonly abandoned: number
  readonly restoredAt: number
  /** The state at its start, from snapshot and tail, and from the log alone. */
  readonly restored: { readonly quickly: string; readonly alone: string }
  readonly notes: readonly Note[]
  /** What its observers heard. */
  readonly published: readonly CommittedEvent[]
  /** Watches that were left when all requests were over. */
  readonly watches: number
  readonly facts: readonly string[]
}

export type JournalEntry =
  | { readonly _tag: 'committed'; readonly events: readonly NewEvent[] }
  | { readonly _tag: 'end'; readonly request: string; readonly at: number; readonly failingSince: number | undefined }

export interface Played {
  readonly world: World
  readonly rows: readonly RecordedEvent[]
  readonly requests: readonly PlayedRequest[]
  readonly lives: readonly PlayedLife[]
  readonly exchanges: ReadonlyMap<string, readonly Recording[]>
  readonly journal: readonly JournalEntry[]
  /** The last state that was left behind, and what a start after it found unfinished. */
  readonly afterwards: {
    readonly abandoned: number
    readonly restored: { readonly quickly: string; readonly alone: string }
  }
}

/** A day in 2026; nothing may lean on a clock that begins at zero. */
const EPOCH = 1_780_000_000_000
const NOTES = 40
/** Longer than any request can take. */
const PATIENCE_MS = 1_500_000
/** So long does the end of a process wait for a log that fails. */
const CLOSE_MS = 10_000

export const playWorld = (world: World): Effect.Effect<Played> =>
  Effect.scoped(play(world)).pipe(Random.withSeed(String(world.dice)), Effect.orDie)

const play = (world: World) =>
  Effect.gen(function* () {
    yield* TestClock.setTime(EPOCH)
    const context = yield* Effect.context<never>()
    const clock = yield* Effect.clockWith(Effect.succeed)
    const now = () => clock.currentTimeMillisUnsafe()
    const shared = yield* Effect.provide(EventLog, layerMemory())
    const journal: JournalEntry[] = []
    const requests: PlayedRequest[] = []
    const lives: PlayedLife[] = []
    const outages = world.disturbances.flatMap((one): readonly Outage[] =>
      one._tag === 'logFails' ? [{ from: EPOCH + one.atMs, until: EPOCH + one.atMs + one.forMs, lost: one.lost }] : [],
    )
    const upstreams = new Map(
      world.providers.map((_, index) => {
        const id = `p${index}`
        const script = (n: number, { headers }: Recording['request']) => {
          const request = requests.find((one) => one.id === headers.find(([name]) => name === REQUEST_HEADER)?.[1])
          return movesOf(behaviourAt(world, index, n, now() - EPOCH), `${id}#${n}`, request?.arrival.stream ?? true)
        }
        return [providerId(id), scriptedUpstream(id, context, script, now)]
      }),
    )
    let policy = firstPolicy(world)

    /** Time goes on until the effect is done. */
    const settle = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
      Effect.gen(function* () {
        const fiber = yield* Effect.forkScoped(effect)
        for (let waited = 0; fiber.pollUnsafe() === undefined && waited < PATIENCE_MS; waited += 50) {
          yield* TestClock.adjust(50)
        }
        if (fiber.pollUnsafe() === undefined) return yield* Effect.die(new Error('it takes for ever to start or stop'))
        return yield* Fiber.join(fiber)
      })

    const start = Effect.gen(function* () {
      const restored = yield* restoredBothWays(shared)
      const scope = yield* Scope.make()
      const log = processLog({
        shared,
        now,
        logMs: world.logMs,
        outages,
        onCommit: (events) => void journal.push({ _tag: 'committed', events }),
      })
      const notes: Note[] = []
      const facts: string[] = []
      let position = yield* shared.head
      const restoredAt = position
      const spy = (inner: Ledger['Service']): Ledger['Service'] => ({
        ...inner,
        record: (fact, at) => {
          const decisions = inner.record(fact, at)
          position += 1 + decisions.length
          facts.push(fact._tag, ...decisions.map(({ _tag }) => _tag))
          if (notes.length < NOTES && facts.length % world.noteEvery === 0)
            notes.push({ position, text: encodeState(inner.state) })
          return decisions
        },
      })
      const writer = `w${lives.length + 1}`
      const life = yield* settle(
        startLife({
          writer,
          log: log.layer,
          commits: world.commits,
          upstream: (id) => (policy.providers.some((provider) => provider.id === id) ? upstreams.get(id) : undefined),
          policy,
          spy,
        }).pipe(Scope.provide(scope)),
      )
      const published: CommittedEvent[] = []
      yield* life.ledger.subscribe((events) => void (log.alive() && published.push(...events)))
      return {
        ...life,
        scope,
        log,
        writer,
        restored,
        restoredAt,
        notes,
        facts,
        published,
        fibers: new Set<Fiber.Fiber<void>>(),
      }
    })
    type Life = Effect.Success<typeof start>
    let life: Life = yield* start
    let stopping = false

    const stop = (fate: 'shutdown' | 'killed', drainMs: number) =>
      Effect.gen(function* () {
        const dying = life
        stopping = true
        const stoppedAt = now()
        if (fate === 'killed') {
          dying.log.kill()
          for (const { client } of underWay.values()) client.leave()
        }
        yield* TestClock.adjust(drainMs)
        for (const { request, client, fiber } of underWay.values()) {
          request.fate = fate
          yield* settle(Fiber.interrupt(fiber))
          client.leave()
        }
        const watches = dying.timekeeper.size()
        if (fate === 'shutdown') yield* settle(dying.run(closeBox('SIGTERM')))
        yield* settle(Scope.close(dying.scope, Exit.void))
        const logFailed = outages.some(({ from, until }) => from <= now() && until >= stoppedAt)
        const cutOff = fate === 'killed' || (logFailed && now() - stoppedAt >= CLOSE_MS)
        if (cutOff) {
          const ended = known(yield* shared.read({ after: 0, limit: 10_000 })).filter(({ event }) => isTerminal(event))
          // Whatever its client saw of it, the log does not know its end.
          for (const request of requests)
            if (request.writer === dying.writer && !ended.some(({ correlation }) => correlation === request.id))
              request.fate = 'killed'
        }
        if (fate === 'killed') {
          // As if the dead process had stored a snapshot at some moment before.
          const head = yield* shared.head
          const note = dying.notes.findLast(({ position }) => position <= head)
          if (note !== undefined)
            yield* shared.saveSnapshot({ version: STATE_VERSION, position: note.position, state: note.text })
        }
        const { writer, restored, restoredAt, notes, facts, published } = dying
        lives.push({
          writer,
          cutOff,
          abandoned: dying.opened.abandoned,
          restored,
          restoredAt,
          notes,
          facts,
          published,
          watches,
        })
        stopping = false
      })

    const underWay = new Map<
      string,
      {
        readonly request: PlayedRequest
        readonly client: ReturnType<typeof recordingClient>
        readonly fiber: Fiber.Fiber<void>
      }
    >()
    const arrive = (arrival: Arrival, index: number) =>
      Effect.gen(function* () {
        const id = `req_${String(index).padStart(3, '0')}`
        const { ledger, log, writer } = life
        const client = recordingClient({
          now,
          onEnd: () =>
            void (
              log.alive() &&
              journal.push({ _tag: 'end', request: id, at: now(), failingSince: ledger.health().failingSince })
            ),
          ...(arrival.slow ? { slow: { everyWrites: 2, drain: (done) => later(context, 700, done) } } : {}),
        })
        const request: PlayedRequest = {
          id,
          writer,
          arrival,
          at: now(),
          seen: client.seen,
          fate: 'answered',
          exit: null,
        }
        requests.push(request)
        const cancelledBy = () => (request.fate === 'shutdown' ? 'shutdown' : 'client')
        const fiber = yield* life.send({ id, client, stream: arrival.stream, cancelledBy })
        underWay.set(id, { request, client, fiber })
        fiber.addObserver((exit) => {
          underWay.delete(id)
          request.exit = Exit.isSuccess(exit) ? 'done' : Exit.hasInterrupts(exit) ? 'interrupted' : 'died'
        })
      })

    for (const { at, act } of timeline(world)) {
      yield* TestClock.adjust(Math.max(0, EPOCH + at - now()))
      switch (act._tag) {
        case 'arrives':
          if (!stopping) yield* arrive(act.arrival, act.index)
          break
        case 'leaves': {
          const leaving = underWay.get(`req_${String(act.index).padStart(3, '0')}`)
          if (leaving === undefined) break
          leaving.request.fate = 'left'
          leaving.client.leave()
          yield* settle(Fiber.interrupt(leaving.fiber))
          break
        }
        case 'policy':
          policy = changed(world, policy, act.change)
          yield* life.run(changePolicy(policy))
          break
        case 'shutdown':
        case 'kill':
          yield* stop(act._tag === 'kill' ? 'killed' : 'shutdown', act._tag === 'kill' ? 0 : act.drainMs)
          life = yield* start
          break
        case 'logFails':
          break
      }
    }
    for (let waited = 0; underWay.size > 0 && waited < PATIENCE_MS; waited += 5_000) yield* TestClock.adjust(5_000)
    yield* stop('shutdown', 1_000)
    const restored = yield* restoredBothWays(shared)
    life = yield* start
    const { abandoned } = life.opened
    yield* settle(Scope.close(life.scope, Exit.void))
    const rows = known(yield* shared.read({ after: 0, limit: 10_000 }))
    return {
      world,
      rows,
      requests,
      lives,
      exchanges: new Map([...upstreams].map(([id, { exchanges }]): [string, Recording[]] => [id, exchanges])),
      journal,
      afterwards: { abandoned, restored },
    } satisfies Played
  })

type Act =
  | World['disturbances'][number]
  | { readonly _tag: 'arrives'; readonly arrival: Arrival; readonly index: number }
  | { readonly _tag: 'leaves'; readonly index: number }

/** What happens when, ms since the start. */
const timeline = (world: World): readonly { readonly at: number; readonly act: Act }[] => {
  const acts: { readonly at: number; readonly act: Act }[] = world.disturbances.map((act) => ({ at: act.atMs, act }))
  let at = 0
  for (const [index, arrival] of world.arrivals.entries()) {
    at += arrival.afterMs
    acts.push({ at, act: { _tag: 'arrives', arrival, index } })
    if (arrival.leavesAfterMs !== null) acts.push({ at: at + arrival.leavesAfterMs, act: { _tag: 'leaves', index } })
  }
  return acts.toSorted((a, b) => a.at - b.at)
}

const behaviourAt = (world: World, provider: number, n: number, elapsedMs: number): Behaviour => {
  const epochs = world.providers[provider]?.epochs ?? []
  const round = epochs.reduce((sum, { forMs }) => sum + forMs, 0)
  let until = 0
  const epoch = epochs.find(({ forMs }) => {
    until += forMs
    return elapsedMs % round < until
  })
  return epoch?.behaviours[n % epoch.behaviours.length] ?? { _tag: 'silent' }
}

const later = (context: Context.Context<never>, ms: number, then: () => void): void =>
  void Effect.runForkWith(context)(Effect.andThen(Effect.sleep(ms), Effect.sync(then)))

const restoredBothWays = (log: EventLog['Service']) =>
  Effect.gen(function* () {
    const quickly = yield* restore(log)
    const alone = yield* restore({ ...log, latestSnapshot: () => Effect.undefined })
    return { quickly: encodeState(quickly.state), alone: encodeState(alone.state) }
  })
