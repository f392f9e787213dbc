/**
 * The official SDK and a plain socket through a whole box: what they get is what the provider says, and the log, the
 * metrics and a replay know of it.
 */
import Anthropic from '@anthropic-ai/sdk'
import { describe, expect, it } from '@effect/vitest'
import { Effect } from 'effect'
import * as refusals from '#infra/simulator/refusals.ts'
import { answer, type Entry, errorEvent, type StatusStep } from '#infra/simulator/script.ts'
import { patient, startBox } from '#test/server.ts'
import { bodyOf, callBody, eventNames, rawCall, startProviders } from '#test/simulator.ts'
import { header, send } from './http-client.ts'

const call = { model: 'claude-opus-5-5', max_tokens: 500, messages: [{ role: 'user' as const, content: 'hi' }] }
const clientAt = (baseURL: string) => new Anthropic({ baseURL, apiKey: 'a-key', maxRetries: 0 })

const thinkingAndTools = answer([
  { type: 'thinking', thinking: 'A simulated plan.', signature: 'c2lnbmF0dXJl' },
  { type: 'text', text: 'Grüße 👋🏽 from a simulator.' },
  {
    type: 'tool_use',
    id: 'toolu_01AAAAAAAAAAAAAAAAAAAAAA',
    name: 'Read',
    input: { file_path: '/a/"b".ts', limit: 10 },
  },
])

/** A provider with a box in front of it. */
const setUp = (script: readonly Entry[] = []) =>
  Effect.gen(function* () {
    const { sim } = yield* startProviders({ sim: { script } })
    const box = yield* startBox({ providers: { sim: { url: sim.url, ...patient } } })
    return { sim, box, straight: clientAt(sim.url), through: clientAt(box.url) }
  })

const failureOf = (run: () => Promise<unknown>): Effect.Effect<unknown> =>
  Effect.promise(() =>
    run().then(
      () => undefined,
      (error: unknown) => error,
    ),
  )

const everyRefusal: readonly (readonly [string, StatusStep])[] = [
  ['400', refusals.invalidRequest('messages: field required')],
  ['401', refusals.badKey()],
  ['403', refusals.refusalOfType('permission_error')],
  ['404', refusals.unknownModel('claude-nothing')],
  ['413', refusals.bodyTooLarge()],
  ['429', refusals.refusalOfType('rate_limit_error')],
  ['500', refusals.refusalOfType('api_error')],
  ['529', refusals.refusalOfType('overloaded_error')],
]

