/**
 * The dry run: the decision of the live path for the same request, state and draw, and no trace of it.
 */
import { describe, expect, it } from '@effect/vitest'
import { Effect, Schema } from 'effect'
import fc from 'fast-check'
import { encodeState } from '#actors/gateway-state.ts'
import { explainRoute, type RouteExplanation } from '#actors/views/explanation.ts'
import { RequestAdmitted } from '#domain/events.ts'
import { STRATEGIES } from '#domain/policy.ts'
import { ask } from '#test/admin.ts'
import { startBox } from '#test/server.ts'
import { callBody, startProviders } from '#test/simulator.ts'
import { send } from '../../e2e/http-client.ts'

interface Answer {
  readonly at: number
  readonly request: { readonly [field: string]: unknown }
  readonly route: RouteExplanation
}

const price = (input: number) => ({
  '*': { input, output: 5 * input, cacheRead: input / 10, cacheWrite5m: 1.25 * input, cacheWrite1h: 2 * input },
})

const startThree = Effect.gen(function* () {
  const upstreams = yield* startProviders({ alpha: {}, beta: {}, gamma: {} })
  const box = yield* startBox({
    admin: {},
    routing: { strategy: 'intelligent', explorationShare: 0.2 },
    providers: {
      alpha: { url: upstreams.alpha.url, policy: { prices: price(10) } },
      beta: { url: upstreams.beta.url, policy: { prices: price(1) } },
      gamma: { url: upstreams.gamma.url, policy: { maxInputTokens: 10 } },
    },
  })
  return { box, upstreams }
})

type Box = Effect.Success<typeof startThree>['box']

const dryRun = (box: Box, json: object) =>
  Effect.map(ask(box, '/admin/route', { method: 'POST', json }), ({ body }) => body as Answer)

const HEADERS = ['content-type', 'x-claude-code-session-id', 'x-claude-code-agent-id', 'x-signalbox-strategy'] as const

const questions = fc.record({
  headers: fc.record(
    {
      'x-claude-code-session-id': fc.constantFrom('s-1', 's-2'),
      'x-claude-code-agent-id': fc.constantFrom('a-1', 'a-2'),
      'x-signalbox-strategy': fc.constantFrom(...STRATEGIES),
    },
    { requiredKeys: [] },
  ),
  request: fc
    .record({
      model: fc.constantFrom('claude-opus-5-5', 'claude-haiku-4-5'),
      text: fc.string({ maxLength: 2_000 }),
      tools: fc.nat(3),
      stream: fc.boolean(),
    })
    .map(({ model, text, tools, stream }) => ({
      model,
      stream,
      max_tokens: 64,
      messages: [{ role: 'user', content: text }],
      tools: Array.from({ length: tools }, (_, n) => ({ name: `tool_${n}`, input_schema: { type: 'object' } })),
    })),
  draw: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
})

