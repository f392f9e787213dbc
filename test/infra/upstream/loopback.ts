/**
 * Servers on loopback for the tests of the transport, and a listener that writes down what an upstream tells.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { type AddressInfo, createServer as createTcpServer, type Socket, type Server as TcpServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished, vi } from '@effect/vitest'
import { Effect, Redacted } from 'effect'
import type { HeaderList, UpstreamAnswer, UpstreamListener, UpstreamRequest } from '#actors/ports.ts'
import type { FailureReason } from '#domain/failure.ts'
import { modelId, providerId } from '#domain/ids.ts'
import type { UpstreamCredential } from '#infra/upstream/credential.ts'
import { type HttpUpstreamOptions, httpUpstream } from '#infra/upstream/http-upstream.ts'
import { plainAnthropic } from '#infra/upstream/profile.ts'
import { makeTransport, type TransportOptions } from '#infra/upstream/transport.ts'
import type { Identity } from './certificates.ts'

export interface Seen {
  readonly method: string
  readonly url: string
  /** In wire order, names as they came. */
  readonly headers: HeaderList
  readonly body: Buffer
}

export interface Loopback {
  readonly port: number
  readonly origin: string
  /** Requests that came whole. */
  readonly seen: readonly Seen[]
  /** Connections taken so far. */
  readonly connections: () => number
}

const pairs = (raw: readonly string[]): HeaderList =>
  Array.from({ length: raw.length / 2 }, (_, i) => [raw[2 * i] ?? '', raw[2 * i + 1] ?? ''] as const)

const start = async (server: TcpServer, sockets: Set<Socket>): Promise<number> => {
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  })
  return (server.address() as AddressInfo).port
}

/** Collects each request, then answers by the handler. */
export const httpServer = async (
  answer: (request: IncomingMessage, response: ServerResponse) => void,
  tls?: Identity,
): Promise<Loopback & { readonly server: Server }> => {
  const seen: Seen[] = []
  const sockets = new Set<Socket>()
  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    const chunks: Buffer[] = []
    request.on('error', () => undefined)
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const { method = '', url = '', rawHeaders } = request
      seen.push({ method, url, headers: pairs(rawHeaders), body: Buffer.concat(chunks) })
      answer(request, response)
    })
  }
  const server =
    tls === undefined ? createServer(onRequest) : createTlsServer({ cert: tls.certificate, key: tls.key }, onRequest)
  const port = await start(server, sockets)
  return {
    server,
    port,
    origin: `${tls ? 'https' : 'http'}://127.0.0.1:${port}`,
    seen,
    connections: () => sockets.size,
  }
}

/** A bare socket server. */
export const tcpServer = async (onSocket: (socket: Socket) => void): Promise<Omit<Loopback, 'seen'>> => {
  const sockets = new Set<Socket>()
  const port = await start(createTcpServer(onSocket), sockets)
  return { port, origin: `http://127.0.0.1:${port}`, connections: () => sockets.size }
}

export interface Heard extends UpstreamListener {
  /** Every call by name, in order; runs of `data` count once. */
  readonly log: readonly string[]
  readonly status: () => number | undefined
  readonly headerList: () => HeaderList
  /** What a failure brought for the client. */
  readonly answer: () => UpstreamAnswer | undefined
  readonly body: () => Buffer
  readonly bytes: () => number
  /** How it ended. */
  readonly over: Promise<'end' | FailureReason>
  /** Resolves at the first call of this name. */
  readonly first: (name: 'connected' | 'headers' | 'data') => Promise<void>
}

/** `flow` answers for each chunk whether more may come. */
export const listener = (flow: () => boolean = () => true): Heard => {
  const log: string[] = []
  const chunks: Uint8Array[] = []
  let status: number | undefined
  let headers: HeaderList = []
  let answer: UpstreamAnswer | undefined
  let bytes = 0
  const over = Promise.withResolvers<'end' | FailureReason>()
  const firsts = {
    connected: Promise.withResolvers<void>(),
    headers: Promise.withResolvers<void>(),
    data: Promise.withResolvers<void>(),
  }
  const note = (name: string): void => {
    if (log.at(-1) !== name || name !== 'data') log.push(name)
  }
  return {
    log,
    status: () => status,
    headerList: () => headers,
    answer: () => answer,
    body: () => Buffer.concat(chunks),
    bytes: () => bytes,
    over: over.promise,
    first: (name) => firsts[name].promise,
    connected: () => {
      note('connected')
      firsts.connected.resolve()
    },
    headers: (code, list) => {
      note('headers')
      status = code
      headers = list
      firsts.headers.resolve()
    },
    data: (chunk) => {
      note('data')
      bytes += chunk.length
      chunks.push(chunk)
      firsts.data.resolve()
      return flow()
    },
    end: () => {
      note('end')
      over.resolve('end')
    },
    fail: (reason, told) => {
      note('fail')
      answer = told
      over.resolve(reason)
    },
  }
}

/** A transport that ends with the test. */
export const transportTo = (origin: string, options: Partial<TransportOptions> = {}) => {
  const transport = makeTransport({ origin, connectTimeoutMs: 5_000, ...options })
  onTestFinished(() => transport.destroy())
  return transport
}

export const held = (header: 'x-api-key' | 'bearer', value: string): UpstreamCredential => ({
  _tag: 'Held',
  header,
  secret: Effect.succeed(Redacted.make(value)),
  renews: false,
  invalidate: () => undefined,
})

/** An upstream at a base URL, with its own transport. */
export const upstreamAt = (
  baseUrl: string,
  options: Partial<Omit<HttpUpstreamOptions, 'transport' | 'baseUrl'>> & {
    readonly via?: Partial<TransportOptions>
  } = {},
) => {
  const { via, ...rest } = options
  return httpUpstream({
    id: providerId('p'),
    profile: plainAnthropic,
    now: Date.now,
    after: (ms, run) => {
      const timer = setTimeout(run, ms)
      return () => clearTimeout(timer)
    },
    baseUrl,
    credential: { _tag: 'None' },
    headers: [],
    transport: transportTo(new URL(baseUrl).origin, via),
    ...rest,
  })
}

export const messages = (more: Partial<UpstreamRequest> = {}): UpstreamRequest => ({
  path: '/v1/messages',
  query: '?beta=true',
  method: 'POST',
  headers: [['content-type', 'application/json']],
  body: Buffer.from('{}'),
  target: {
    asked: modelId('claude-opus-5-5'),
    model: modelId('claude-opus-5-5'),
    stream: false,
    without: [],
    inputTokens: 10,
  },
  ...more,
})

/** Takes the proxy variables of the machine out of the test's sight; returns what puts them back. */
export const withoutProxies = (): (() => void) => {
  for (const name of ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY']) {
    vi.stubEnv(name, undefined)
    vi.stubEnv(name.toLowerCase(), undefined)
  }
  return () => vi.unstubAllEnvs()
}

/** One call through a transport of its own. */
export const call = (origin: string, via: Partial<TransportOptions> = {}) => {
  const heard = listener()
  const exchange = upstreamAt(origin, { via }).open(messages(), heard)
  return { heard, exchange }
}

/** Resolves when the socket is gone, however it went. */
export const gone = (socket: Socket): Promise<void> => new Promise((resolve) => socket.once('close', () => resolve()))

/** A CA file that lives as long as the test. */
export const caFile = (certificate: string): string => {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-ca-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'ca.pem')
  writeFileSync(file, certificate)
  return file
}
