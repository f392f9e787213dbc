/**
 * A whole box in the time of the test clock: real ledger, machines, cascade and gate over a log in memory and scripted
 * upstreams; the client is a recorder.
 */
import { Effect, Fiber, Layer } from 'effect'
import { runCascade } from '#actors/cascade.ts'
import * as ledger from '#actors/ledger.ts'
import { Ledger } from '#actors/ledger.ts'
import { openBox } from '#actors/open-box.ts'
import { type ClientResponse, EventLog, type HeaderList, type ReadEvent, Upstreams } from '#actors/ports.ts'
import { Timekeeper } from '#actors/timekeeper.ts'
import { modelId, providerId, requestId } from '#domain/ids.ts'
import { defaultBreaker, defaultPolicy, defaultTimeouts, type Policy, type ProviderPolicy } from '#domain/policy.ts'
import type { RecordedEvent } from '#domain/recorded-event.ts'
import { layerMemory } from '#infra/event-log/memory.ts'
import { type Move, scriptedUpstream } from '#test/scripted-upstream.ts'

/** What a client saw of one response. */
export interface SeenByClient {
  status: number | undefined
  headers: HeaderList
  text: string
  ended: boolean
  destroyed: boolean
}

export const recordingClient = (): ClientResponse & { readonly seen: SeenByClient } => {
  const seen: SeenByClient = { status: undefined, headers: [], text: '', ended: false, destroyed: false }
  const decoder = new TextDecoder()
  return {
    seen,
    started: () => seen.status !== undefined,
    start: (status, headers) => {
      seen.status ??= status
      seen.headers = headers
    },
    write: (bytes) => {
      if (seen.ended || seen.destroyed) throw new Error('a byte was written after the end')
      seen.text += decoder.decode(bytes)
      return true
    },
    onDrain: () => undefined,
    end: (last) => {
      if (seen.ended || seen.destroyed) throw new Error('the response was ended twice')
      if (last !== undefined) seen.text += decoder.decode(last)
      seen.ended = true
    },
    destroy: () => {
      if (seen.ended) throw new Error('the response was destroyed after its end')
      seen.destroyed = true
    },
  }
}

export const provider = (id: string, more: Partial<ProviderPolicy> = {}): ProviderPolicy => ({
  id: providerId(id),
  kind: 'anthropic',
  enabled: true,
  priority: 100,
  models: {},
  breaker: defaultBreaker,
  timeouts: defaultTimeouts,
  ...more,
})

export const policyOf = (providers: readonly ProviderPolicy[], more: Partial<Policy> = {}): Policy => ({
  ...defaultPolicy,
  ...more,
  providers,
})

export type Scripts = { readonly [provider: string]: (n: number) => readonly Move[] }

/** Opens a box whose providers follow the scripts; their order is the order of the priority strategy. */
export const openTestBox = (scripts: Scripts, more: Partial<Policy> = {}, providerMore: Partial<ProviderPolicy> = {}) =>
  Effect.gen(function* () {
    const context = yield* Effect.context<never>()
    const clock = yield* Effect.clockWith(Effect.succeed)
    const now = () => clock.currentTimeMillisUnsafe()
    const ids = Object.keys(scripts)
    const upstreams = new Map(
      ids.map((id) => [providerId(id), scriptedUpstream(id, context, (n) => scripts[id]?.(n) ?? [], now)]),
    )
    const services = yield* Layer.build(
      Timekeeper.layer.pipe(
        Layer.provideMerge(ledger.layer({ writer: 'w1' })),
        Layer.provideMerge(layerMemory()),
        Layer.merge(Layer.succeed(Upstreams, { get: (id) => upstreams.get(id) })),
      ),
    )
    const run = <A, E>(effect: Effect.Effect<A, E, Ledger | EventLog | Timekeeper | Upstreams>) =>
      Effect.provideContext(effect, services)
    yield* run(openBox({ policy: policyOf(ids.map((id) => provider(id, providerMore)), more), version: 'test' }))
    let count = 0

    /** Sends one request in a fiber of its own. */
    const send = (options: { readonly stream?: boolean; readonly model?: string; readonly body?: string } = {}) =>
      Effect.gen(function* () {
        count += 1
        const client = recordingClient()
        const model = options.model ?? 'claude-sonnet-5-5'
        const body = new TextEncoder().encode(options.body ?? JSON.stringify({ model, max_tokens: 100, messages: [] }))
        const id = requestId(`req_${String(count).padStart(4, '0')}`)
        const fiber = yield* Effect.forkChild(
          run(
            runCascade({
              admitted: {
                requestId: id,
                model: modelId(model),
                stream: options.stream ?? true,
                bodyBytes: body.length,
                messages: 1,
                tools: 0,
                images: 0,
              },
              request: { path: '/v1/messages', query: '', method: 'POST', headers: [], body },
              client,
              ownHeaders: [],
              cancelledBy: () => 'client',
            }),
          ),
        )
        return { id, seen: client.seen, done: Fiber.join(fiber), leave: Fiber.interrupt(fiber) }
      })

    const ledgerService = yield* run(Ledger)
    const timekeeper = yield* run(Timekeeper)
    const events = run(
      Effect.gen(function* () {
        yield* ledgerService.committed
        const log = yield* EventLog
        return yield* log.read({ after: 0, limit: 10_000 })
      }),
    )
    return { upstreams, run, send, ledger: ledgerService, timekeeper, events, now }
  })