describe('POST /admin/route', () => {
  it.live('answers the decision that the ledger then takes for the same request and draw', () =>
    Effect.gen(function* () {
      const { box } = yield* startThree
      // Some history, so that speeds, caches and reliability say something.
      for (let n = 0; n < 4; n++)
        yield* send(box.port, {
          body: callBody(),
          headers: [
            ['content-type', 'application/json'],
            ['x-claude-code-session-id', 's-1'],
          ],
        })
      const { weights } = box.ledger.state.policy.routing
      let count = 0
      yield* Effect.promise(() =>
        fc.assert(
          fc.asyncProperty(questions, (question) =>
            Effect.runPromise(
              Effect.gen(function* () {
                const { at, request, route } = yield* dryRun(box, question)
                // The answer's own reading of the request, as the log keeps it.
                const admitted = asAdmitted({
                  ...{ _tag: 'RequestAdmitted', requestId: `req_${count++}`, maxTokens: 64, draw: question.draw },
                  ...{ ...request, ...sessionOf(question.headers) },
                })
                const decisions = box.ledger.record(admitted, at)
                const decision = decisions.find(({ _tag }) => _tag === 'RouteChosen')
                expect(decision?._tag === 'RouteChosen' && explainRoute(decision, question.draw, weights)).toEqual(
                  route,
                )
                box.ledger.record(
                  { _tag: 'RequestCancelled', requestId: admitted.requestId, attempts: 0, by: 'client' },
                  at,
                )
              }),
            ),
          ),
          { numRuns: 60 },
        ),
      )
    }),
  )

  it.live('reads a request as the live path does', () =>
    Effect.gen(function* () {
      const { box } = yield* startThree
      yield* Effect.promise(() =>
        fc.assert(
          fc.asyncProperty(questions, ({ headers, request }) =>
            Effect.runPromise(
              Effect.gen(function* () {
                const tried = yield* dryRun(box, { request, headers })
                const sent = HEADERS.flatMap((name) => {
                  const value = name === 'content-type' ? 'application/json' : headers[name]
                  return value === undefined ? [] : [[name, value] as const]
                })
                const answer = yield* send(box.port, { headers: sent, body: request })
                const id = answer.headers.find(([name]) => name === 'x-signalbox-request-id')?.[1]
                const events = yield* box.events
                const live = events.find(
                  ({ event, correlation }) => event._tag === 'RequestAdmitted' && correlation === id,
                )
                const { kind: _kind, needs, ...read } = tried.request
                expect(live?.event).toMatchObject(read)
                expect(live?.event._tag === 'RequestAdmitted' && (live.event.needs ?? [])).toEqual(needs)
              }),
            ),
          ),
          { numRuns: 20 },
        ),
      )
    }),
  )

  it.live('sends nothing and records nothing', () =>
    Effect.gen(function* () {
      const { box, upstreams } = yield* startThree
      const before = { state: encodeState(box.ledger.state), events: (yield* box.events).length }
      for (let n = 0; n < 10; n++) yield* dryRun(box, callBody())
      expect({ state: encodeState(box.ledger.state), events: (yield* box.events).length }).toEqual(before)
      for (const upstream of Object.values(upstreams)) expect(upstream.requests).toEqual([])
    }),
  )

  it.live('tells who is left out and why', () =>
    Effect.gen(function* () {
      const { box } = yield* startThree
      const { route } = yield* dryRun(box, callBody({ messages: [{ role: 'user', content: 'word '.repeat(500) }] }))
      expect(route.candidates.map(({ provider }) => provider).toSorted()).toEqual(['alpha', 'beta'])
      expect(route.skipped).toEqual([{ provider: 'gamma', reason: 'inputTooLarge' }])
      expect(route.weights).toEqual(box.ledger.state.policy.routing.weights)
    }),
  )

  it.live.each([
    [{ model: 'm', messages: [] }, 'max_tokens: Field required'],
    [{ request: { model: 'm', messages: [] } }, 'max_tokens: Field required'],
    [[], 'The request body must be a JSON object'],
    [{ request: callBody(), headers: { 'X-Signalbox-Strategy': 'best' } }, 'is no strategy here'],
  ] as const)('refuses %j as the live path would', ([json, message]) =>
    Effect.gen(function* () {
      const { box } = yield* startThree
      const answer = yield* ask(box, '/admin/route', { method: 'POST', json })
      expect(answer.status).toBe(400)
      expect(answer.body).toMatchObject({
        error: { type: 'invalid_request', message: expect.stringContaining(message) },
      })
    }),
  )

  it.live('refuses what is no JSON, and what is larger than a request may be', () =>
    Effect.gen(function* () {
      const box = yield* startBox({ admin: {}, server: { bodyLimit: 1_000 } })
      const headers = { 'content-type': 'application/json' }
      expect((yield* ask(box, '/admin/route', { method: 'POST', headers })).body).toMatchObject({
        error: { type: 'invalid_request' },
      })
      const large = yield* ask(box, '/admin/route', { method: 'POST', json: callBody({ system: 'x'.repeat(2_000) }) })
      expect(large.status).toBe(413)
      expect(large.body).toMatchObject({ error: { type: 'too_large' } })
    }),
  )
})

const asAdmitted = Schema.decodeUnknownSync(RequestAdmitted)

const sessionOf = (headers: { readonly [name: string]: string | undefined }) => ({
  ...(headers['x-claude-code-session-id'] === undefined ? {} : { sessionId: headers['x-claude-code-session-id'] }),
  ...(headers['x-claude-code-agent-id'] === undefined ? {} : { agentId: headers['x-claude-code-agent-id'] }),
  ...(headers['x-signalbox-strategy'] === undefined ? {} : { strategy: headers['x-signalbox-strategy'] }),
})