describe('the official SDK through Signalbox', () => {
  it.live('reads a streamed answer and a whole one as it does straight from the provider', () =>
    Effect.gen(function* () {
      const { straight, through, box } = yield* setUp([{ times: 4, step: thinkingAndTools }])
      const streamed = yield* Effect.promise(() => through.messages.stream(call).finalMessage())
      const whole = yield* Effect.promise(() => through.messages.create(call))
      const streamedStraight = yield* Effect.promise(() => straight.messages.stream(call).finalMessage())
      const wholeStraight = yield* Effect.promise(() => straight.messages.create(call))
      const comparable = (message: Anthropic.Message) => ({ ...message, id: '' })
      expect(streamed.content.map((block) => block.type)).toEqual(['thinking', 'text', 'tool_use'])
      expect(comparable(streamed)).toEqual(comparable(streamedStraight))
      expect(comparable(whole)).toEqual(comparable(wholeStraight))
      const succeeded = (yield* box.events).flatMap(({ event }) => (event._tag === 'AttemptSucceeded' ? [event] : []))
      expect(succeeded.map((event) => event.usage.outputTokens)).toEqual([
        streamed.usage.output_tokens,
        whole.usage.output_tokens,
      ])
      expect(succeeded.map((event) => event.stopReason)).toEqual(['tool_use', 'tool_use'])
    }),
  )

  it.live.each(everyRefusal)('throws the same error as straight from the provider: %s', ([status, step]) =>
    Effect.gen(function* () {
      const { sim } = yield* startProviders({ sim: { script: [{ times: 4, step }] } })
      // The client's own key is the one that is refused; each call has a box that is well.
      const credential = { _tag: 'Client' } as const
      for (const stream of [true, false]) {
        const box = yield* startBox({ providers: { sim: { url: sim.url, credential } } })
        const run = (client: Anthropic) => failureOf(() => client.messages.create({ ...call, stream }))
        const [direct, proxied] = [yield* run(clientAt(sim.url)), yield* run(clientAt(box.url))]
        if (!(direct instanceof Anthropic.APIError) || !(proxied instanceof Anthropic.APIError))
          throw new Error('no error')
        expect(proxied.constructor).toBe(direct.constructor)
        expect(proxied.status).toBe(Number(status))
        const comparable = (error: unknown) => ({ ...(error as object), request_id: '' })
        expect(comparable(proxied.error)).toEqual(comparable(direct.error))
        expect(proxied.requestID).toBe(sim.requests.at(-1)?.requestId)
      }
    }),
  )

  it.live('throws the same error in the middle of a stream', () =>
    Effect.gen(function* () {
      const { straight, through } = yield* setUp([{ times: 2, step: errorEvent(6, 'overloaded_error') }])
      const run = (client: Anthropic) => failureOf(() => client.messages.stream(call).finalMessage())
      const [direct, proxied] = [yield* run(straight), yield* run(through)]
      expect(direct).toBeInstanceOf(Anthropic.APIError)
      expect((proxied as Error).constructor).toBe((direct as Error).constructor)
      expect((proxied as { error?: unknown }).error).toEqual((direct as { error?: unknown }).error)
    }),
  )

  it.live('counts tokens, lists models and finds one', () =>
    Effect.gen(function* () {
      const { straight, through, box } = yield* setUp()
      const { max_tokens: _, ...question } = call
      const counts = (client: Anthropic) => Effect.promise(() => client.messages.countTokens(question))
      expect(yield* counts(through)).toEqual(yield* counts(straight))
      const ids = (client: Anthropic) =>
        Effect.promise(async () => (await client.models.list({ limit: 1_000 })).data.map(({ id }) => id))
      expect(yield* ids(through)).toEqual(yield* ids(straight))
      const one = (client: Anthropic, id: string) => Effect.promise(() => client.models.retrieve(id))
      const [id = ''] = yield* ids(straight)
      expect(yield* one(through, id)).toEqual(yield* one(straight, id))
      expect(yield* failureOf(() => through.models.retrieve('claude-nothing'))).toBeInstanceOf(Anthropic.NotFoundError)
      expect((yield* box.events).some(({ correlation }) => correlation !== undefined)).toBe(false)
    }),
  )
})

describe('a plain socket through Signalbox', () => {
  it.live('streams; metrics, log and replay show the request', () =>
    Effect.gen(function* () {
      const { box } = yield* setUp()
      const answered = yield* Effect.promise(() => rawCall(box.port, callBody({ stream: true })))
      expect(answered.how).toBe('end')
      const names = eventNames(bodyOf(answered.text))
      expect([names[0], names.at(-1)]).toEqual(['message_start', 'message_stop'])
      const id = /x-signalbox-request-id: (\S+)/i.exec(answered.text)?.[1]
      const mine = (yield* box.events).filter(({ correlation }) => correlation === id)
      expect(mine.map(({ event }) => event._tag)).toEqual([
        'RequestAdmitted',
        'RouteChosen',
        'AttemptStarted',
        'AttemptSucceeded',
      ])
      const metrics = yield* send(box.port, { method: 'GET', path: '/metrics', headers: [] })
      expect(metrics.body.toString()).toMatch(/^signalbox_requests_total\{[^}]*model="claude-opus-5-5"[^}]*\} 1$/m)
      expect(yield* box.replayDifference).toBeUndefined()
    }),
  )

  it.live('gets the request id of the provider, the name of who served, and a length', () =>
    Effect.gen(function* () {
      const { sim, box } = yield* setUp()
      const answered = yield* send(box.port, { body: callBody() })
      expect(answered.status).toBe(200)
      expect(header(answered, 'request-id')).toBe(sim.requests[0]?.requestId)
      expect(header(answered, 'x-signalbox-provider')).toBe('sim')
      expect(header(answered, 'x-signalbox-model')).toBe('claude-opus-5-5')
      expect(header(answered, 'x-signalbox-attempts')).toBe('1')
      expect(header(answered, 'content-length')).toBe(String(answered.body.length))
    }),
  )
})
