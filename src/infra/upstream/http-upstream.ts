/**
 * One provider over HTTP: its wires make the call and translate the answer, the credential is added, the transport sends.
 * The credential goes to the provider's own origin only, which the transport is bound to; redirects are not followed.
 */
import { Cause, Effect, Exit, Option, Redacted } from 'effect'
import type {
  Exchange,
  HeaderList,
  Upstream,
  UpstreamAnswer,
  UpstreamListener,
  UpstreamRequest,
} from '#actors/ports.ts'
import { CURRENT_CLAUDE_MODELS } from '#domain/claude-models.ts'
import { classifyAnthropicEvent } from '#domain/dialect/classify-anthropic.ts'
import { readLimits } from '#domain/dialect/limit-headers.ts'
import type { FailureReason } from '#domain/failure.ts'
import type { ProviderId } from '#domain/ids.ts'
import { matchesModel } from '#domain/model-map.ts'
import { anthropicWire } from '#infra/upstream/anthropic-wire.ts'
import { chatWire } from '#infra/upstream/chat-wire.ts'
import type { CredentialFailure, UpstreamCredential } from '#infra/upstream/credential.ts'
import { withHeaders } from '#infra/upstream/forwarded-headers.ts'
import type { Profile } from '#infra/upstream/profile.ts'
import { MESSAGES_ENDPOINT, readRefusal, refusedAnswer } from '#infra/upstream/read-refusal.ts'
import { makeWatchToken } from '#infra/upstream/taken-back.ts'
import type { Transport } from '#infra/upstream/transport.ts'
import type { Outgoing, Preparation, Prepared, TranslationControl, Wire } from '#infra/upstream/wire.ts'
import { withoutEcho } from '#infra/upstream/without-echo.ts'

export interface HttpUpstreamOptions {
  readonly id: ProviderId
  readonly profile: Profile
  /** Without a trailing slash; a path prefix is kept. */
  readonly baseUrl: string
  readonly credential: UpstreamCredential
  /** Additional headers of the configuration; they replace those of the same name. */
  readonly headers: HeaderList
  readonly transport: Transport
  readonly now: TranslationControl['now']
  readonly after: TranslationControl['after']
  /** A request could not be made of what the client sent: a bug of ours. Absent: nobody wants to know. */
  readonly onBug?: ((error: unknown) => void) | undefined
}

/** Bodies up to this size are prepared at once; larger ones in steps, between which others run. */
const AT_ONCE_BYTES = 256 * 1024

const NOT_PREPARED: Prepared = { _tag: 'Refused', message: 'The request could not be prepared for the provider.' }

const heard = (listener: UpstreamListener, secret: string | undefined): UpstreamListener =>
  secret === undefined ? listener : withoutEcho(listener, secret)

