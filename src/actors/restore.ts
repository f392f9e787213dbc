/**
 * Boot: the newest snapshot of this fold plus the tail of the log, through the same functions as the live path.
 */
import { Effect } from 'effect'
import { applyRecorded, decodeState, type GatewayState, initialState, STATE_VERSION } from '#actors/gateway-state.ts'
import type { EventLog, EventLogError } from '#actors/ports.ts'
import { streamOf } from '#domain/recorded-event.ts'

const PAGE = 5_000

export interface Restored {
  readonly state: GatewayState
  /** The last position that is folded in. */
  readonly position: number
  readonly snapshotPosition: number
  /** Events that this release cannot fold. */
  readonly foreign: number
  /** Of these, those of a newer release, which can. */
  readonly newer: number
}

/**
 * Folds the log up to a position, starting from the newest usable snapshot.
 *
 * @param pageEvents folded at once; smaller where others use the event loop meanwhile
 */
export const restore = (
  log: EventLog['Service'],
  upTo = Number.MAX_SAFE_INTEGER,
  pageEvents = PAGE,
): Effect.Effect<Restored, EventLogError> =>
  Effect.gen(function* () {
    const newest = upTo === Number.MAX_SAFE_INTEGER
    const snapshot = yield* newest ? log.latestSnapshot(STATE_VERSION) : log.snapshotBefore(STATE_VERSION, upTo)
    const state = snapshot === undefined ? initialState() : decodeState(snapshot.state)
    const snapshotPosition = snapshot?.position ?? 0
    let position = snapshotPosition
    let [foreign, newer] = [0, 0]
    for (;;) {
      const page = yield* log.read({ after: position, limit: Math.min(pageEvents, upTo - position) })
      for (const row of page) {
        if (row._tag === 'Known') {
          applyRecorded(state, row.recorded)
          position = row.recorded.position
        } else {
          foreign++
          if (row.upcast._tag === 'FromTheFuture') newer++
          position = row.position
        }
      }
      if (page.length < pageEvents || position >= upTo) break
    }
    if (foreign > 0) yield* Effect.logWarning('the log holds events of a newer release; they were skipped', { foreign })
    return { state, position, snapshotPosition, foreign, newer }
  })

/**
 * Joins a log that others write too: the state is the fold of everything up to one's own `BoxStarted`, which is the first event of
 * this writer. The position of that event is where hearing the others begins.
 */
export const join = (
  log: EventLog['Service'],
  self: { readonly writer: string; readonly version: string },
): Effect.Effect<Restored, EventLogError> =>
  Effect.gen(function* () {
    const occurredAt = yield* Effect.clockWith((clock) => clock.currentTimeMillis)
    const event = { _tag: 'BoxStarted', instance: self.writer, version: self.version, shared: true } as const
    const started = { event, stream: streamOf(event), occurredAt, writer: self.writer, writerSeq: 1 }
    return yield* restore(log, yield* log.append([started]))
  })
