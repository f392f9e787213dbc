/**
 * A plain HTTP client that reports what came over the wire and how it ended, with the headers exactly as they were given.
 */
import { type ClientRequest, type IncomingMessage, request } from 'node:http'
import { Effect } from 'effect'
import type { HeaderList } from '#actors/ports.ts'

export interface Call {
  readonly method?: string
  readonly path?: string
  readonly headers?: HeaderList
  readonly body?: Uint8Array | string | object
}

export interface Answer {
  readonly status: number
  /** Names in lower case. */
  readonly headers: HeaderList
  readonly body: Buffer
  /** `broken`: the connection was lost before the end of the message. */
  readonly ending: 'complete' | 'broken'
}

const bytesOf = (body: Call['body']): Uint8Array | string | undefined =>
  body === undefined || typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body)

/** Starts a call on a connection of its own; the body is sent in full. */
export const start = (port: number, call: Call): ClientRequest => {
  const body = bytesOf(call.body)
  const given = call.headers ?? [['content-type', 'application/json']]
  const headers = given.filter(([name]) => !/^(host|connection|content-length|transfer-encoding)$/i.test(name)).flat()
  const sent = request({
    host: '127.0.0.1',
    port,
    agent: false,
    method: call.method ?? 'POST',
    path: call.path ?? '/v1/messages',
    headers: [
      'host',
      `127.0.0.1:${port}`,
      ...headers,
      ...(body === undefined ? [] : ['content-length', String(Buffer.byteLength(body))]),
    ],
  })
  sent.end(body)
  return sent
}

/** Collects an answer to its end, whichever it is. */
export const collect = (response: IncomingMessage): Promise<Answer> =>
  new Promise((resolve) => {
    const chunks: Buffer[] = []
    const over = () =>
      resolve({
        status: response.statusCode ?? 0,
        headers: pairs(response.rawHeaders),
        body: Buffer.concat(chunks),
        ending: response.complete ? 'complete' : 'broken',
      })
    response.on('data', (chunk: Buffer) => chunks.push(chunk))
    response.on('error', () => undefined)
    response.on('close', over)
    response.resume()
  })

/** One call and its whole answer; dies when there is no response at all. */
export const send = (port: number, call: Call): Effect.Effect<Answer> =>
  Effect.callback((resume) => {
    const sent = start(port, call)
    let answered = false
    sent.on('response', (response) => {
      answered = true
      collect(response).then((answer) => resume(Effect.succeed(answer)))
    })
    // After the response has begun, a lost connection is part of the answer.
    sent.on('error', (error) => {
      if (!answered) resume(Effect.die(error))
    })
    return Effect.sync(() => sent.destroy())
  })

export const header = (answer: { readonly headers: HeaderList }, name: string): string | undefined =>
  answer.headers.find(([key]) => key === name)?.[1]

const pairs = (flat: readonly string[]): HeaderList => {
  const list: [string, string][] = []
  for (let i = 0; i + 1 < flat.length; i += 2) list.push([(flat[i] ?? '').toLowerCase(), flat[i + 1] ?? ''])
  return list
}
