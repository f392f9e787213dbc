/**
 * The real Claude Code, and plain clients beside it, on one box with everything on, while a seed breaks the box, its disk, its
 * providers and the network. What is wrong in the end comes back as text: a task that ended well with a wrong result, an answer that
 * was seen complete and is not in the log, a log that is not sound.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { Effect, Fiber } from 'effect'
import { EventLog, type VerifyReport } from '#actors/ports.ts'
import type { RecordedEvent } from '#domain/recorded-event.ts'
import { layerSqliteReadOnly } from '#infra/event-log/sqlite.ts'
import { startLoad } from '../../test/crash/load.ts'
import { decisions, endings, order, promises } from '../../test/instances/checks.ts'
import { claudeCodeTasks } from '../instances/claude-code.ts'
import { type ChaosBed, healthOf, makeChaosBed } from './chaos-bed.ts'
import { drawnFaults, suffer } from './chaos-faults.ts'

const CALM_MS = 4_000
/** After a fault the box has so long to serve and to write again. */
const RECOVERS_WITHIN_MS = 30_000
const CONNECTIONS = 4

export interface ChaosReport {
  readonly problems: readonly string[]
  readonly events: number
  readonly answers: number
  readonly complete: number
  readonly abandoned: number
}

export const chaosRun = (options: {
  readonly seed: number
  readonly faults: number
  readonly note: (text: string) => void
}): Effect.Effect<ChaosReport> =>
  Effect.scoped(
    Effect.gen(function* () {
      const { seed, note } = options
      const bed = yield* makeChaosBed(seed)
      if (!bed.canFill) note('no disk of its own can be mounted here: it is not filled')
      const url = `https://127.0.0.1:${bed.entrance.port}`
      let isOver = false
      const tasks = claudeCodeTasks({
        note,
        mayFail: true,
        client: { environment: { NODE_EXTRA_CA_CERTS: bed.authorityFile } },
      })
      const working = yield* Effect.forkScoped(tasks({ url, providers: bed.providers, isOver: () => isOver }))
      const load = startLoad(bed.entrance.port, CONNECTIONS, seed, {
        persistent: true,
        pauseMs: 100,
        key: bed.key,
        authority: bed.authority,
      })
      yield* Effect.promise(() => wait(CALM_MS))
      for (const [index, fault] of drawnFaults(seed, options.faults, bed.canFill).entries()) {
        note(`${JSON.stringify(fault)}, ${load.answers.length} answers so far`)
        yield* suffer(bed, fault, index)
        if (!(yield* recovered(bed))) bed.problems.push(`fault ${index + 1}: the box does not come back`)
        yield* Effect.promise(() => wait(CALM_MS))
      }
      isOver = true
      const wrong = yield* Fiber.join(working)
      yield* Effect.promise(load.stop)
      bed.box().signal('SIGTERM')
      const { code } = yield* bed.box().exited
      const verified = yield* bed.box().command('verify', '--json')
      const rows = yield* readAll(bed)
      return {
        events: rows.length,
        answers: load.answers.length,
        complete: load.answers.filter(({ complete, status }) => complete && status === 200).length,
        abandoned: rows.filter(({ event }) => event._tag === 'RequestAbandoned').length,
        problems: [
          ...wrong,
          ...bed.problems,
          ...(code === 0 ? [] : [`the box stops with ${code}`]),
          ...(JSON.parse(verified.stdout) as VerifyReport).problems.map((one) => `verify: ${JSON.stringify(one)}`),
          ...order(rows),
          ...endings(rows),
          ...promises(rows, load.answers),
          ...decisions(rows),
        ],
      }
    }),
  )

/** It answers, and everything that it knows is in its log. */
const recovered = (bed: ChaosBed): Effect.Effect<boolean> =>
  Effect.gen(function* () {
    for (let waited = 0; waited < RECOVERS_WITHIN_MS; waited += 250) {
      const health = yield* healthOf(bed)
      if (health !== undefined && !health.log.failing && health.log.pending < 100) return true
      yield* Effect.promise(() => wait(250))
    }
    return false
  })

const readAll = (bed: ChaosBed): Effect.Effect<readonly RecordedEvent[]> =>
  Effect.gen(function* () {
    const log = yield* EventLog
    const rows: RecordedEvent[] = []
    for (;;) {
      const page = yield* log.read({ after: rows.length, limit: 5_000 })
      if (page.length === 0) return rows
      for (const row of page) if (row._tag === 'Known') rows.push(row.recorded)
    }
  }).pipe(
    Effect.provide(layerSqliteReadOnly({ path: bed.box().databaseUrl.slice('sqlite:'.length) }), { local: true }),
    Effect.orDie,
  )