export const httpUpstream = (options: HttpUpstreamOptions): Upstream => {
  const { id, profile, credential, transport, now } = options
  const basePath = new URL(options.baseUrl).pathname.replace(/\/+$/, '')
  const whose = credential._tag === 'Client' ? 'client' : 'gateway'
  const wireFor = wires(options)
  const watchToken = credential._tag === 'Held' && credential.renews ? makeWatchToken(credential.invalidate) : undefined

  const send = (outgoing: Outgoing, secret: string | undefined, listener: UpstreamListener): Exchange => {
    let exchange: Exchange | undefined
    const control: TranslationControl = { now, after: options.after, abort: () => exchange?.abort() }
    // A translated error is one only behind the translation.
    const told = heard(listener, secret)
    const headers: string[] = []
    for (const [name, value] of withHeaders(outgoing.headers, options.headers)) headers.push(name, value)
    headers.push('accept-encoding', 'identity')
    if (secret !== undefined && credential._tag === 'Held') {
      if (credential.header === 'bearer') headers.push('authorization', `Bearer ${secret}`)
      else headers.push(credential.header, secret)
    }
    const listening = outgoing.translate === undefined ? told : heard(outgoing.translate(told, control), secret)
    exchange = transport.send(
      {
        method: outgoing.body === null ? 'GET' : 'POST',
        path: `${basePath}${outgoing.path}`,
        headers,
        body: outgoing.body,
      },
      secret === undefined || watchToken === undefined
        ? listening
        : watchToken(secret, listening, () => exchange?.abort()),
    )
    return exchange
  }

  const dispatch = (
    prepared: Prepared,
    listener: UpstreamListener,
    call: { readonly aborted: () => boolean; readonly sent: (exchange: Exchange) => void },
  ): void => {
    // Listeners are never called before `open` has returned.
    const fail = (reason: FailureReason, answer?: UpstreamAnswer): void =>
      queueMicrotask(() => listener.fail(reason, answer))
    if (prepared._tag === 'Refused') {
      fail({ _tag: 'FeatureRefused', features: [] }, refusedAnswer(prepared.message))
      return
    }
    if (credential._tag !== 'Held') {
      call.sent(send(prepared, undefined, listener))
      return
    }
    // A credential that is at hand costs no turn of the event loop.
    const resolving = Effect.runFork(credential.secret)
    const use = (exit: Exit.Exit<Redacted.Redacted<string>, CredentialFailure>): void => {
      if (call.aborted()) return
      if (Exit.isSuccess(exit)) call.sent(send(prepared, Redacted.value(exit.value), listener))
      else fail(withoutCredential(exit.cause))
    }
    const known = resolving.pollUnsafe()
    if (known === undefined) resolving.addObserver(use)
    else use(known)
  }

  const open = (request: UpstreamRequest, listener: UpstreamListener): Exchange => {
    let aborted = false
    let exchange: Exchange | undefined
    const guarded = unlessAborted(listener, () => aborted)
    const call = {
      aborted: () => aborted,
      sent: (started: Exchange): void => {
        exchange = started
      },
    }
    prepare(request, call, (prepared) => dispatch(prepared, guarded, call))
    return {
      resume: () => exchange?.resume(),
      abort: () => {
        aborted = true
        exchange?.abort()
      },
    }
  }

  /** Apart from what lives as long as the exchange, so that nothing of it stays. */
  const prepare = (
    request: UpstreamRequest,
    call: { readonly aborted: () => boolean },
    use: (prepared: Prepared) => void,
  ): void => {
    const preparation = traced(wireFor(request).prepare(request), request.trace)
    const inSteps = (request.body?.length ?? 0) > AT_ONCE_BYTES
    const run = (): void => {
      if (call.aborted()) return
      let prepared: Prepared | undefined
      try {
        const step = preparation.next()
        prepared = step.done === true ? step.value : undefined
      } catch (error) {
        // In a turn of the event loop of its own nobody would catch it: it would end the process.
        options.onBug?.(error)
        prepared = NOT_PREPARED
      }
      if (prepared !== undefined) use(prepared)
      else if (inSteps) setImmediate(run)
      else run()
    }
    if (inSteps) setImmediate(run)
    else run()
  }

  const noteRefusal = (reason: FailureReason): void => {
    if (reason._tag === 'CredentialRefused' && credential._tag === 'Held') credential.invalidate()
  }

  return {
    id,
    counts: profile.paths.countTokens !== undefined,
    models:
      profile.lists === 'claude'
        ? CURRENT_CLAUDE_MODELS.filter((model) => !model.retired).map((model) => ({
            id: model.id,
            displayName: model.displayName,
          }))
        : profile.paths.models === undefined
          ? []
          : undefined,
    open,
    readLimits: (headers, at) =>
      readLimits(
        headers,
        at,
        profile.requestsHeaderWindow === undefined ? {} : { requestsHeaderWindow: profile.requestsHeaderWindow },
      ),
    classify: (answer, at) => {
      if (answer.status >= 200 && answer.status < 300) return undefined
      const refusal = readRefusal(answer, at, whose, profile)
      noteRefusal(refusal.reason)
      return refusal
    },
    classifyStreamError: (data) => {
      const reason = classifyAnthropicEvent(data, whose)
      noteRefusal(reason)
      return reason
    },
  }
}

/** Adds the headers of the trace to what goes out. */
const traced = function* (preparation: Preparation, trace: UpstreamRequest['trace']): Preparation {
  const prepared = yield* preparation
  if (trace === undefined || prepared._tag === 'Refused') return prepared
  return { ...prepared, headers: [...prepared.headers, ...trace] }
}

/** Most providers have one wire; some ask a few of their models in the other dialect. */
const wires = ({ id, profile, credential }: HttpUpstreamOptions): ((request: UpstreamRequest) => Wire) => {
  if (profile.dialect === 'openai') {
    const wire = chatWire(id, profile)
    return () => wire
  }
  const wire = anthropicWire({ id, profile, ownCredential: credential._tag === 'Client' })
  if (profile.chat === undefined) return () => wire
  const { models } = profile.chat
  const chat = chatWire(id, profile.chat.profile)
  return ({ target }) =>
    target !== undefined &&
    (target.without.includes(MESSAGES_ENDPOINT) || models.some((pattern) => matchesModel(pattern, target.model)))
      ? chat
      : wire
}

const unlessAborted = (listener: UpstreamListener, aborted: () => boolean): UpstreamListener => ({
  connected: () => {
    if (!aborted()) listener.connected()
  },
  headers: (status, headers) => {
    if (!aborted()) listener.headers(status, headers)
  },
  data: (chunk) => (aborted() ? true : listener.data(chunk)),
  end: () => {
    if (!aborted()) listener.end()
  },
  fail: (reason, answer) => {
    if (!aborted()) listener.fail(reason, answer)
  },
})

/** Who issues it may be away for a moment: that passes as a lost connection does, and nobody has refused anything. */
const withoutCredential = (cause: Cause.Cause<CredentialFailure>): FailureReason =>
  Option.getOrUndefined(Cause.findErrorOption(cause))?.isPassing === true
    ? { _tag: 'Transport', code: 'CREDENTIAL_UNREACHABLE', connect: true }
    : { _tag: 'CredentialRefused', whose: 'gateway' }
