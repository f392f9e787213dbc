/**
 * Taking old requests out of a log: what adapters offer, step by step, so that whoever archives can record it and leave room
 * for appends between the steps. The order is: plan, write, record, remove until nothing is left, shrink until nothing is left.
 */
import { Context, Effect, Layer, type Scope } from 'effect'
import type { EventLogError } from '#actors/ports.ts'
import type { ArchivePlan, PlanQuery, RemovedSlice } from '#infra/event-log/archive-questions.ts'

export class LogArchive extends Context.Service<
  LogArchive,
  {
    /** Undefined: there is nothing to archive. Changes nothing. */
    readonly plan: (query: PlanQuery) => Effect.Effect<ArchivePlan | undefined, EventLogError>
    /** Writes the events to a file in the folder and reads it back; answers the file's name. The log stays as it is. */
    readonly write: (
      plan: ArchivePlan,
      folder: string,
      progress: (share: number) => void,
    ) => Effect.Effect<string | undefined, EventLogError>
    /** Begins to delete the requests of a plan that was written. Each run of the answer deletes some, until one answers with none. */
    readonly remove: (
      plan: ArchivePlan,
    ) => Effect.Effect<Effect.Effect<RemovedSlice, EventLogError>, never, Scope.Scope>
    /** Gives some free space back to the disk; answers the pages that are left to give. */
    readonly shrink: Effect.Effect<number, EventLogError>
  }
>()('signalbox/infra/LogArchive') {}

/** For a log in memory, which ends with its process. */
export const layerNoArchive: Layer.Layer<LogArchive> = Layer.succeed(
  LogArchive,
  LogArchive.of({
    plan: () => Effect.undefined,
    write: () => Effect.undefined,
    remove: () => Effect.succeed(Effect.succeed({ requests: 0, events: 0 })),
    shrink: Effect.succeed(0),
  }),
)
