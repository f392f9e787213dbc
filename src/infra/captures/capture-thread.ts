/**
 * Entry of the thread that owns the file of captures. What it is told comes in shared memory, so that handing it over costs the
 * main thread no second copy.
 */
import { workerData } from 'node:worker_threads'
import { captureFailure } from '#infra/captures/capture-failure.ts'
import { openCaptureFile } from '#infra/captures/capture-file.ts'
import { type Capture, makeCaptureStore, type StoredCapture } from '#infra/captures/capture-store.ts'
import { attempt, converse, endConversation } from '#infra/event-log/worker-port.ts'

export interface CaptureThreadData {
  readonly path: string
  readonly key: string | undefined
  /** Sources of regular expressions. */
  readonly redact: readonly string[]
  readonly retentionMs: number
  readonly maxBytes: number
}

/** A capture on its way: the bytes of the request, then those of the answer. */
export interface HandedOver extends Omit<Capture, 'request' | 'answer'> {
  readonly bytes: SharedArrayBuffer
  readonly requestBytes: number
}

/** What the thread can be asked for. */
export interface CaptureCalls {
  readonly store: (capture: HandedOver) => null
  readonly read: (requestId: string) => StoredCapture | null
  /** How many captures went, because of their age or the size of the file. */
  readonly prune: (now: number) => number
  readonly close: (nothing: null) => null
}

await converse(async () => {
  const { path, key, redact, retentionMs, maxBytes } = workerData as CaptureThreadData
  const file = openCaptureFile(path, key)
  const captures = makeCaptureStore(
    file,
    redact.map((source) => new RegExp(source, 'gu')),
  )
  const calls: CaptureCalls = {
    store: ({ bytes, requestBytes, ...told }) => {
      const all = Buffer.from(bytes)
      captures.store({ ...told, request: all.subarray(0, requestBytes), answer: all.subarray(requestBytes) })
      if (captures.usedBytes() > maxBytes) captures.prune(told.at - retentionMs, maxBytes)
      return null
    },
    read: (requestId) => captures.read(requestId) ?? null,
    prune: (now) => captures.prune(now - retentionMs, maxBytes),
    close: () => {
      file.database.close()
      return null
    },
  }
  return (waiting, reply) => {
    for (const [id, operation, payload] of waiting) {
      const call = calls[operation as keyof CaptureCalls] as (payload: unknown) => unknown
      const answer = attempt(id, () => {
        try {
          return call(payload)
        } catch (error) {
          throw captureFailure(error, path)
        }
      })
      reply([answer])
      if (operation === 'close') {
        endConversation()
        return
      }
    }
  }
})
