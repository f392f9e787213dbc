/**
 * What a client calls a model is its own affair: any text is a name. It reaches the provider as it is, is told in a header as
 * far as a header can, and is never a provider's fault.
 */
import { describe, expect, it } from '@effect/vitest'
import { Effect } from 'effect'
import { startBox } from '#test/server.ts'
import { callBody } from '#test/simulator.ts'
import { place } from '../infra/config/place.ts'
import { httpServer } from '../infra/upstream/loopback.ts'
import { header, send } from './http-client.ts'

/** The name, and how the header writes it. */
const NAMES: readonly (readonly [string, string])[] = [
  ['模型', '%E6%A8%A1%E5%9E%8B'],
  ['a\nX-Injected: 1', 'a%0AX-Injected: 1'],
  ['a\u0000b', 'a%00b'],
  ['\u001b]0;title\u0007', '%1B]0;title%07'],
  // Half a character, which no encoding has a place for.
  ['half \ud83c', 'half %EF%BF%BD'],
  ['__proto__', '__proto__'],
  ['../../admin?x=1#y', '../../admin?x=1#y'],
]

const MESSAGE = {
  type: 'message',
  id: 'msg_1',
  role: 'assistant',
  model: 'm',
  content: [],
  stop_reason: 'end_turn',
  usage: {},
}
const STREAM = ['message_start', 'message_delta', 'message_stop']
  .map((type) => {
    const data = { type, message: { ...MESSAGE, stop_reason: null }, delta: { stop_reason: 'end_turn' } }
    return `event: ${type}\ndata: ${JSON.stringify(data)}\n\n`
  })
  .join('')

/** Has every model that it is asked for. */
const provider = Effect.promise(async () => {
  const server = await httpServer((_request, response) => {
    const { stream, max_tokens } = JSON.parse(server.seen.at(-1)?.body.toString() ?? '{}')
    if (stream === true) response.writeHead(200, { 'content-type': 'text/event-stream' }).end(STREAM)
    else response.writeHead(200).end(JSON.stringify(max_tokens === undefined ? { input_tokens: 1 } : MESSAGE))
  })
  return server
})

describe('a model by the name', () => {
  it.live.each(NAMES)('%j is asked for, whatever the size of the request', ([model, told]) =>
    Effect.gen(function* () {
      const first = yield* provider
      const box = yield* startBox({ providers: { first: { url: first.origin } } })
      for (const stream of [false, true]) {
        // Long bodies are prepared in turns of the event loop of their own.
        for (const system of ['short', 'x'.repeat(300_000)]) {
          const got = yield* send(box.port, { body: callBody({ model, stream, system }) })
          expect([got.status, got.ending]).toEqual([200, 'complete'])
          expect(header(got, 'x-signalbox-model')).toBe(told)
          expect(header(got, 'x-injected')).toBeUndefined()
          expect(JSON.parse(first.seen.at(-1)?.body.toString() ?? '')).toMatchObject({ model })
        }
      }
      const counted = yield* send(box.port, { path: '/v1/messages/count_tokens', body: { model, messages: [] } })
      expect(counted.status).toBe(200)
      const tags = (yield* box.events).map(({ event }) => event._tag)
      expect(tags.filter((tag) => tag === 'AttemptSucceeded')).toHaveLength(4)
      expect(tags).not.toContain('AttemptFailed')
      expect(yield* box.replayDifference).toBeUndefined()
    }),
  )

  it.live('of half a character stands in a path too', () =>
    Effect.gen(function* () {
      const first = yield* provider
      const here = place({
        'signalbox.yaml': `providers: { cloud: { kind: vertex, baseUrl: '${first.origin}', project: p, location: global, credential: none, models: { '*': '*' } } }`,
      })
      const box = yield* startBox({ config: here.good() })
      for (const system of ['short', 'x'.repeat(300_000)]) {
        const got = yield* send(box.port, { body: callBody({ model: 'half \ud83c', system }) })
        expect(got.status).toBe(200)
      }
      expect(first.seen.map(({ url }) => url).join()).toContain('half%20%EF%BF%BD')
    }),
  )
})
