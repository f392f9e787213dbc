/** Logs that are worth copying, and all that can be seen of one through its ports, whichever database it is in. */
import { copyFileSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Effect, Layer } from 'effect'
import { encodeState, STATE_VERSION } from '#actors/gateway-state.ts'
import * as ledgerLayer from '#actors/ledger.ts'
import { Books, EventLog, type EventLogError, type ReadEvent } from '#actors/ports.ts'
import { restore } from '#actors/restore.ts'
import { pastState } from '#actors/views/past-state.ts'
import { readOnlyDatabaseLayer } from '#cli/database.ts'
import { modelId } from '#domain/ids.ts'
import { layerSqlite } from '#infra/event-log/sqlite.ts'
import { archiveLog } from '#infra/retention.ts'
import { readScenario } from '#infra/simulator/scenario/read-scenario.ts'
import { startSimulation } from '#infra/simulator/scenario/simulation.ts'
import { STARTS_AT } from '#infra/simulator/virtual/world.ts'
import { envelopes, servedRequest } from '#test/recorded-events.ts'

const MINUTE_MS = 60_000
const DAY_MS = 24 * 60 * MINUTE_MS
/** Events between two snapshots. */
const SNAPSHOT_EVENTS = 900

/** A path in a new folder. */
export const newFile = (): string => join(mkdtempSync(join(tmpdir(), 'signalbox-copy-')), 'log.db')

/** A regional outage, of which every decision can be replayed, with snapshots on the way. Some 6,600 events. */
const fillWithOutage = Effect.gen(function* () {
  const log = yield* EventLog
  const { scenario } = yield* readScenario('regional-outage')
  const simulation = startSimulation(scenario, { seed: 1, hours: 1, keepsEvents: true })
  while (simulation.advance());
  const head = yield* log.append(simulation.take())
  for (let position = SNAPSHOT_EVENTS; position < head + SNAPSHOT_EVENTS; position += SNAPSHOT_EVENTS) {
    const { state, position: at } = yield* restore(log, Math.min(position, head))
    yield* log.saveSnapshot({ version: STATE_VERSION, position: at, state: encodeState(state) })
  }
})

/** Old requests, which are in an archive, and young ones; names that a database might not like; a request that is still open. */
const fillWithArchived = Effect.gen(function* () {
  const log = yield* EventLog
  const old = envelopes('box_old', STARTS_AT)
  const young = envelopes('box_young', STARTS_AT + 30 * DAY_MS)
  yield* log.append(old([{ _tag: 'BoxStarted', instance: 'box_old', version: '1.0.0' }]))
  yield* log.append(old(range(0, 300).flatMap(servedRequest)))
  yield* log.append(old(STRANGE))
  yield* log.append(young(range(1_000, 1_040).flatMap(servedRequest)))
  yield* log.append(young(servedRequest(2_000).slice(0, 3)))
  const { state, position } = yield* restore(log)
  yield* log.saveSnapshot({ version: STATE_VERSION, position, state: encodeState(state) })
})

/** A client may call a model and its session anything. */
const STRANGE = servedRequest(9_000).map((event) =>
  event._tag === 'RequestAdmitted'
    ? { ...event, model: modelId('back\\slash, \0 nul, \\0, é, 🚂'), sessionId: '\0\\' }
    : event,
)

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => from + n)

const archived = (path: string) =>
  archiveLog({ before: STARTS_AT + DAY_MS, folder: `${path}-archive`, by: 'test', pauseMs: 0 }).pipe(
    Effect.provide(ledgerLayer.layer({ writer: 'box_archives' }).pipe(Layer.provideMerge(layerSqlite({ path }))), {
      local: true,
    }),
  )

const made = new Map<string, Promise<string>>()

/** Makes it once, and copies the file. */
const copyOf = (name: string, make: (path: string) => Effect.Effect<unknown, unknown>): Effect.Effect<string> =>
  Effect.promise(async () => {
    const path = newFile()
    const first = made.get(name) ?? Effect.runPromise(make(path)).then(() => path)
    made.set(name, first)
    const copy = newFile()
    copyFileSync(await first, copy)
    return copy
  })

/** The path of a closed log in SQLite. */
export const outageLog: Effect.Effect<string> = copyOf('outage', (path) =>
  Effect.provide(fillWithOutage, layerSqlite({ path }), { local: true }),
)
export const archivedLog: Effect.Effect<string> = copyOf('archived', (path) =>
  Effect.andThen(Effect.provide(fillWithArchived, layerSqlite({ path }), { local: true }), archived(path)),
)

const PAGE = 1_000

const everyRow = Effect.fnUntraced(function* (log: EventLog['Service']) {
  const rows: ReadEvent[] = []
  for (let after = 0; ; ) {
    const page = yield* log.read({ after, limit: PAGE })
    rows.push(...page)
    const last = page.at(-1)
    if (last === undefined) return rows
    after = last._tag === 'Known' ? last.recorded.position : last.position
  }
})

/** What it answers to whoever asks: events, books, snapshots, the past, and what is wrong with it. */
export const seen = (url: string) =>
  Effect.gen(function* () {
    const [log, books] = [yield* EventLog, yield* Books]
    const rows = yield* everyRow(log)
    const head = yield* log.head
    const snapshots = yield* Effect.forEach(range(0, 20), (n) =>
      log.snapshotBefore(STATE_VERSION, Math.ceil((head * (n + 1)) / 20)),
    )
    const moments = yield* Effect.forEach([5, 41, 55, 24 * 60 * 40], (minutes) =>
      Effect.map(pastState(log, STARTS_AT + minutes * MINUTE_MS), ({ state, ...place }) => ({
        ...place,
        state: encodeState(state),
      })),
    )
    return {
      head,
      rows,
      snapshots,
      moments,
      places: yield* Effect.forEach([0, 1, 30, 60 * 24 * 60], (minutes) =>
        log.placeAt(STARTS_AT + minutes * MINUTE_MS),
      ),
      costs: yield* Effect.all([
        books.costs({ by: [] }),
        books.costs({ by: ['day', 'provider'] }),
        books.costs({ by: ['hour', 'model'] }),
        books.costs({ by: ['session', 'agent'] }),
        books.costs({ by: ['project', 'key'] }),
        books.spent({ to: STARTS_AT + DAY_MS }),
      ]),
      requests: yield* books.requests({ limit: 500 }),
      problems: (yield* log.verify(() => undefined)).problems,
    }
  }).pipe(Effect.provide(readOnlyDatabaseLayer(url), { local: true }))

export type Seen = Effect.Success<ReturnType<typeof seen>>

/** Opens the log at a URL for writing, as a server would, and uses it. */
export const onLog = <A, E>(
  layer: Layer.Layer<EventLog | Books, EventLogError>,
  use: Effect.Effect<A, E, EventLog | Books>,
) => Effect.provide(use, layer, { local: true })
