/**
 * HTTP to one origin: a connection pool, proxy variables, custom CA, no redirects. Everything that is a time limit or a
 * meaning lies elsewhere; here are bytes and system errors.
 */
import { type Dispatcher, errors } from 'undici'
import type { Exchange, UpstreamListener } from '#actors/ports.ts'
import type { FailureReason } from '#domain/failure.ts'
import { type DispatcherOptions, makeDispatchers } from '#infra/upstream/dispatcher.ts'
import { returnedHeaders } from '#infra/upstream/returned-headers.ts'

export type TransportOptions = DispatcherOptions

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

interface Sending {
  readonly exchange: Exchange
  readonly handler: Dispatcher.DispatchHandler
  /** It ended, or was broken off. */
  readonly isDone: () => boolean
  readonly notSent: (error: unknown) => void
}

/** What is there for as long as the answer lasts: nothing of the request is in it. */
const exchangeOf = (listener: UpstreamListener): Sending => {
  let controller: Dispatcher.DispatchController | undefined
  let done = false
  let connected = false
  const fail = (error: unknown): void => {
    if (done) return
    done = true
    listener.fail(toReason(error, connected))
  }
  return {
    isDone: () => done,
    notSent: fail,
    handler: {
      onRequestStart: (started) => {
        controller = started
        connected = true
        if (done) started.abort(new Aborted())
        else listener.connected()
      },
      onResponseStart: (responding, status, headers) => {
        // They lie in the first bytes that were read of the socket, which would stay as long.
        responding.rawHeaders = null
        if (done || status < 200) return
        listener.headers(status, returnedHeaders(headers))
      },
      onResponseData: (responding, chunk) => {
        if (!done && !listener.data(chunk)) responding.pause()
      },
      onResponseEnd: () => {
        if (done) return
        done = true
        try {
          listener.end()
        } catch (error) {
          // A bug of ours: undici would keep it to itself, and whoever waits for the end would wait for ever.
          listener.fail(toReason(error, connected))
        }
      },
      onResponseError: (_controller, error) => fail(error),
    },
    exchange: {
      resume: () => controller?.resume(),
      abort: () => {
        if (done) return
        done = true
        controller?.abort(new Aborted())
      },
    },
  }
}

/** Each exchange fails by itself, also where a file of the configuration cannot be used: others may serve meanwhile. */
export const makeTransport = (options: TransportOptions): Transport => {
  const dispatchers = makeDispatchers(options)
  const { proxied } = dispatchers

  const send = (request: TransportRequest, listener: UpstreamListener): Exchange => {
    const { exchange, handler, isDone, notSent } = exchangeOf(listener)
    // Listeners are never called before `send` has returned.
    queueMicrotask(() => {
      if (isDone()) return
      let dispatcher: Dispatcher
      try {
        dispatcher = dispatchers.current()
      } catch (error) {
        notSent(error)
        return
      }
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
        handler,
      )
    })
    return exchange
  }

  return { send, close: dispatchers.close, destroy: dispatchers.destroy }
}
