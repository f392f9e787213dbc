/**
 * HTTP to one origin: a connection pool, proxy variables, custom CA, no redirects. Everything that is a time limit or a
 * meaning lies elsewhere; here are bytes and system errors.
 */
import { readFileSync } from 'node:fs'
import { createSecureContext, getCACertificates } from 'node:tls'
import { type Dispatcher, EnvHttpProxyAgent, errors, Pool, ProxyAgent } from 'undici'
import type { Exchange, HeaderList, UpstreamListener } from '#actors/ports.ts'
import type { FailureReason } from '#domain/failure.ts'
import { HOP_BY_HOP } from '#infra/upstream/hop-by-hop.ts'

export interface TransportOptions {
  /** Scheme, host and port. */
  readonly origin: string
  /** PEM file of an additional certificate authority. */
  readonly caFile?: string | undefined
  /** Overrides the proxy variables of the environment. */
  readonly proxy?: string | undefined
  readonly connectTimeoutMs: number
}

export interface TransportRequest {
  readonly method: 'GET' | 'POST'
  /** Path and query. */
  readonly path: string
  /** Flat: name, value, name, value … */
  readonly headers: readonly string[]
  readonly body: Uint8Array | null
}

export interface Transport {
  readonly send: (request: TransportRequest, listener: UpstreamListener) => Exchange
  /** Lets exchanges under way finish. */
  readonly close: () => Promise<void>
  /** Breaks off exchanges under way. */
  readonly destroy: () => Promise<void>
}

/** Idle connections are dropped before the usual middlebox or server does it under a request. */
const KEEP_ALIVE_MS = 30_000

const NOT_FORWARDED = new Set(HOP_BY_HOP)

/** TLS trust beside the usual authorities (`ca` alone would replace them), parsed once, not per connection. */
const trust = (caFile: string | undefined) =>
  caFile === undefined
    ? {}
    : { secureContext: createSecureContext({ ca: [...getCACertificates(), readFileSync(caFile, 'utf8')] }) }

const makeDispatcher = (options: TransportOptions): { readonly dispatcher: Dispatcher; readonly proxied: boolean } => {
  const tls = trust(options.caFile)
  const common = {
    // Limits of time are the attempt's, which knows the phases.
    headersTimeout: 0,
    bodyTimeout: 0,
    keepAliveTimeout: KEEP_ALIVE_MS,
    keepAliveMaxTimeout: KEEP_ALIVE_MS,
    allowH2: false,
    connect: { timeout: options.connectTimeoutMs, keepAlive: true, keepAliveInitialDelay: 30_000, ...tls },
  }
  const toProxy = { ...common, connectTimeout: options.connectTimeoutMs, requestTls: tls }
  if (options.proxy !== undefined) {
    return { dispatcher: new ProxyAgent({ ...toProxy, uri: options.proxy }), proxied: true }
  }
  const { env } = process
  return (env.HTTP_PROXY ?? env.http_proxy ?? env.HTTPS_PROXY ?? env.https_proxy) === undefined
    ? { dispatcher: new Pool(options.origin, common), proxied: false }
    : { dispatcher: new EnvHttpProxyAgent(toProxy), proxied: true }
}

/** The proxy agents keep only the last of repeated headers when they get a flat list. */
const grouped = (flat: readonly string[]): Record<string, string | string[]> => {
  const headers = new Map<string, string | string[]>()
  for (let i = 0; i + 1 < flat.length; i += 2) {
    const name = flat[i] ?? ''
    const value = flat[i + 1] ?? ''
    const known = headers.get(name)
    headers.set(name, known === undefined ? value : [known, value].flat())
  }
  return Object.fromEntries(headers)
}

const codeOf = (error: unknown): string => {
  if (error instanceof AggregateError) return codeOf(error.errors[0])
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (typeof code === 'string') return code
  // undici 8.12 gives this one no code of its own.
  return error instanceof errors.HTTPParserError ? 'UND_ERR_HTTP_PARSER' : 'UNKNOWN'
}

const toReason = (error: unknown, connected: boolean): FailureReason => {
  const code = codeOf(error)
  if (code === 'UND_ERR_CONNECT_TIMEOUT') return { _tag: 'Timeout', phase: 'connect' }
  // Before the request went out it is the connection that failed: DNS, TCP, TLS or the proxy, whatever the code.
  return { _tag: 'Transport', code, connect: !connected }
}

class Aborted extends Error {}

const toList = (headers: NodeJS.Dict<string | string[]>): HeaderList => {
  const list: (readonly [string, string])[] = []
  const connection = String(headers.connection ?? '')
    .toLowerCase()
    .split(/\s*,\s*/)
  for (const name in headers) {
    if (NOT_FORWARDED.has(name) || connection.includes(name)) continue
    const value = headers[name]
    if (typeof value === 'string') list.push([name, value])
    else if (value !== undefined) for (const one of value) list.push([name, one])
  }
  return list
}

/** @throws when the CA file cannot be read or a URL is malformed; configuration has checked both before. */
export const makeTransport = (options: TransportOptions): Transport => {
  const { dispatcher, proxied } = makeDispatcher(options)

  const send = (request: TransportRequest, listener: UpstreamListener): Exchange => {
    let controller: Dispatcher.DispatchController | undefined
    let done = false

    const dispatch = (): void => {
      let connected = false
      dispatcher.dispatch(
        {
          origin: options.origin,
          path: request.path,
          method: request.method,
          headers: proxied ? grouped(request.headers) : (request.headers as string[]),
          body: request.body,
          // Again here: the agent for plain HTTP through a proxy drops the options of the pool.
          headersTimeout: 0,
          bodyTimeout: 0,
        },
        {
          onRequestStart: (started) => {
            controller = started
            connected = true
            if (done) started.abort(new Aborted())
            else listener.connected()
          },
          onResponseStart: (_controller, status, headers) => {
            if (done || status < 200) return
            listener.headers(status, toList(headers))
          },
          onResponseData: (responding, chunk) => {
            if (!done && !listener.data(chunk)) responding.pause()
          },
          onResponseEnd: () => {
            if (done) return
            done = true
            listener.end()
          },
          onResponseError: (_controller, error) => {
            if (done) return
            done = true
            listener.fail(toReason(error, connected))
          },
        },
      )
    }
    // Listeners are never called before `send` has returned.
    queueMicrotask(() => {
      if (!done) dispatch()
    })

    return {
      resume: () => controller?.resume(),
      abort: () => {
        if (done) return
        done = true
        controller?.abort(new Aborted())
      },
    }
  }

  return { send, close: () => dispatcher.close(), destroy: () => dispatcher.destroy() }
}
