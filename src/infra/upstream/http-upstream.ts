/**
 * One provider over HTTP: its wires make the call and translate the answer, the credential is added, the transport sends.
 * The credential goes to the provider's own origin only, which the transport is bound to; redirects are not followed.
 */
import { Effect, Exit, Redacted } from 'effect'
import type {
  Exchange,
  HeaderList,
  Upstream,
  UpstreamAnswer,
  UpstreamListener,
  UpstreamRequest,
} from '#actors/ports.ts'
import { CURRENT_CLAUDE_MODELS } from '#domain/claude-models.ts'
import { errorAnswer, errorBody } from '#domain/dialect/anthropic-error.ts'
import { classifyAnswer } from '#domain/dialect/classify-answer.ts'
import { classifyAnthropic, classifyAnthropicEvent } from '#domain/dialect/classify-anthropic.ts'
import { readLimits } from '#domain/dialect/limit-headers.ts'
import { readChatError } from '#domain/dialect/openai/read-error.ts'
import { refusedFeatures } from '#domain/dialect/refused-features.ts'
import type { FailureReason } from '#domain/failure.ts'
import type { ProviderId } from '#domain/ids.ts'
import { matchesModel } from '#domain/model-map.ts'
import { anthropicWire } from '#infra/upstream/anthropic-wire.ts'
import { chatWire } from '#infra/upstream/chat-wire.ts'
import type { UpstreamCredential } from '#infra/upstream/credential.ts'
import { withHeaders } from '#infra/upstream/forwarded-headers.ts'
import type { Profile, Retirement } from '#infra/upstream/profile.ts'
import type { Transport } from '#infra/upstream/transport.ts'
import type { Outgoing, Preparation, Prepared, TranslationControl, Wire } from '#infra/upstream/wire.ts'

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
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** Of an error body so much is read; more is not an error message. */
const MAX_CLASSIFIED_BYTES = 64 * 1024

/** Bodies up to this size are prepared at once; larger ones in steps, between which others run. */
const AT_ONCE_BYTES = 256 * 1024

