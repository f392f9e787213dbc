/**
 * What a simulated provider remembers of the requests it got.
 */
import { Effect } from 'effect'
import type { HeaderList } from '#actors/ports.ts'

export interface RecordedRequest {
  /** 1, 2, 3 … over all requests of this provider. */
  readonly number: number
  /** Epoch ms when the request's headers had come. */
  readonly at: number
  readonly method: string
  /** With query, as it was sent. */
  readonly path: string
  /** In wire order, names as they were sent. */
  readonly headers: HeaderList
  /** Every byte that came. */
  readonly body: Buffer
  /** The status that was sent, once it was. */
  readonly status: number | undefined
  readonly requestId: string
  /** Body bytes handed to the connection. */
  readonly bytesSent: number
  /** Epoch ms when the response was over, by whoever's doing. */
  readonly endedAt: number | undefined
  /** Epoch ms when the client left before its answer was complete. */
  readonly abortedAt: number | undefined
}

/** The same, as the server fills it in. */
export type OpenRecord = { -readonly [K in keyof RecordedRequest]: RecordedRequest[K] }

export interface Recorder {
  /** The last requests, oldest first. */
  readonly requests: readonly RecordedRequest[]
  readonly open: (record: OpenRecord) => void
  /** Tells those who wait that a record has changed. */
  readonly changed: () => void
  /** Waits for a kept request that fits; one that is there already fits at once. */
  readonly until: (fits: (request: RecordedRequest) => boolean) => Effect.Effect<RecordedRequest>
}

/** Keeps the last `keep` requests. */
export const makeRecorder = (keep: number): Recorder => {
  const requests: OpenRecord[] = []
  const waiting = new Set<() => void>()
  return {
    requests,
    open: (record) => {
      requests.push(record)
      if (requests.length > keep) requests.shift()
    },
    changed: () => {
      for (const look of waiting) look()
    },
    until: (fits) =>
      Effect.callback<RecordedRequest>((resume) => {
        const look = (): void => {
          const found = requests.find(fits)
          if (found === undefined) return
          waiting.delete(look)
          resume(Effect.succeed(found))
        }
        waiting.add(look)
        look()
        return Effect.sync(() => waiting.delete(look))
      }),
  }
}
