/**
 * A client of the admin API over a real socket.
 */
import { request } from 'node:http'
import { Effect } from 'effect'
import { ADMIN_TOKEN } from '#test/server.ts'

export interface AdminAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
  /** The parsed body; undefined when it is not JSON. */
  readonly body: unknown
}

export interface AdminCall {
  readonly method?: string
  /** Null sends none. */
  readonly token?: string | null
  readonly json?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

/** One call; it fails only when there is no answer. */
export const ask = (box: { readonly port: number }, path: string, call: AdminCall = {}): Effect.Effect<AdminAnswer> =>
  Effect.callback((resume) => {
    const { method = 'GET', token = ADMIN_TOKEN, json, headers } = call
    const body = json === undefined ? undefined : JSON.stringify(json)
    const outgoing = request(
      {
        host: '127.0.0.1',
        port: box.port,
        path,
        method,
        headers: {
          ...(token === null ? {} : { authorization: `Bearer ${token}` }),
          ...(body === undefined
            ? {}
            : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
          ...headers,
        },
      },
      (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString()
          resume(
            Effect.succeed({ status: response.statusCode ?? 0, headers: response.headers, text, body: parsed(text) }),
          )
        })
      },
    )
    outgoing.on('error', (error) => resume(Effect.die(error)))
    outgoing.end(body)
    return Effect.sync(() => outgoing.destroy())
  })

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
