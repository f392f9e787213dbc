/**
 * The state as it was at a past moment: the log up to the last event that had occurred by then, folded through the functions
 * of the live path from the newest snapshot before. Where snapshots are missing, as after an upgrade, it leaves some behind.
 *
 * Where events went to an archive, nothing can be folded that lies between two snapshots; there it is the state of the last
 * moment before the wanted one up to which everything is known.
 */
import { Effect } from 'effect'
import {
  applyRecorded,
  decodeState,
  encodeStateInSteps,
  type GatewayState,
  initialState,
  STATE_VERSION,
} from '#actors/gateway-state.ts'
import { inTurns } from '#actors/in-turns.ts'
import type { EventLog, EventLogError, ReadEvent } from '#actors/ports.ts'
import { SNAPSHOT_SPACING } from '#domain/snapshot-spacing.ts'

/** Asked for at once. */
const PAGE = 500
/** Some 3 ms of folding; then whoever waits gets a turn. */
const SLICE = 100

export interface PastState {
  readonly state: GatewayState
  /** The last position that is folded in; 0 before the first event. */
  readonly position: number
  /** Epoch ms of the moment that it is: the wanted one, or an earlier one where events are in an archive. */
  readonly at: number
}

/** The box at `at` (epoch ms). */
export const pastState = (log: EventLog['Service'], at: number): Effect.Effect<PastState, EventLogError> =>
  Effect.gen(function* () {
    const { position: end, archivedTo } = yield* log.placeAt(at)
    const snapshot = yield* log.snapshotBefore(STATE_VERSION, end)
    const state = snapshot === undefined ? initialState() : decodeState(snapshot.state)
    // Behind it events are missing, nobody knows how soon: it ends with the last that is surely the next. Without a snapshot of
    // this release, what is left of the log is all there is, as at a start.
    const stopsAtGap = snapshot !== undefined && snapshot.position < archivedTo
    let position = snapshot?.position ?? 0
    let shownAt = snapshot?.occurredAt ?? at
    let checkpoint = position
    let mayStore = true
    while (position < end) {
      const page = yield* log.read({ after: position, limit: Math.min(PAGE, end - position) })
      const rows = page.slice(0, usable(page, position, end, stopsAtGap))
      for (let from = 0; from < rows.length; from += SLICE) {
        for (const row of rows.slice(from, from + SLICE)) {
          position = positionOf(row)
          if (row._tag === 'Foreign') continue
          applyRecorded(state, row.recorded)
          shownAt = row.recorded.occurredAt
        }
        yield* Effect.yieldNow
      }
      // Nothing more is left of the log, or events are missing.
      if (rows.length === 0 || rows.length < page.length) break
      if (position - checkpoint < SNAPSHOT_SPACING || position < archivedTo || !mayStore) continue
      checkpoint = position
      mayStore = yield* storeCheckpoint(log, state, position)
    }
    return { state, position, at: stopsAtGap ? shownAt : at }
  })

/** How many rows of the page are to be folded: those up to the end, and up to where events are missing. */
const usable = (page: readonly ReadEvent[], after: number, end: number, stopsAtGap: boolean): number => {
  const stop = page.findIndex((row, index) => {
    const position = positionOf(row)
    return position > end || (stopsAtGap && position !== after + index + 1)
  })
  return stop === -1 ? page.length : stop
}

const positionOf = (row: ReadEvent): number => (row._tag === 'Known' ? row.recorded.position : row.position)

/** So that the next look is short. Answers false when the log takes none. */
const storeCheckpoint = (log: EventLog['Service'], state: GatewayState, position: number): Effect.Effect<boolean> =>
  inTurns(encodeStateInSteps(state)).pipe(
    Effect.flatMap((text) => log.saveSnapshot({ version: STATE_VERSION, position, state: text })),
    Effect.as(true),
    Effect.catch((error) =>
      Effect.as(Effect.logWarning('a snapshot of the past could not be stored', { detail: error.message }), false),
    ),
  )
