/**
 * A made-up history of a box that has served many requests, four events each, as the ledger would have written them:
 * sessions of 40 requests, several models, two providers. The same arguments make the same events. Only the ids and the numbers vary; nothing fails, because a failure costs more events, not more at a boot.
 */
import type { DomainEvent } from '#domain/events.ts'
import { modelId, providerId, requestId } from '#domain/ids.ts'
import { defaultBreaker, defaultPolicy, defaultTimeouts } from '#domain/policy.ts'
import { type NewEvent, streamOf } from '#domain/recorded-event.ts'
import { PROVIDERS } from './signalbox.ts'

export interface HistoryOptions {
  readonly requests: number
  /** Epoch ms of the last request, and how long before it the first one came. */
  readonly endAt: number
  readonly spanMs: number
  /** Unique per log; the ids of requests depend on it. */
  readonly writer: string
  /** A log begins with a box that starts and takes its policy; a continuation does not. */
  readonly beginning: boolean
}

/** Batches in the order of the log. */
export function* history(options: HistoryOptions): Generator<readonly NewEvent[]> {
  const { requests, endAt, spanMs, writer } = options
  const draw = drawing(writer)
  const everyMs = spanMs / requests
  let writerSeq = 0
  const versions = new Map<string, number>()
  const record = (event: DomainEvent, occurredAt: number, causedByLast: boolean): NewEvent => {
    const stream = streamOf(event)
    const streamVersion = (versions.get(stream) ?? 0) + 1
    versions.set(stream, streamVersion)
    writerSeq += 1
    const correlation = 'requestId' in event ? { correlation: event.requestId } : {}
    const causation = causedByLast ? { causation: writerSeq - 1 } : {}
    return { event, stream, streamVersion, occurredAt, writer, writerSeq, ...correlation, ...causation }
  }

  let batch: NewEvent[] = []
  if (options.beginning) {
    const at = Math.round(endAt - spanMs)
    batch.push(record({ _tag: 'BoxStarted', instance: writer, version: '0.0.0' }, at, false))
    batch.push(record({ _tag: 'PolicyChanged', version: 1, policy }, at, false))
  }
  let sessionId = ''
  for (let n = 0; n < requests; n++) {
    if (n % SESSION_REQUESTS === 0) sessionId = uuid(draw)
    const at = Math.round(endAt - (requests - 1 - n) * everyMs)
    const id = requestId(`req_${characters(draw, BASE_62, 22)}`)
    const model = modelId(MODELS[Math.floor(draw() * MODELS.length)]!)
    const ttftMs = Math.round(400 + draw() * 3_000)
    const attempt = { requestId: id, attempt: 1, provider, model }
    const fresh = Math.floor(draw() * 2_000)
    versions.clear()
    batch.push(
      record(
        {
          _tag: 'RequestAdmitted',
          requestId: id,
          model,
          stream: true,
          maxTokens: 128_000,
          bodyBytes: 49_302 + Math.floor(draw() * 400_000),
          messages: 1 + Math.floor(draw() * 80),
          tools: 12,
          images: 0,
          sessionId,
          draw: draw(),
        },
        at,
        false,
      ),
      record(
        {
          _tag: 'RouteChosen',
          requestId: id,
          strategy: 'priority',
          policyVersion: 1,
          order: [...order],
          factors: { priority: [0, 1] },
          skipped: [],
          propensity: 1,
        },
        at,
        true,
      ),
      record({ _tag: 'AttemptStarted', ...attempt }, at + 1, false),
      record(
        {
          _tag: 'AttemptSucceeded',
          ...attempt,
          status: 200,
          usage: {
            inputTokens: Math.floor(draw() * 400),
            outputTokens: Math.floor(draw() * 2_000),
            cacheReadTokens: 12_000 + Math.floor(draw() * 80_000),
            cacheWrite5mTokens: fresh,
            cacheWrite1hTokens: 0,
          },
          stopReason: draw() < 0.8 ? 'tool_use' : 'end_turn',
          ttftMs,
          durationMs: ttftMs + Math.round(draw() * 20_000),
          responseBytes: 2_000 + Math.floor(draw() * 60_000),
          upstreamRequestId: `req_011C${characters(draw, BASE_62, 20)}`,
          costNanoUsd: Math.floor(draw() * 100_000_000),
        },
        at + 2,
        false,
      ),
    )
    if (batch.length >= BATCH_EVENTS) {
      yield batch
      batch = []
    }
  }
  if (batch.length > 0) yield batch
}

const SESSION_REQUESTS = 40
const BATCH_EVENTS = 20_000
const MODELS = ['claude-opus-5-5', 'claude-sonnet-5-5', 'claude-haiku-5-5']
const BASE_62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const HEX = BASE_62.slice(0, 10) + BASE_62.slice(36, 42)

const order = PROVIDERS.map(providerId)
const provider = providerId(PROVIDERS[0])

const policy = {
  ...defaultPolicy,
  routing: { ...defaultPolicy.routing, strategy: 'priority' as const },
  providers: order.map((id) => ({
    id,
    kind: 'anthropic-compatible',
    enabled: true,
    priority: 0,
    models: {},
    breaker: defaultBreaker,
    timeouts: defaultTimeouts,
  })),
}

/** Mulberry32 (public domain), seeded with a text: quick and repeatable, good enough for ids that must only differ. */
const drawing = (seed: string): (() => number) => {
  let state = 0
  for (const character of seed) state = (Math.imul(state, 31) + character.charCodeAt(0)) | 0
  return () => {
    state = (state + 0x6d2b_79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const characters = (draw: () => number, alphabet: string, count: number): string => {
  let text = ''
  for (let i = 0; i < count; i++) text += alphabet[Math.floor(draw() * alphabet.length)]
  return text
}

const uuid = (draw: () => number): string => [8, 4, 4, 4, 12].map((count) => characters(draw, HEX, count)).join('-')
