import { connect } from 'node:net'
import { describe, expect, it } from '@effect/vitest'
import { Effect } from 'effect'
import { type AnswerStep, answer, drop, errorEvent, refuseConnections, stall } from '#infra/simulator/script.ts'
import { startSimulator } from '#infra/simulator/simulator.ts'
import { bodyOf, callBody, eventNames, rawCall, startProviders } from '#test/simulator.ts'

const stream = callBody({ stream: true })
const saying = (length: number) => callBody({ messages: [{ role: 'user', content: 'x'.repeat(length) }] })
const post = (url: string, body: unknown, headers: Record<string, string> = {}) =>
  Effect.promise(() =>
    fetch(`${url}/v1/messages?beta=true`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    }),
  )
const jsonOf = (response: Response) =>
  Effect.promise(() => response.json() as Promise<{ readonly error: { readonly type: string } }>)

describe('a simulated provider', () => {
  it.live('streams every event of the API, named and in order', () =>
    Effect.gen(function* () {
      const { sim } = yield* startProviders({ sim: { script: [answer('twelve chars and more')] } })
      const { text, how } = yield* Effect.promise(() => rawCall(sim.port, stream))
      expect(how).toBe('end')
      expect(text).toMatch(/^HTTP\/1\.1 200 /)
      expect(eventNames(bodyOf(text))).toEqual([
        'message_start',
        'content_block_start',
        'ping',
        'content_block_delta',
        'content_block_delta',
        'content_block_stop',
        'message_delta',
        'message_stop',
      ])
    }),
  )

  it.live('records every request byte for byte, headers as sent', () =>
    Effect.gen(function* () {
      const { sim } = yield* startProviders({ sim: {} })
      const body = `  ${JSON.stringify(callBody({ odd: '\u00fc\ud83d\ude00', number: 1 }))}\n`
      yield* post(sim.url, body, { 'X-Odd': 'Va Lue', 'anthropic-beta': 'a,b' })
      const recorded = sim.requests[0]
      expect(recorded?.method).toBe('POST')
      expect(recorded?.path).toBe('/v1/messages?beta=true')
      expect(recorded?.body.equals(Buffer.from(body))).toBe(true)
      expect(recorded?.headers.find(([name]) => name.toLowerCase() === 'x-odd')?.[1]).toBe('Va Lue')
      const done = yield* sim.until((request) => request.endedAt !== undefined)
      expect(done.status).toBe(200)
      expect(done.abortedAt).toBeUndefined()
    }),
  )

  it.live('notices that the client has left, before headers and in the middle of a stream', () =>
    Effect.gen(function* () {
      const { sim } = yield* startProviders({ sim: { script: [stall('beforeHeaders'), stall({ events: 4 })] } })
      for (const nth of [1, 2]) {
        const socket = connect(sim.port, '127.0.0.1')
        const text = JSON.stringify(stream)
        socket.write(`POST /v1/messages HTTP/1.1\r\nHost: x\r\nContent-Length: ${text.length}\r\n\r\n${text}`)
        yield* sim.until(
          (request) => request.number === nth && (nth === 1 ? request.body.length > 0 : request.bytesSent > 0),
        )
        expect(sim.requests[nth - 1]?.abortedAt).toBeUndefined()
        socket.destroy()
        const left = yield* sim.until((request) => request.number === nth && request.abortedAt !== undefined)
        expect(left.endedAt).toBe(left.abortedAt)
      }
    }),
  )

  it.live('checks the key, wherever it is sent', () =>
    Effect.gen(function* () {
      const { sim } = yield* startProviders({ sim: { apiKeys: ['right'] } })
      const status = (headers: Record<string, string>) =>
        post(sim.url, callBody(), headers).pipe(Effect.map((response) => response.status))
      expect(yield* status({ 'x-api-key': 'right' })).toBe(200)
      expect(yield* status({ authorization: 'Bearer right' })).toBe(200)
      expect(yield* status({ 'x-api-key': 'wrong' })).toBe(401)
      expect(yield* status({ authorization: 'Bearer wrong' })).toBe(401)
      expect(yield* status({})).toBe(401)
      const refused = yield* post(sim.url, callBody(), { 'x-api-key': 'wrong' })
      expect(yield* jsonOf(refused)).toMatchObject({ type: 'error', error: { type: 'authentication_error' } })
    }),
  )

  it.live('answers HEAD /api/hello without a key, and 404 to what it does not know', () =>
    Effect.gen(function* () {
      const { sim } = yield* startProviders({ sim: { apiKeys: ['right'] } })
      const hello = yield* Effect.promise(() => fetch(`${sim.url}/api/hello`, { method: 'HEAD' }))
      expect(hello.status).toBe(200)
      const headers = { 'x-api-key': 'right' }
      const other = yield* Effect.promise(() => fetch(`${sim.url}/v2//%zz?a`, { headers }))
      expect(other.status).toBe(404)
    }),
  )

  it.live.each([
    ['that is not JSON', '{', 400, 'invalid_request_error'],
    ['that is no object', '[]', 400, 'invalid_request_error'],
    ['without a model', { max_tokens: 1, messages: [] }, 400, 'invalid_request_error'],
    ['without messages', callBody({ messages: [] }), 400, 'invalid_request_error'],
    ['with an unknown role', callBody({ messages: [{ role: 'tool', content: 'x' }] }), 400, 'invalid_request_error'],
    ['with a text for a number', callBody({ max_tokens: 'many' }), 400, 'invalid_request_error'],
    ['with an unknown model', callBody({ model: 'gpt-9' }), 404, 'not_found_error'],
    ['with a prompt too long', saying(1_200), 400, 'invalid_request_error'],
    ['too large', saying(20_000), 413, 'request_too_large'],
  ] as const)('refuses a body %s', ([, body, status, type]) =>
    Effect.gen(function* () {
      const { sim } = yield* startProviders({ sim: { maxInputTokens: 200, maxBodyBytes: 10_000 } })
      const response = yield* post(sim.url, body)
      expect(response.status).toBe(status)
      expect((yield* jsonOf(response)).error.type).toBe(type)
    }),
  )

  it.live('counts its limits in the headers and refuses what is above them, with a true retry-after', () =>
    Effect.gen(function* () {
      const limits = { requestsPerMinute: 2, inputTokensPerMinute: 50_000, outputTokensPerMinute: 5_000 }
      const { sim } = yield* startProviders({ sim: { limits } })
      const first = yield* post(sim.url, callBody())
      expect(first.headers.get('anthropic-ratelimit-requests-limit')).toBe('2')
      const second = yield* post(sim.url, callBody())
      expect(second.headers.get('anthropic-ratelimit-requests-remaining')).toBe('0')
      const third = yield* post(sim.url, callBody())
      expect(third.status).toBe(429)
      const wait = Number(third.headers.get('retry-after'))
      expect(wait).toBeGreaterThanOrEqual(1)
      expect(wait).toBeLessThanOrEqual(30)
      expect((yield* jsonOf(third)).error).toMatchObject({
        type: 'rate_limit_error',
        message: expect.stringContaining('of 2 requests per minute'),
      })
    }),
  )

  it.live('lets each script entry serve the requests it is for, then goes on by itself', () =>
    Effect.gen(function* () {
      const { sim } = yield* startProviders({
        sim: {
          script: [
            { when: { stream: true }, times: 2, step: answer('for streams') },
            { when: { headers: { 'x-mark': true } }, step: answer('marked') },
            { when: { nth: 2 }, step: answer('second') },
          ],
        },
      })
      const said = (body: object, headers = {}) =>
        post(sim.url, body, headers).pipe(Effect.flatMap((response) => Effect.promise(() => response.text())))
      expect(yield* said(callBody(), { 'x-mark': '1' })).toContain('marked')
      expect(yield* said(callBody())).toContain('second')
      expect(yield* said(stream)).toContain('for streams')
      expect(yield* said(stream)).toContain('for streams')
      expect(sim.scriptLeft()).toBe(0)
      expect(yield* said(stream)).toContain('"Simulated an"')
      sim.script([answer('added')])
      expect(yield* said(callBody())).toContain('added')
    }),
  )

  it.live('stays away while it refuses connections, and comes back on the same port', () =>
    Effect.gen(function* () {
      const { sim } = yield* startProviders({ sim: {} })
      const reachable = Effect.promise(() => rawCall(sim.port, callBody())).pipe(Effect.map(({ text }) => text !== ''))
      expect(yield* reachable).toBe(true)
      yield* sim.refuseConnections
      expect(yield* reachable).toBe(false)
      yield* sim.acceptConnections
      expect(yield* reachable).toBe(true)
      sim.script([refuseConnections(1)])
      expect(yield* reachable).toBe(false)
      yield* sim.acceptConnections
      expect(yield* reachable).toBe(true)
      yield* sim.close
      expect(yield* reachable).toBe(false)
    }),
  )

  it.live('says which port it cannot have', () =>
    Effect.gen(function* () {
      const { sim } = yield* startProviders({ sim: {} })
      const error = yield* Effect.flip(startSimulator({ id: 'late', port: sim.port }))
      expect(error).toMatchObject({ _tag: 'SimulatorError', id: 'late', port: sim.port, code: 'EADDRINUSE' })
    }),
  )
})

