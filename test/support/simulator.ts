/**
 * Simulated providers for tests: start them in a scope, speak to them with plain sockets.
 */
import { connect } from 'node:net'
import { Effect, type Scope } from 'effect'
import { type Simulator, type SimulatorOptions, startSimulator } from '#infra/simulator/simulator.ts'

/** Starts one provider per name; they stop with the test's scope. */
export const startProviders = <const Id extends string>(
  options: {
    readonly [K in Id]: Omit<SimulatorOptions, 'id'>
  },
): Effect.Effect<{ readonly [K in Id]: Simulator }, never, Scope.Scope> =>
  Effect.forEach(Object.entries(options) as [Id, Omit<SimulatorOptions, 'id'>][], ([id, rest]) =>
    startSimulator({ ...rest, id }),
  ).pipe(
    Effect.orDie,
    Effect.map((all) => Object.fromEntries(all.map((one) => [one.id, one])) as { readonly [K in Id]: Simulator }),
  )

/** The smallest body that is a valid model call. */
export const callBody = (more: object = {}): object => ({
  model: 'claude-opus-5-5',
  max_tokens: 64,
  messages: [{ role: 'user', content: 'hi' }],
  ...more,
})

export interface SocketResult {
  /** Everything that came, headers and chunk framing included. */
  readonly text: string
  /** `end`: the server closed in good order (FIN); `reset`: RST. */
  readonly how: 'end' | 'reset'
}

/** One call over a plain socket that asks the server to close after it; resolves when the connection is over. */
export const rawCall = (
  port: number,
  body: object,
  headers: readonly string[] = [],
  path = '/v1/messages?beta=true',
): Promise<SocketResult> =>
  new Promise((resolve) => {
    const text = JSON.stringify(body)
    const socket = connect(port, '127.0.0.1')
    const chunks: Buffer[] = []
    const over = (how: 'end' | 'reset') => () => resolve({ text: Buffer.concat(chunks).toString(), how })
    socket.on('data', (chunk) => chunks.push(chunk))
    socket.on('end', over('end'))
    socket.on('error', over('reset'))
    socket.write(
      [
        `POST ${path} HTTP/1.1`,
        `Host: 127.0.0.1:${port}`,
        'Connection: close',
        'Content-Type: application/json',
        ...headers,
        `Content-Length: ${Buffer.byteLength(text)}`,
        '',
        text,
      ].join('\r\n'),
    )
  })

/** The smallest chat request that is valid for OpenAI. */
export const chatBody = (more: object = {}): object => ({
  model: 'gpt-6-luna',
  messages: [{ role: 'user', content: 'hi' }],
  ...more,
})

export interface JsonAnswer {
  readonly status: number
  readonly headers: Headers
  /** Empty for a body that is not JSON. */
  readonly json: Readonly<Record<string, unknown>>
  readonly text: string
}

/** One POST with a JSON body. */
export const postJson = (url: string, body: unknown, headers: Readonly<Record<string, string>> = {}) =>
  Effect.promise(async (): Promise<JsonAnswer> => {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    })
    const text = await response.text()
    const json = /json/.test(response.headers.get('content-type') ?? '') ? JSON.parse(text) : {}
    return { status: response.status, headers: response.headers, json, text }
  })

/** The `data:` payloads of a stream, parsed; `[DONE]` stays a text. */
export const dataOf = (body: string): readonly unknown[] =>
  [...body.matchAll(/^data: (.*)$/gm)].map(([, data = '']) => (data === '[DONE]' ? data : JSON.parse(data)))

/** The body of a raw response: after the headers, without chunk framing. */
export const bodyOf = (text: string): string => {
  const [head = '', ...rest] = text.split('\r\n\r\n')
  let body = rest.join('\r\n\r\n')
  if (!/transfer-encoding: chunked/i.test(head)) return body
  let out = ''
  for (;;) {
    const line = /^([0-9a-f]+)\r\n/i.exec(body)
    if (line === null) return out
    const size = Number.parseInt(line[1] ?? '0', 16)
    if (size === 0) return out
    out += body.slice(line[0].length, line[0].length + size)
    body = body.slice(line[0].length + size + 2)
  }
}

/** Names of the events of an SSE body. */
export const eventNames = (body: string): readonly string[] =>
  [...body.matchAll(/^event: (.*)$/gm)].map((m) => m[1] ?? '')
