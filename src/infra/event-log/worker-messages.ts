/** What the main thread and a worker thread say to each other. */
import type { EventLogReason } from '#actors/ports.ts'

export type Request = readonly [id: number, operation: string, payload: unknown]

/** Every request gets one reply that is not `progress`; replies travel in arrays. */
export type Reply =
  | readonly [id: number, kind: 'done', value: unknown]
  | readonly [id: number, kind: 'failed', reason: EventLogReason]
  /** A bug; the text is the stack. */
  | readonly [id: number, kind: 'bug', text: string]
  /** The share done, 0..1; more replies follow. */
  | readonly [id: number, kind: 'progress', share: number]

/** The id under which a thread reports, unasked, that it is ready or that it could not begin. */
export const READY = 0