describe('a fault on a plain socket', () => {
  const text = 'A text that is long enough for a good number of deltas.'
  const whole = (port: number) => Effect.promise(() => rawCall(port, stream))
  const withFault = (step: AnswerStep): AnswerStep => ({ ...answer(text), ...step })

  it.live.each([
    ['reset', 'reset'],
    ['fin', 'end'],
  ] as const)('drops by %s after exactly five events', ([how, seen]) =>
    Effect.gen(function* () {
      const { sim } = yield* startProviders({ sim: { script: [withFault(drop({ events: 5 }, how))] } })
      const result = yield* whole(sim.port)
      expect(result.how).toBe(seen)
      expect(eventNames(bodyOf(result.text))).toHaveLength(5)
      expect(result.text.endsWith('0\r\n\r\n')).toBe(false)
    }),
  )

  it.live('ends cleanly, but without the rest', () =>
    Effect.gen(function* () {
      const { sim } = yield* startProviders({ sim: { script: [withFault(drop({ events: 5 }, 'cleanEnd'))] } })
      const result = yield* whole(sim.port)
      expect(eventNames(bodyOf(result.text))).toHaveLength(5)
      expect(result.text.endsWith('0\r\n\r\n')).toBe(true)
    }),
  )

  it.live.each([1, 37, 700])('cuts at byte %i', (bytes) =>
    Effect.gen(function* () {
      const { sim } = yield* startProviders({
        sim: { script: [answer(text), withFault(drop({ bytes }, 'fin')), answer(text, drop({ bytes }, 'fin'))] },
      })
      const complete = bodyOf((yield* whole(sim.port)).text)
      const cut = bodyOf((yield* whole(sim.port)).text)
      expect(Buffer.byteLength(cut)).toBe(bytes)
      // Ids differ from answer to answer; the first 60 bytes hold none.
      expect(cut.slice(0, 60)).toBe(complete.slice(0, Math.min(60, bytes)))
      const json = (yield* Effect.promise(() => rawCall(sim.port, callBody()))).text
      const full = Number(/content-length: (\d+)/.exec(json)?.[1])
      expect(Buffer.byteLength(bodyOf(json))).toBe(Math.min(bytes, full))
      expect(sim.requests.map((request) => request.bytesSent).slice(1)).toEqual([bytes, Math.min(bytes, full)])
    }),
  )

  it.live('drops before headers without a byte, and after headers with nothing but them', () =>
    Effect.gen(function* () {
      const { sim } = yield* startProviders({
        sim: { script: [drop('beforeHeaders'), drop('beforeHeaders', 'fin'), drop('afterHeaders')] },
      })
      expect(yield* whole(sim.port)).toEqual({ text: '', how: 'reset' })
      expect(yield* whole(sim.port)).toEqual({ text: '', how: 'end' })
      const headersOnly = yield* whole(sim.port)
      expect(headersOnly.how).toBe('reset')
      expect(headersOnly.text).toMatch(/^HTTP\/1\.1 200 /)
      expect(bodyOf(headersOnly.text)).toBe('')
    }),
  )

  it.live('stalls with pings for as long as it says, then goes on', () =>
    Effect.gen(function* () {
      const { sim } = yield* startProviders({
        sim: { script: [withFault(stall({ events: 5 }, { forMs: 50, pingEveryMs: 10 }))] },
      })
      const names = eventNames(bodyOf((yield* whole(sim.port)).text))
      expect(names.slice(5, 9)).toEqual(['ping', 'ping', 'ping', 'ping'])
      expect(names.at(-1)).toBe('message_stop')
      const [first, last] = [sim.requests[0]?.at, sim.requests[0]?.endedAt]
      expect((last ?? 0) - (first ?? 0)).toBeGreaterThanOrEqual(49)
    }),
  )

  it.live('stalls for ever, pinging, until the client leaves', () =>
    Effect.gen(function* () {
      const { sim } = yield* startProviders({ sim: { script: [withFault(stall({ events: 5 }, { pingEveryMs: 1 }))] } })
      const controller = new AbortController()
      const response = yield* Effect.promise(() =>
        fetch(`${sim.url}/v1/messages`, { method: 'POST', body: JSON.stringify(stream), signal: controller.signal }),
      )
      yield* Effect.promise(async () => {
        let seen = ''
        for await (const chunk of response.body!) {
          seen += Buffer.from(chunk)
          if (eventNames(seen).filter((name) => name === 'ping').length > 4) return controller.abort()
        }
      }).pipe(Effect.exit)
      yield* sim.until((request) => request.abortedAt !== undefined)
    }),
  )

  it.live('puts an error event where it says, and ends the stream', () =>
    Effect.gen(function* () {
      const { sim } = yield* startProviders({
        sim: {
          script: [errorEvent(0, 'overloaded_error'), errorEvent(4, 'api_error'), errorEvent(4, 'overloaded_error')],
        },
      })
      const first = bodyOf((yield* whole(sim.port)).text)
      expect(first).toBe(
        'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n',
      )
      const names = eventNames(bodyOf((yield* whole(sim.port)).text))
      expect(names).toHaveLength(5)
      expect(names.at(-1)).toBe('error')
      const notStreamed = yield* post(sim.url, callBody())
      expect(notStreamed.status).toBe(529)
    }),
  )
})