export const httpUpstream = (options: HttpUpstreamOptions): Upstream => {
  const { id, profile, credential, transport, now } = options
  const basePath = new URL(options.baseUrl).pathname.replace(/\/+$/, '')
  const whose = credential._tag === 'Client' ? 'client' : 'gateway'
  const wireFor = wires(options)

  const send = (outgoing: Outgoing, secret: string | undefined, listener: UpstreamListener): Exchange => {
    let exchange: Exchange | undefined
    const control: TranslationControl = { now, after: options.after, abort: () => exchange?.abort() }
    const headers = withHeaders(outgoing.headers, options.headers).flat()
    headers.push('accept-encoding', 'identity')
    if (secret !== undefined && credential._tag === 'Held') {
      if (credential.header === 'bearer') headers.push('authorization', `Bearer ${secret}`)
      else headers.push(credential.header, secret)
    }
    exchange = transport.send(
      {
        method: outgoing.body === null ? 'GET' : 'POST',
        path: `${basePath}${outgoing.path}`,
        headers,
        body: outgoing.body,
      },
      outgoing.translate === undefined ? listener : outgoing.translate(listener, control),
    )
    return exchange
  }

  const dispatch = (prepared: Prepared, listener: UpstreamListener, sent: (exchange: Exchange) => void): void => {
    // Listeners are never called before `open` has returned.
    const fail = (reason: FailureReason, answer?: UpstreamAnswer): void =>
      queueMicrotask(() => listener.fail(reason, answer))
    if (prepared._tag === 'Refused') {
      fail({ _tag: 'FeatureRefused', features: [] }, refusedAnswer(prepared.message))
      return
    }
    if (credential._tag !== 'Held') {
      sent(send(prepared, undefined, listener))
      return
    }
    // A credential that is at hand costs no turn of the event loop.
    const resolving = Effect.runFork(credential.secret)
    const use = (exit: Exit.Exit<Redacted.Redacted<string>, unknown>): void => {
      if (Exit.isSuccess(exit)) sent(send(prepared, Redacted.value(exit.value), listener))
      else fail({ _tag: 'CredentialRefused', whose: 'gateway' })
    }
    const known = resolving.pollUnsafe()
    if (known === undefined) resolving.addObserver(use)
    else use(known)
  }

  const open = (request: UpstreamRequest, listener: UpstreamListener): Exchange => {
    let aborted = false
    let exchange: Exchange | undefined
    const guarded = unlessAborted(listener, () => aborted)
    const sent = (started: Exchange): void => {
      exchange = started
      if (aborted) started.abort()
    }
    const preparation = wireFor(request).prepare(request)
    const inSteps = (request.body?.length ?? 0) > AT_ONCE_BYTES
    const run = (): void => {
      if (aborted) return
      const step = inSteps ? preparation.next() : atOnce(preparation)
      if (step.done === true) dispatch(step.value, guarded, sent)
      else setImmediate(run)
    }
    if (inSteps) setImmediate(run)
    else run()
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
      const refusal = classify(answer, at, whose, profile)
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

/** What OpenRouter refuses by `wrong_endpoint`: the model is to be asked in the other dialect. */
const MESSAGES_ENDPOINT = 'endpoint:messages'

const atOnce = (preparation: Preparation): IteratorReturnResult<Prepared> => {
  for (;;) {
    const step = preparation.next()
    if (step.done === true) return step
  }
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

const classify = (
  answer: UpstreamAnswer,
  at: number,
  whose: 'client' | 'gateway',
  profile: Profile,
): { readonly reason: FailureReason; readonly answer: UpstreamAnswer } => {
  const { status, headers } = answer
  const body = decoder.decode(answer.body.subarray(0, MAX_CLASSIFIED_BYTES))
  const passes = profile.dialect === 'anthropic' && profile.errors === 'pass'
  const found = passes
    ? { reason: classifyAnthropic(status, headers, body, at, whose) ?? ({ _tag: 'Unknown', status } as const) }
    : (classifyAnswer(status, headers, body, at, whose) ?? { reason: { _tag: 'Unknown', status } as const })
  const wrongEndpoint =
    profile.dialect === 'anthropic' && profile.chat !== undefined && readChatError(body).words.has('wrong_endpoint')
  const features = wrongEndpoint ? [MESSAGES_ENDPOINT] : refusedFeatures(status, body)
  const reason: FailureReason =
    features.length > 0 ? { _tag: 'FeatureRefused', status, features } : ownLimit(found.reason, profile)
  if (reason._tag === 'Retired' && profile.retired !== undefined) {
    return { reason, answer: retiredAnswer(profile.retired) }
  }
  const raised = 'raised' in found ? found.raised : undefined
  return {
    reason,
    answer:
      raised === undefined
        ? answer
        : { status: raised.status, headers: raised.headers, body: encoder.encode(raised.body) },
  }
}

/** A foreign model's window says nothing of the others': a larger provider may serve what does not fit there. */
const ownLimit = (reason: FailureReason, profile: Profile): FailureReason =>
  reason._tag === 'ContextTooLong' && (profile.dialect === 'openai' || profile.foreignThinking)
    ? { ...reason, limit: 'provider' }
    : reason

const own = (answer: { readonly status: number; readonly headers: HeaderList }, body: string): UpstreamAnswer => ({
  status: answer.status,
  headers: [['content-type', 'application/json'], ...answer.headers],
  body: encoder.encode(body),
})

const refusedAnswer = (message: string): UpstreamAnswer => {
  const answer = errorAnswer.invalidRequest(message)
  return own(answer, errorBody(answer, ''))
}

const retiredAnswer = ({ since, successors }: Retirement): UpstreamAnswer => {
  const answer = errorAnswer.hopeless(
    `The service was retired on ${since}; its answer is permanent, whatever its text says. Use instead: ${successors}.`,
  )
  return own(answer, errorBody(answer, ''))
}
