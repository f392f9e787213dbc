/**
 * The recorded exchanges of the real clients: every byte of a request reaches the provider, every byte of an answer
 * reaches the client, however the network cuts them.
 */
import { describe, expect, it } from '@effect/vitest'
import { Effect } from 'effect'
import fc from 'fast-check'
import type { HeaderList } from '#actors/ports.ts'
import { raw } from '#infra/simulator/script.ts'
import { type CapturedExchange, type CapturedResponse, loadCaptures } from '#test/captures.ts'
import { patient, startBox } from '#test/server.ts'
import { callBody, startProviders } from '#test/simulator.ts'
import { type Answer, header, send } from './http-client.ts'

/** What belongs to one connection, or is said of the message anew by each hop. */
const HOP = /^(host|connection|keep-alive|content-length|transfer-encoding|accept-encoding|date)$/i
const endToEnd = (headers: HeaderList): readonly string[] =>
  headers.filter(([name]) => !HOP.test(name)).map(([name, value]) => `${name.toLowerCase()}: ${value}`)

interface Case {
  readonly name: string
  readonly exchange: CapturedExchange
  readonly response: CapturedResponse
}

/** Exchanges on the paths that pass through, one for each pair of a body and an answer. */
const cases = (): readonly Case[] => {
  const seen = new Set<string>()
  return loadCaptures().flatMap(({ name, exchanges }) =>
    exchanges.flatMap((exchange) => {
      const { response, method, path, n } = exchange
      const [bare] = path.split('?')
      if (response === undefined || response.ending === 'clientLeft' || method !== 'POST') return []
      if (bare !== '/v1/messages' && bare !== '/v1/messages/count_tokens') return []
      const key = `${exchange.body.toString('base64')} ${response.status} ${response.body.toString().replaceAll(/mock_\d+/g, '')}`
      if (seen.has(key)) return []
      seen.add(key)
      return [{ name: `${name} ${n}`, exchange, response }]
    }),
  )
}
const all = cases()

/** A box whose provider answers a call that says `x-case: k` with the k-th recorded answer, cut as it says. */
const setUp = (
  answers: readonly { readonly response: CapturedResponse; readonly sizes?: number | readonly number[] }[],
) =>
  Effect.gen(function* () {
    const { sim } = yield* startProviders({
      sim: {
        models: [...new Set(all.map(({ exchange }) => String(JSON.parse(exchange.body.toString()).model)))],
        keepRequests: 2_000,
        script: answers.flatMap(({ response, sizes }, k) =>
          ['/v1/messages', '/v1/messages/count_tokens'].map((path) => ({
            when: { path, headers: { 'x-case': String(k) } },
            step: raw(response.body, {
              status: response.status,
              headers: response.headers,
              ...(sizes === undefined ? {} : { pace: { bytesPerWrite: sizes } }),
              ...(response.ending === 'reset'
                ? { fault: { _tag: 'Drop', at: { bytes: response.body.length }, how: 'reset' } }
                : {}),
            }),
          })),
        ),
      },
    })
    // With the client's own key, which the recorded headers hold.
    const provider = { url: sim.url, credential: { _tag: 'Client' }, breaker: patient.breaker } as const
    const open = startBox({ providers: { sim: provider }, retryBudget: patient.retryBudget })
    return { sim, box: yield* open, open }
  })

const ask = (port: number, { exchange }: Case, k: number): Effect.Effect<Answer> =>
  send(port, {
    path: exchange.path,
    headers: [...exchange.headers, ['x-case', String(k)]],
    body: exchange.body,
  })

/** Whether the client may take the answer for a complete one: a stream has said so itself, or the message just ended. */
const endsWell = ({ ending, body }: CapturedResponse): boolean =>
  body.includes('event: message_start') ? /^event: (message_stop|error)$/m.test(body.toString()) : ending === 'complete'

const expectSame = (answer: Answer, { response }: Case): void => {
  expect(answer.status).toBe(response.status)
  expect(answer.body.equals(response.body)).toBe(true)
  expect(answer.ending).toBe(endsWell(response) ? 'complete' : 'broken')
  const got = endToEnd(answer.headers)
  for (const line of endToEnd(response.headers)) expect(got).toContain(line)
}

