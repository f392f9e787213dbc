/**
 * The load generator: a closed loop of so many callers over keep-alive connections. Every answer is held against the bytes
 * that the upstream sent, or what a translation makes of them; one that differs ends the run.
 */
import { readFileSync } from 'node:fs'
import { performance } from 'node:perf_hooks'
import { type Dispatcher, Pool } from 'undici'
import { jsonAnswer, streamAnswer } from './answers.ts'
import { maskTranslated, tellsTheStory } from './chat-answers.ts'

export type Kind = 'json' | 'stream'

/** One request, ready to be sent, and the answer it must get. */
export interface Call {
  readonly kind: Kind
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
  readonly isExpected: (answer: Buffer) => boolean
}

export interface LoadResult {
  readonly wallMs: number
  /** From sending to the first byte of the body, one per request, in ms. */
  readonly firstByteMs: readonly number[]
  /** From sending to the end of the answer, one per request, in ms. */
  readonly totalMs: readonly number[]
  /** Mean number of pieces in which a body arrived. */
  readonly pieces: number
}

/** A first turn of Claude Code (49 kB), asking for a stream or, as its fallback does, for JSON. */
export const claudeCodeCall = (kind: Kind): Call => {
  const recorded = JSON.parse(readFileSync(new URL('fixtures/claude-code-request.json', import.meta.url), 'utf8')) as {
    readonly headers: readonly (readonly [string, string])[]
    readonly body: object
  }
  const expected = kind === 'stream' ? Buffer.concat(streamAnswer()) : jsonAnswer()
  const body = kind === 'stream' ? recorded.body : { ...recorded.body, max_tokens: 64_000, stream: false }
  return {
    kind,
    path: '/v1/messages?beta=true',
    headers: Object.fromEntries(recorded.headers),
    body: Buffer.from(JSON.stringify(body)),
    isExpected: (answer) => answer.equals(expected),
  }
}

/** The same request where the upstream's answer is translated: the first answer must tell the story, all others be like it. */
export const translatedCall = (kind: Kind): Call => {
  let first: string | undefined
  return {
    ...claudeCodeCall(kind),
    isExpected: (answer) => {
      if (first === undefined && tellsTheStory(answer, kind === 'stream')) first = maskTranslated(answer)
      return first === maskTranslated(answer)
    },
  }
}

/** Sends the call `requests` times from `concurrency` callers, each waiting for its answer before it sends the next. */
export const load = async (
  url: string,
  call: Call,
  options: { readonly requests: number; readonly concurrency: number },
): Promise<LoadResult> => {
  const pool = new Pool(url, { connections: options.concurrency, pipelining: 1 })
  const firstByteMs: number[] = []
  const totalMs: number[] = []
  let pieces = 0
  let left = options.requests
  const caller = async (): Promise<void> => {
    while (left-- > 0) {
      const answer = await exchange(pool, call)
      firstByteMs.push(answer.firstByteMs)
      totalMs.push(answer.totalMs)
      pieces += answer.pieces
    }
  }
  const start = performance.now()
  try {
    await Promise.all(Array.from({ length: options.concurrency }, caller))
  } finally {
    await pool.destroy()
  }
  return { wallMs: performance.now() - start, firstByteMs, totalMs, pieces: pieces / options.requests }
}

interface Answer {
  readonly firstByteMs: number
  readonly totalMs: number
  readonly pieces: number
}

const exchange = (pool: Pool, call: Call): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let status = 0
    let first = 0
    const start = performance.now()
    const handler: Dispatcher.DispatchHandler = {
      onRequestStart: () => {},
      onResponseStart: (_controller, statusCode) => {
        status = statusCode
      },
      onResponseData: (_controller, chunk) => {
        if (chunks.length === 0) first = performance.now()
        chunks.push(chunk)
      },
      onResponseEnd: () => {
        const end = performance.now()
        const body = Buffer.concat(chunks)
        if (status === 200 && call.isExpected(body)) {
          resolve({ firstByteMs: first - start, totalMs: end - start, pieces: chunks.length })
        } else {
          reject(
            new Error(
              `not the answer that the upstream's bytes make: status ${status}, ${body.length} bytes: ${body.subarray(0, 500)}`,
            ),
          )
        }
      },
      onResponseError: (_controller, error) => reject(error),
    }
    pool.dispatch({ path: call.path, method: 'POST', headers: call.headers, body: call.body }, handler)
  })
