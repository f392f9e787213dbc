/**
 * What listens: Node's server, plain or with TLS, and the limits that stand before any request: how long a client may take to say
 * what it wants, and how many connections one address may have.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { Socket } from 'node:net'
import type { SecureContextOptions } from 'node:tls'
import { errorAnswer, errorBody } from '#domain/dialect/anthropic-error.ts'
import { addressGroup, isLoopbackAddress } from '#http/address-group.ts'
import { newRequestId } from '#http/request-id.ts'

/** Certificates: those of now, and those to come. */
export interface ServerTls {
  readonly current: () => SecureContextOptions
  /** Nobody is served who shows no certificate of the authorities in `ca`. */
  readonly asksClients: boolean
  /** Called with each later set. */
  readonly onChange: (take: (next: SecureContextOptions) => void) => void
}

export interface ListenerOptions {
  /** How long a client may take to send its request. */
  readonly requestTimeoutMs: number
  readonly tls?: ServerTls | undefined
  /** Connections of one address at a time; 0: any number. Absent: `USUAL_CONNECTIONS`, and any number from loopback. */
  readonly maxConnectionsPerAddress?: number | undefined
  /** A connection was refused; `limit` is the number that there may be. */
  readonly onCrowded: (address: string, limit: number) => void
}

/** Header lines of Claude Code with many betas fit; Node's default of 16 KiB is tight. */
const MAX_HEADER_BYTES = 32 * 1024
const HEADERS_TIMEOUT_MS = 60_000
const HANDSHAKE_TIMEOUT_MS = 10_000
/** How often Node looks for requests that take too long; its own default. */
const LOOK_MS = 30_000
/** A hundred agents behind one address are many. */
export const USUAL_CONNECTIONS = 100

export const makeListener = (
  options: ListenerOptions,
  onRequest: (request: IncomingMessage, response: ServerResponse) => void,
): Server => {
  const { requestTimeoutMs, tls } = options
  const settings = {
    maxHeaderSize: MAX_HEADER_BYTES,
    requestTimeout: requestTimeoutMs,
    headersTimeout: Math.min(HEADERS_TIMEOUT_MS, requestTimeoutMs),
    connectionsCheckingInterval: Math.min(LOOK_MS, requestTimeoutMs),
    keepAlive: true,
    keepAliveInitialDelay: 30_000,
    // A client's pooled connection must not be closed under its next request.
    keepAliveTimeout: 65_000,
  }
  const server = tls === undefined ? createServer(settings, onRequest) : secureServer(settings, tls, onRequest)
  limitConnections(server, options)
  return server
}

const secureServer = (
  settings: object,
  tls: ServerTls,
  onRequest: (request: IncomingMessage, response: ServerResponse) => void,
): Server => {
  const clients = { requestCert: tls.asksClients, rejectUnauthorized: tls.asksClients }
  const server = createSecureServer(
    { ...settings, handshakeTimeout: HANDSHAKE_TIMEOUT_MS, ...clients, ...tls.current() },
    onRequest,
  )
  tls.onChange((next) => server.setSecureContext(next))
  return server
}

const limitConnections = (server: Server, options: ListenerOptions): void => {
  const { maxConnectionsPerAddress } = options
  if (maxConnectionsPerAddress === 0) return
  const limit = maxConnectionsPerAddress ?? USUAL_CONNECTIONS
  const open = new Map<string, number>()
  // Before Node's own listener: what is refused here is not read.
  server.prependListener('connection', (socket: Socket) => {
    const address = socket.remoteAddress ?? ''
    if (maxConnectionsPerAddress === undefined && isLoopbackAddress(address)) return
    const group = addressGroup(address)
    const count = open.get(group) ?? 0
    if (count >= limit) {
      options.onCrowded(address, limit)
      // Within TLS nothing can be said before the handshake, which is what is to be saved.
      if (options.tls === undefined) socket.write(crowded(limit))
      socket.destroySoon()
      return
    }
    open.set(group, count + 1)
    socket.once('close', () => {
      const left = (open.get(group) ?? 1) - 1
      if (left === 0) open.delete(group)
      else open.set(group, left)
    })
  })
}

/** A whole answer, for a connection that nobody reads from. */
const crowded = (limit: number): string => {
  const answer = errorAnswer.rateLimited(
    `This address has ${limit} connections already (server.maxConnectionsPerAddress). Close one, or wait.`,
    1_000,
  )
  const body = errorBody(answer, newRequestId())
  const headers = [
    ...answer.headers,
    ['content-type', 'application/json'],
    ['content-length', String(Buffer.byteLength(body))],
    ['connection', 'close'],
  ]
  return `HTTP/1.1 ${answer.status} Too Many Requests\r\n${headers.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`
}
