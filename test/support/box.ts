/**
 * A whole box in the time of the test clock: real ledger, machines, cascade and gate over a log in memory and scripted
 * upstreams; the client is a recorder.
 */
import { Effect, Fiber, Layer, type Scope } from 'effect'
import { runCascade } from '#actors/cascade.ts'
import type { Cluster } from '#actors/cluster.ts'
import * as ledger from '#actors/ledger.ts'
import { Ledger } from '#actors/ledger.ts'
import { openBox } from '#actors/open-box.ts'
import { Permits } from '#actors/permits.ts'
import {
  type ClientResponse,
  EventLog,
  type HeaderList,
  type ReadEvent,
  type Upstream,
  Upstreams,
} from '#actors/ports.ts'
import { shareLog } from '#actors/share-log.ts'
import type { Spool } from '#actors/spool.ts'
import { Timekeeper } from '#actors/timekeeper.ts'
import { modelId, type ProviderId, providerId, requestId } from '#domain/ids.ts'
import { defaultBreaker, defaultPolicy, defaultTimeouts, type Policy, type ProviderPolicy } from '#domain/policy.ts'
import type { RecordedEvent } from '#domain/recorded-event.ts'
import { layerMemory } from '#infra/event-log/memory.ts'
import { type Move, scriptedUpstream } from '#test/scripted-upstream.ts'

/** What a client saw of one response; times are epoch ms of the test clock. */
export interface SeenByClient {
  status: number | undefined
  headers: HeaderList
  readonly text: string
  readonly bytes: Uint8Array
  ended: boolean
  destroyed: boolean
  /** Of the status and of every write. */
  readonly heardAt: number[]
  endedAt: number | undefined
}

export interface ClientOptions {
  readonly now?: () => number
  /** Called when the response is complete, before anything else happens. */
  readonly onEnd?: () => void
  /** After every so many writes the client is busy until `drain` calls its argument. */
  readonly slow?: { readonly everyWrites: number; readonly drain: (done: () => void) => void }
}

