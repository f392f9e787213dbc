/** What must be done now and then beside the appends: the next partition, and books that have fallen behind. */
import { Effect, Latch, type Scope } from 'effect'
import type { EventLogError } from '#actors/ports.ts'
import { catchUp } from '#infra/event-log/postgres-catch-up.ts'
import type { Connections } from '#infra/event-log/postgres-connections.ts'

/** A failure is tried again with the next append after this. Books fall behind while instances of two releases append. */
const PAUSE_MS = 5_000

export interface Upkeep {
  /** To be told after every append. */
  readonly grew: (head: number, behind: boolean) => void
}

/** Makes the first partitions at once, and works until the scope closes. */
export const makeUpkeep = ({ attempt, read, long }: Connections): Effect.Effect<Upkeep, EventLogError, Scope.Scope> =>
  Effect.gen(function* () {
    /** Positions after which the next partition must be made. */
    const addPartitions = attempt(() =>
      read(async (ask) => {
        await ask('SELECT signalbox.add_partitions(0)')
        const [row] = await ask(
          'SELECT h.position, s.partition_events FROM signalbox.log_head h, signalbox.log_schema s',
        )
        const [head, size] = [Number(row?.[0]), Number(row?.[1])]
        // The next one is made half a partition ahead.
        return (Math.floor((head + size / 2) / size) + 0.5) * size
      }),
    )
    let partitionsTo = yield* addPartitions
    let isBehind = false
    const due = Latch.makeUnsafe(false)

    const work = Effect.gen(function* () {
      yield* due.await
      due.closeUnsafe()
      if (isBehind) {
        isBehind = false
        yield* attempt(() => long((ask) => catchUp(ask)))
      }
      partitionsTo = yield* addPartitions
    }).pipe(
      Effect.catch((error) => Effect.logWarning('the event log could not be kept up', { detail: error.message })),
      Effect.andThen(Effect.sleep(PAUSE_MS)),
    )
    yield* Effect.forkScoped(Effect.forever(work))

    return {
      grew: (head, behind) => {
        if (behind) isBehind = true
        if (behind || head >= partitionsTo) due.openUnsafe()
      },
    }
  })
