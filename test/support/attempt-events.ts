/**
 * Requests as lists of events, written by hand in tests about what they cost: each names only what it is about.
 */
import type { AttemptFailed, AttemptSucceeded, DomainEvent, RequestAdmitted } from '#domain/events.ts'
import { modelId, providerId, requestId } from '#domain/ids.ts'
import { noUsage, type Usage } from '#domain/usage.ts'
import { served } from '#test/generators.ts'

type Optional<E> = { readonly [K in keyof E]?: E[K] }

export const admitted = (id: string, more: Optional<RequestAdmitted> = {}): DomainEvent => ({
  _tag: 'RequestAdmitted',
  requestId: requestId(id),
  model: modelId('claude-sonnet-4-5'),
  stream: true,
  bodyBytes: 50_000,
  messages: 3,
  tools: 12,
  images: 0,
  draw: 0.5,
  ...more,
})

export const started = (id: string, attempt = 1, provider = 'alpha'): DomainEvent => ({
  _tag: 'AttemptStarted',
  requestId: requestId(id),
  attempt,
  provider: providerId(provider),
  model: modelId('claude-sonnet-4-5'),
})

export const succeeded = (id: string, usage: Optional<Usage>, more: Optional<AttemptSucceeded> = {}): DomainEvent => ({
  _tag: 'AttemptSucceeded',
  requestId: requestId(id),
  attempt: 1,
  provider: providerId('alpha'),
  model: modelId('claude-sonnet-4-5-20250929'),
  ...served,
  durationMs: 2_000,
  usage: { ...noUsage, ...usage },
  ...more,
})

export const failed = (id: string, more: Optional<AttemptFailed> = {}): DomainEvent => ({
  _tag: 'AttemptFailed',
  requestId: requestId(id),
  attempt: 1,
  provider: providerId('alpha'),
  model: modelId('claude-sonnet-4-5'),
  reason: { _tag: 'Transport', code: 'ECONNRESET', connect: false },
  stage: 'S2',
  durationMs: 2_000,
  draw: 0.5,
  ...more,
})

/** A request that its first provider served. */
export const served1 = (
  id: string,
  about: {
    readonly request?: Optional<RequestAdmitted>
    readonly usage?: Optional<Usage>
    readonly answer?: Optional<AttemptSucceeded>
  } = {},
): readonly DomainEvent[] => [
  admitted(id, about.request),
  started(id),
  succeeded(id, about.usage ?? { inputTokens: 10, outputTokens: 5 }, about.answer),
]
