/**
 * An upstream that speaks the Anthropic Messages API: the client's bytes and headers go through, save the credential, the
 * headers of the connection, and what a body edit changed before. Header names, beta values and body fields are open lists:
 * what is not named here passes.
 */
import { Effect, Exit, Redacted } from 'effect'
import type { Exchange, HeaderList, Upstream, UpstreamListener, UpstreamRequest } from '#actors/ports.ts'
import { classifyAnthropic, classifyAnthropicEvent } from '#domain/dialect/classify-anthropic.ts'
import type { FailureReason } from '#domain/failure.ts'
import type { ProviderId } from '#domain/ids.ts'
import { HOP_BY_HOP } from '#infra/upstream/hop-by-hop.ts'
import type { Transport } from '#infra/upstream/transport.ts'

/** A credential ready to be sent, or the client's own. */
export type UpstreamCredential =
  | { readonly _tag: 'Client' }
  | { readonly _tag: 'None' }
  | {
      readonly _tag: 'Held'
      readonly header: 'x-api-key' | 'bearer'
      /** Fails when the reference cannot be resolved; the error names the reference, never the value. */
      readonly secret: Effect.Effect<Redacted.Redacted<string>, { readonly message: string }>
      /** The upstream refused it: read it anew next time. */
      readonly invalidate: () => void
    }

export interface AnthropicOptions {
  readonly id: ProviderId
  /** Without a trailing slash; a path prefix is kept. */
  readonly baseUrl: string
  readonly credential: UpstreamCredential
  /** Additional headers of the configuration; they replace the client's of the same name. */
  readonly headers: HeaderList
  readonly transport: Transport
}

/** Headers of the client that end here: connection, framing, proxies in front of us, and our own. */
const NEVER_FORWARDED = new Set([
  ...HOP_BY_HOP,
  'host',
  'expect',
  'accept-encoding',
  'cookie',
  'forwarded',
  'via',
  'x-real-ip',
])

const forwarded = (name: string): boolean =>
  !NEVER_FORWARDED.has(name) && !name.startsWith('x-forwarded-') && !name.startsWith('x-signalbox-')

const decoder = new TextDecoder()

export const anthropicUpstream = (options: AnthropicOptions): Upstream => {
  const { credential, transport } = options
  const basePath = new URL(options.baseUrl).pathname.replace(/\/+$/, '')
  const replaced = new Set(options.headers.map(([name]) => name))
  const fixed = [...options.headers.flat(), 'accept-encoding', 'identity']
  const whose = credential._tag === 'Client' ? 'client' : 'gateway'

  const headersFor = (request: UpstreamRequest, secret: string | undefined): string[] => {
    // Headers that the client's Connection header names are hop-by-hop too.
    const connection = request.headers.flatMap(([name, value]) =>
      name === 'connection' ? value.toLowerCase().split(/\s*,\s*/) : [],
    )
    const headers: string[] = []
    for (const [name, value] of request.headers) {
      if (!forwarded(name) || replaced.has(name) || connection.includes(name)) continue
      if ((name === 'authorization' || name === 'x-api-key') && whose === 'gateway') continue
      headers.push(name, value)
    }
    headers.push(...fixed)
    if (secret !== undefined && credential._tag === 'Held') {
      if (credential.header === 'bearer') headers.push('authorization', `Bearer ${secret}`)
      else headers.push('x-api-key', secret)
    }
    return headers
  }

  const send = (request: UpstreamRequest, secret: string | undefined, listener: UpstreamListener): Exchange =>
    transport.send(
      {
        method: request.method,
        path: `${basePath}${request.path}${request.query}`,
        headers: headersFor(request, secret),
        body: request.body,
      },
      listener,
    )

  const open = (request: UpstreamRequest, listener: UpstreamListener): Exchange => {
    if (credential._tag !== 'Held') return send(request, undefined, listener)
    // A credential that is at hand costs no turn of the event loop.
    const resolving = Effect.runFork(credential.secret)
    const known = resolving.pollUnsafe()
    if (known !== undefined && Exit.isSuccess(known)) return send(request, Redacted.value(known.value), listener)
    let aborted = false
    let exchange: Exchange | undefined
    resolving.addObserver((exit) => {
      if (aborted) return
      if (Exit.isSuccess(exit)) exchange = send(request, Redacted.value(exit.value), listener)
      else {
        queueMicrotask(() => {
          if (!aborted) listener.fail({ _tag: 'CredentialRefused', whose: 'gateway' })
        })
      }
    })
    return {
      resume: () => exchange?.resume(),
      abort: () => {
        aborted = true
        exchange?.abort()
      },
    }
  }

  const noteRefusal = (reason: FailureReason): void => {
    if (reason._tag === 'CredentialRefused' && credential._tag === 'Held') credential.invalidate()
  }

  return {
    id: options.id,
    open,
    classify: (status, headers, body, at) => {
      const reason = classifyAnthropic(status, headers, decoder.decode(body), at, whose)
      if (reason !== undefined) noteRefusal(reason)
      return reason
    },
    classifyStreamError: (data) => {
      const reason = classifyAnthropicEvent(data, whose)
      noteRefusal(reason)
      return reason
    },
  }
}