export const recordingClient = (
  options: ClientOptions = {},
): ClientResponse & { readonly seen: SeenByClient; readonly leave: () => void } => {
  const pieces: Uint8Array[] = []
  const now = options.now ?? (() => 0)
  let writes = 0
  let gone = false
  let onDrain: (() => void) | undefined
  const seen: SeenByClient = {
    status: undefined,
    headers: [],
    get bytes() {
      return new Uint8Array(Buffer.concat(pieces))
    },
    get text() {
      return Buffer.concat(pieces).toString()
    },
    ended: false,
    destroyed: false,
    heardAt: [],
    endedAt: undefined,
  }
  return {
    seen,
    /** From here on the connection is gone: nothing is heard any more. */
    leave: () => {
      gone = true
    },
    started: () => seen.status !== undefined,
    start: (status, headers) => {
      if (seen.status !== undefined) return
      seen.status = status
      seen.headers = headers
      if (!gone) seen.heardAt.push(now())
    },
    write: (bytes) => {
      if (gone) return true
      if (seen.ended || seen.destroyed) throw new Error('a byte was written after the end')
      if (seen.status === undefined) throw new Error('a byte was written before the status')
      pieces.push(bytes)
      seen.heardAt.push(now())
      writes += 1
      const { slow } = options
      if (slow === undefined || writes % slow.everyWrites !== 0) return true
      slow.drain(() => onDrain?.())
      return false
    },
    onDrain: (listener) => {
      onDrain = listener
    },
    end: (last) => {
      if (gone) return
      if (seen.ended || seen.destroyed) throw new Error('the response was ended twice')
      if (seen.status === undefined) throw new Error('the response was ended before its status')
      if (last !== undefined) pieces.push(last)
      seen.ended = true
      seen.endedAt = now()
      options.onEnd?.()
    },
    destroy: () => {
      if (gone) return
      if (seen.ended) throw new Error('the response was destroyed after its end')
      seen.destroyed = true
      seen.endedAt = now()
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
  // The tests that say nothing of scores say in which order the providers stand.
  routing: { ...defaultPolicy.routing, strategy: 'priority' },
  ...more,
  providers,
})

export type Scripts = { readonly [provider: string]: (n: number) => readonly Move[] }

export interface LifeOptions {
  /** Unique per life on one log. */
  readonly writer: string
  readonly log: Layer.Layer<EventLog>
  readonly upstream: (id: ProviderId) => Upstream | undefined
  readonly policy: Policy
  readonly commits?: { readonly groupMs: number; readonly lingerMs: number }
  /** Stands between the box and its ledger. */
  readonly spy?: (ledger: Ledger['Service']) => Ledger['Service']
  /** It shares its log with others through this. */
  readonly shared?: { readonly cluster: Layer.Layer<Cluster, never, EventLog>; readonly spool?: Spool['Service'] }
}

/** One process: from its start on a log to the end of the scope. Several of them may follow each other on one log. */
export const startLife = (options: LifeOptions) =>
  Effect.gen(function* () {
    const spied = Layer.effect(Ledger, Effect.map(Ledger, options.spy ?? ((ledger) => ledger))).pipe(
      Layer.provide(
        ledger.layer({
          writer: options.writer,
          ...options.commits,
          ...(options.shared && { shared: { version: 'test', spool: options.shared.spool } }),
        }),
      ),
    )
    const services = yield* Layer.build(
      Timekeeper.layer.pipe(
        Layer.provideMerge(spied),
        Layer.provideMerge(options.log),
        Layer.merge(Layer.succeed(Upstreams, { get: options.upstream })),
      ),
    )
    const clock = yield* Effect.clockWith(Effect.succeed)
    const provided = <A, E>(effect: Effect.Effect<A, E, Ledger | EventLog | Timekeeper | Upstreams | Scope.Scope>) =>
      Effect.provideContext(effect, services)
    const sharing =
      options.shared &&
      (yield* provided(
        shareLog({ name: options.writer, version: 'test', whileAway: 'granted' }).pipe(
          Effect.provide(options.shared.cluster),
        ),
      ))
    const run = <A, E>(effect: Effect.Effect<A, E, Ledger | EventLog | Timekeeper | Upstreams>) =>
      Effect.provideContext(Effect.provideService(effect, Permits, sharing?.permits), services)
    const opened = yield* run(openBox({ policy: options.policy, version: 'test' }))

    /** Sends one request in a fiber of its own. */
    const send = (request: {
      readonly id: string
      readonly client: ClientResponse
      readonly stream?: boolean
      readonly model?: string
      readonly body?: string
      readonly maxTokens?: number
      readonly sessionId?: string
      readonly cancelledBy?: () => 'client' | 'shutdown'
    }) => {
      const model = request.model ?? 'claude-sonnet-5-5'
      const body = new TextEncoder().encode(request.body ?? JSON.stringify({ model, max_tokens: 100, messages: [] }))
      return Effect.forkScoped(
        run(
          runCascade({
            admitted: {
              requestId: requestId(request.id),
              model: modelId(model),
              stream: request.stream ?? true,
              ...(request.maxTokens === undefined ? {} : { maxTokens: request.maxTokens }),
              ...(request.sessionId === undefined ? {} : { sessionId: request.sessionId }),
              bodyBytes: body.length,
              messages: 1,
              tools: 0,
              images: 0,
            },
            request: { path: '/v1/messages', query: '', method: 'POST', headers: [[REQUEST_HEADER, request.id]], body },
            client: request.client,
            ownHeaders: [],
            quotaHeaders: true,
            cancelledBy: request.cancelledBy ?? (() => 'client'),
          }),
        ),
      )
    }

    return {
      run,
      send,
      opened,
      now: () => clock.currentTimeMillisUnsafe(),
      membership: sharing?.membership,
      ledger: yield* run(Ledger),
      timekeeper: yield* run(Timekeeper),
    }
  })

/** Carries a request's id to the upstream, so that a recorded exchange tells whose it is. */
export const REQUEST_HEADER = 'x-test-request'

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
    const life = yield* startLife({
      writer: 'w1',
      log: layerMemory(),
      upstream: (id) => upstreams.get(id),
      policy: policyOf(
        ids.map((id) => provider(id, providerMore)),
        more,
      ),
    })
    let count = 0

    /** Sends one request in a fiber of its own. */
    const send = (
      options: {
        readonly stream?: boolean
        readonly model?: string
        readonly body?: string
        readonly maxTokens?: number
        readonly sessionId?: string
      } = {},
    ) =>
      Effect.gen(function* () {
        count += 1
        const client = recordingClient({ now })
        const id = requestId(`req_${String(count).padStart(4, '0')}`)
        const fiber = yield* life.send({ ...options, id, client })
        return { id, seen: client.seen, done: Fiber.join(fiber), leave: Fiber.interrupt(fiber) }
      })

    const events = life.run(
      Effect.gen(function* () {
        yield* life.ledger.committed
        const log = yield* EventLog
        return yield* log.read({ after: 0, limit: 10_000 })
      }),
    )
    return { upstreams, run: life.run, send, ledger: life.ledger, timekeeper: life.timekeeper, events, now }
  })

export const known = (rows: readonly ReadEvent[]): readonly RecordedEvent[] =>
  rows.flatMap((row) => (row._tag === 'Known' ? [row.recorded] : []))

// ---- the Anthropic wire, as moves ----------------------------------------------------------------------------------

const frame = (event: string, data: object): string =>
  `event: ${event}\ndata: ${JSON.stringify({ type: event, ...data })}\n\n`

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
  finish: frame('message_delta', {
    delta: { stop_reason: 'end_turn', stop_sequence: null },
    usage: { output_tokens: 7 },
  }),
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
    {
      headers: 200,
      list: [
        ['content-type', 'text/event-stream'],
        ['request-id', `up_${text}`],
      ],
    },
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
  /** The API's words for a value of `anthropic-beta` that it does not know. */
  refusedBeta: (beta: string): readonly Move[] => [
    { connected: true },
    { wait: 10 },
    { headers: 400, list: [['content-type', 'application/json']] },
    {
      data: JSON.stringify({
        type: 'error',
        error: {
          type: 'invalid_request_error',
          message: `Unexpected value(s) \`${beta}\` for the \`anthropic-beta\` header. Please consult our documentation or try again without the header.`,
        },
      }),
    },
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
