/**
 * Sends large requests from a thread of its own, so that writing them does not delay the reader of the stream that they are
 * to disturb. Told how many by a message; answers with how long each took, in ms, or with the error.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { parentPort, workerData } from 'node:worker_threads'
import { claudeCodeCall, load, translatedCall } from './load.ts'
import { longRequest } from './long-request.ts'
import type { Way } from './signalbox.ts'

export interface SenderData {
  readonly url: string
  readonly way: Way
  readonly bytes: number
  /** Between the end of one and the start of the next. */
  readonly pauseMs: number
}

export type SenderAnswer = { readonly totalMs: readonly number[] } | { readonly error: string }

const { url, way, bytes, pauseMs } = workerData as SenderData
const call = {
  ...(way === 'translated' ? translatedCall('stream') : claudeCodeCall('stream')),
  body: longRequest(bytes),
}

const send = async (count: number): Promise<readonly number[]> => {
  const totalMs: number[] = []
  for (let sent = 0; sent < count; sent++) {
    await sleep(pauseMs)
    totalMs.push(...(await load(url, call, { requests: 1, concurrency: 1 })).totalMs)
  }
  return totalMs
}

parentPort?.on('message', (count: number) => {
  send(count).then(
    (totalMs) => parentPort?.postMessage({ totalMs } satisfies SenderAnswer),
    (error: unknown) => parentPort?.postMessage({ error: String(error) } satisfies SenderAnswer),
  )
})
