/** Copying from and to a log in a SQLite file. It is only ever touched in a worker thread (sqlite-copier.ts). */
import { statSync } from 'node:fs'
import { Effect, type Scope } from 'effect'
import type { EventLogError } from '#actors/ports.ts'
import type { LogReading, LogWriting } from '#infra/event-log/log-copy.ts'
import type { CopierCalls, CopierData } from '#infra/event-log/sqlite-copier.ts'
import { startThread, type Thread } from '#infra/event-log/thread.ts'

/** Fails as Unusable where there is no log, or where another process has it. */
export const openSqliteReading = (path: string): Effect.Effect<LogReading, EventLogError, Scope.Scope> =>
  Effect.map(startCopier({ path, writes: false }), readingOf)

/** Whether there is anything at the path. An empty file may come of a start that was broken off. */
export const isSqliteThere = (path: string): boolean => (statSync(path, { throwIfNoEntry: false })?.size ?? 0) > 0

/** Makes the file where it is missing. `preparing` is told the share done while the books of what is there are made. */
export const openSqliteWriting = (
  path: string,
  preparing: (share: number) => void,
): Effect.Effect<LogWriting, EventLogError, Scope.Scope> =>
  Effect.map(startCopier({ path, writes: true }, preparing), (copier) => ({
    ...readingOf(copier),
    add: (rows, before, after) => Effect.asVoid(copier.call('add', { rows, before, after })),
    clear: Effect.asVoid(copier.call('clear', null)),
    addArchivedCells: (entries) => Effect.asVoid(copier.call('addArchivedCells', entries)),
    addSnapshot: (snapshot) => Effect.asVoid(copier.call('addSnapshot', snapshot)),
    finish: (head, writers) => Effect.asVoid(copier.call('finish', { head, writers })),
  }))

const startCopier = (data: CopierData, preparing?: (share: number) => void) =>
  Effect.tap(
    startThread<CopierCalls>('event log copier', new URL('./sqlite-copier.ts', import.meta.url), data, preparing),
    ({ ready }) => ready,
  )

const readingOf = (copier: Thread<CopierCalls>): LogReading => ({
  // Its lock has kept everybody else away.
  users: Effect.succeed([]),
  extent: copier.call('extent', null),
  rows: (after, upTo) => copier.call('rows', { after, upTo }),
  archivedWriters: copier.call('archivedWriters', null),
  archivedCells: (after) => copier.call('archivedCells', after ?? null),
  snapshotAfter: (after) =>
    Effect.map(copier.call('snapshotAfter', after ?? null), (snapshot) => snapshot ?? undefined),
})