export const known = (rows: readonly ReadEvent[]): readonly RecordedEvent[] =>
  rows.flatMap((row) => (row._tag === 'Known' ? [row.recorded] : []))

// ---- the Anthropic wire, as moves ----------------------------------------------------------------------------------

const frame = (event: string, data: object): string => `event: ${event}\ndata: ${JSON.stringify({ type: event, ...data })}\n\n`

export const wire = {
  start: (model = 'claude-sonnet-5-5') =>
    frame('message_start', {
      message: {
        id: 'msg_1',
        type: 'message',
        role: 'assistant',
        model,
        content: [],
        stop_reason: null,
        usage: { input_tokens: 10, output_tokens: 1, cache_read_input_tokens: 5, cache_creation_input_tokens: 0 },
      },
    }),
  block: frame('content_block_start', { index: 0, content_block: { type: 'text', text: '' } }),
  delta: (text: string) => frame('content_block_delta', { index: 0, delta: { type: 'text_delta', text } }),
  blockStop: frame('content_block_stop', { index: 0 }),
  finish: frame('message_delta', { delta: { stop_reason: 'end_turn', stop_sequence: null }, usage: { output_tokens: 7 } }),
  stop: frame('message_stop', {}),
  ping: frame('ping', {}),
  error: (type: string) => frame('error', { error: { type, message: type } }),
}

/** A whole good stream that names its provider in its text. */
export const goodStream = (text: string): string =>
  wire.start() + wire.block + wire.delta(text) + wire.blockStop + wire.finish + wire.stop

export const answers = {
  stream: (text: string, more: { readonly firstMs?: number; readonly gapMs?: number } = {}): readonly Move[] => [
    { connected: true },
    { wait: 10 },
    { headers: 200, list: [['content-type', 'text/event-stream'], ['request-id', `up_${text}`]] },
    { data: wire.start() },
    { wait: more.firstMs ?? 100 },
    { data: wire.block + wire.delta(text) },
    { wait: more.gapMs ?? 100 },
    { data: wire.blockStop + wire.finish + wire.stop },
    { end: true },
  ],
  error: (status: number, type: string, headers: HeaderList = []): readonly Move[] => [
    { connected: true },
    { wait: 10 },
    { headers: status, list: [['content-type', 'application/json'], ...headers] },
    { data: JSON.stringify({ type: 'error', error: { type, message: type } }) },
    { end: true },
  ],
  message: (text: string): readonly Move[] => [
    { connected: true },
    { wait: 200 },
    { headers: 200, list: [['content-type', 'application/json']] },
    {
      data: JSON.stringify({
        id: 'msg_1',
        type: 'message',
        role: 'assistant',
        model: 'claude-sonnet-5-5',
        content: [{ type: 'text', text }],
        stop_reason: 'end_turn',
        usage: { input_tokens: 10, output_tokens: 7 },
      }),
    },
    { end: true },
  ],
  refused: [{ fail: { _tag: 'Transport', code: 'ECONNREFUSED', connect: true } }] as readonly Move[],
  silent: [{ connected: true }] as readonly Move[],
}