describe('the recorded exchanges', () => {
  it('are there', () => {
    expect(all.length).toBeGreaterThan(40)
  })

  it.live('pass unchanged in both directions', () =>
    Effect.gen(function* () {
      const { sim, box, open } = yield* setUp(all)
      for (const [k, one] of all.entries()) {
        // A recorded limit takes the provider out; the next exchange needs a box that has not heard of it.
        const { port } = one.response.status < 400 ? box : yield* open
        const answer = yield* ask(port, one, k)
        const arrived = sim.requests.find(({ headers }) =>
          headers.some(([name, value]) => name === 'x-case' && value === String(k)),
        )
        if (arrived === undefined) throw new Error(`${one.name} did not arrive: ${answer.status} ${answer.body}`)
        expect(arrived.method).toBe('POST')
        expect(arrived.path).toBe(one.exchange.path)
        expect(arrived.body.equals(one.exchange.body)).toBe(true)
        expect(endToEnd(arrived.headers)).toEqual([...endToEnd(one.exchange.headers), `x-case: ${k}`])
        expectSame(answer, one)
      }
      expect(yield* box.replayDifference).toBeUndefined()
    }),
  )

  const good = all.filter(({ response }) => response.status === 200)

  it.live('come through in pieces of any size', () =>
    Effect.gen(function* () {
      const pieces = fc.sample(
        fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 5, maxLength: 40 }),
        good.length * 2,
      )
      const asked = pieces.map((sizes, i) => ({ one: good[i % good.length] as Case, sizes }))
      const { box } = yield* setUp(asked.map(({ one, sizes }) => ({ response: one.response, sizes })))
      yield* Effect.forEach(
        asked,
        ({ one, sizes }, k) =>
          Effect.map(ask(box.port, one, k), (answer) => {
            try {
              expectSame(answer, one)
            } catch (error) {
              throw new Error(`${one.name} in pieces of ${sizes}: ${String(error)}`)
            }
          }),
        { concurrency: 4 },
      )
    }),
  )

  it.live('come through byte by byte', () =>
    Effect.gen(function* () {
      const short = good.filter(({ response }, n) => n % 4 === 0 && response.body.length < 3_000)
      expect(short.length).toBeGreaterThan(5)
      const { box } = yield* setUp(short.map(({ response }) => ({ response, sizes: 1 })))
      yield* Effect.forEach(short, (one, k) => Effect.map(ask(box.port, one, k), (answer) => expectSame(answer, one)), {
        concurrency: 4,
      })
    }),
  )

  it.live('come through cut once, at every byte', () =>
    Effect.gen(function* () {
      const text = Object.entries({
        message_start: ',"message":{}',
        content_block_start: '',
        content_block_delta: ',"delta":{}',
        message_delta: ',"delta":{"stop_reason":"end_turn"}',
        message_stop: '',
      })
        .map(([type, more]) => `event: ${type}\ndata: {"type":"${type}"${more}}\n\n`)
        .join('')
      const short: Case = {
        name: 'a short stream',
        exchange: { ...(all[0] as Case).exchange, body: Buffer.from(JSON.stringify(callBody({ stream: true }))) },
        response: {
          status: 200,
          headers: [['content-type', 'text/event-stream']],
          body: Buffer.from(text),
          ending: 'complete',
        },
      }
      const cuts = Array.from({ length: text.length - 1 }, (_, i) => [i + 1, text.length])
      const { box } = yield* setUp(cuts.map((sizes) => ({ response: short.response, sizes })))
      yield* Effect.forEach(
        cuts,
        (_, k) => Effect.map(ask(box.port, short, k), (answer) => expectSame(answer, short)),
        { concurrency: 8 },
      )
    }),
  )

  it.live('are not touched when the model is mapped, save for its name', () =>
    Effect.gen(function* () {
      const one = all.find(({ name }) => name === 'flow-simple-text 1') as Case
      const { sim } = yield* startProviders({ sim: { models: ['other-model'] } })
      const box = yield* startBox({ providers: { sim: { url: sim.url, models: { 'claude-*': 'other-model' } } } })
      const answer = yield* send(box.port, {
        path: one.exchange.path,
        headers: one.exchange.headers,
        body: one.exchange.body,
      })
      expect(answer.status).toBe(200)
      expect(header(answer, 'x-signalbox-model')).toBe('other-model')
      const sent = one.exchange.body.toString()
      const { model } = JSON.parse(sent) as { readonly model: string }
      expect(sim.requests[0]?.body.toString()).toBe(sent.replace(`"model":"${model}"`, '"model":"other-model"'))
    }),
  )
})
