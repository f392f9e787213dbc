import { describe, expect, it } from '@effect/vitest'
import type { FinalAnswer } from '#actors/final-answer.ts'
import type { ClientResponse, HeaderList } from '#actors/ports.ts'
import { answerHeaders, type Served, sendFinal } from '#actors/respond.ts'
import { errorAnswer } from '#domain/dialect/anthropic-error.ts'
import { eventData, eventName } from '#domain/dialect/sse-fields.ts'
import { cutFrames, frameCutter } from '#domain/dialect/sse-frames.ts'
import { modelId, providerId, requestId } from '#domain/ids.ts'

const served: Served = { requestId: requestId('req_ours') }
const whole: Served = { ...served, provider: providerId('vertex'), model: modelId('claude-x'), attempts: 2 }

/** A client that remembers; `early` when its headers went out before. */
const client = (early = false) => {
  const got = { status: early ? 200 : 0, headers: [] as HeaderList, text: '', ended: 0, destroyed: 0, started: early }
  const response: ClientResponse = {
    started: () => got.started,
    start: (status, headers) => {
      if (got.started) throw new Error('started twice')
      Object.assign(got, { status, headers, started: true })
    },
    write: (bytes) => {
      got.text += Buffer.from(bytes).toString()
      return true
    },
    onDrain: () => undefined,
    end: (last) => {
      got.text += Buffer.from(last ?? []).toString()
      got.ended++
    },
    destroy: () => {
      got.destroyed++
    },
  }
  return { got, response }
}

const values = (headers: HeaderList, name: string) => headers.filter(([key]) => key === name).map(([, value]) => value)

const upstream = (status: number, headers: HeaderList, body: string, hopeless = false): FinalAnswer => ({
  _tag: 'Upstream',
  reason: { _tag: 'Overloaded' },
  provider: providerId('vertex'),
  answer: { status, headers, body: Buffer.from(body) },
  hopeless,
})
const own = (answer = errorAnswer.overloaded('Nobody is there.', 5_000)): FinalAnswer => ({
  _tag: 'Own',
  reason: { _tag: 'Overloaded' },
  answer,
})

describe('the headers of an answer', () => {
  it("are the upstream's, then who served, then our own", () => {
    const theirs: HeaderList = [
      ['request-id', 'req_theirs'],
      ['set-cookie', 'a=1'],
      ['anthropic-ratelimit-unified-status', 'allowed'],
      ['set-cookie', 'b=2'],
    ]
    expect(answerHeaders(theirs, whole, [['x-simulation', 'true']])).toEqual([
      ...theirs,
      ['x-signalbox-request-id', 'req_ours'],
      ['x-signalbox-provider', 'vertex'],
      ['x-signalbox-model', 'claude-x'],
      ['x-signalbox-attempts', '2'],
      ['x-simulation', 'true'],
    ])
  })

  it('have a request id of ours only where there is none', () => {
    expect(values(answerHeaders([], served, []), 'request-id')).toEqual(['req_ours'])
    expect(values(answerHeaders([['request-id', 'x']], served, []), 'request-id')).toEqual(['x'])
  })

  it('name one server, also when the upstream is a Signalbox itself', () => {
    const headers = answerHeaders(
      [
        ['x-signalbox-provider', 'inner'],
        ['x-signalbox-attempts', '9'],
      ],
      whole,
      [],
    )
    expect(values(headers, 'x-signalbox-provider')).toEqual(['vertex'])
    expect(values(headers, 'x-signalbox-attempts')).toEqual(['2'])
  })
})

describe('a final answer before anything was sent', () => {
  it("is the upstream's status, headers and bytes", () => {
    const { got, response } = client()
    const body = '{ "type":"error",  "error":{"type":"not_found_error","message":"model: x"} }\n'
    sendFinal(
      response,
      upstream(
        404,
        [
          ['request-id', 'req_theirs'],
          ['x-should-retry', 'true'],
        ],
        body,
      ),
      served,
      [['x-simulation', 'true']],
    )
    expect(got.status).toBe(404)
    expect(got.text).toBe(body)
    expect(got.ended).toBe(1)
    expect(values(got.headers, 'request-id')).toEqual(['req_theirs'])
    expect(values(got.headers, 'x-should-retry')).toEqual(['true'])
    expect(values(got.headers, 'x-signalbox-provider')).toEqual(['vertex'])
    expect(values(got.headers, 'x-simulation')).toEqual(['true'])
  })

  it('stops the client where trying again is hopeless, whatever the upstream said', () => {
    const { got, response } = client()
    sendFinal(
      response,
      upstream(
        402,
        [
          ['x-should-retry', 'true'],
          ['x-a', '1'],
        ],
        '{}',
        true,
      ),
      served,
      [],
    )
    expect(values(got.headers, 'x-should-retry')).toEqual(['false'])
    expect(values(got.headers, 'x-a')).toEqual(['1'])
  })

  it('of our own is an Anthropic error with our request id', () => {
    const { got, response } = client()
    sendFinal(response, own(), served, [])
    expect(got.status).toBe(529)
    expect(JSON.parse(got.text)).toEqual({
      type: 'error',
      error: { type: 'overloaded_error', message: 'Nobody is there.' },
      request_id: 'req_ours',
    })
    expect(got.headers).toContainEqual(['content-type', 'application/json'])
    expect(got.headers).toContainEqual(['retry-after', '5'])
    expect(got.headers).toContainEqual(['x-should-retry', 'true'])
    expect(values(got.headers, 'request-id')).toEqual(['req_ours'])
  })
})

describe('a final answer after the headers went out', () => {
  /** What the client reads: exactly one error event. */
  const event = (final: FinalAnswer): unknown => {
    const { got, response } = client(true)
    sendFinal(response, final, served, [])
    expect(got.ended).toBe(1)
    const frames: Uint8Array[] = []
    const cutter = frameCutter()
    cutFrames(cutter, Buffer.from(got.text), (frame) => frames.push(frame))
    expect(cutter.size).toBe(0)
    expect(frames.map(eventName)).toEqual(['error'])
    return JSON.parse(eventData(frames[0] ?? new Uint8Array(0)))
  }
  const error = { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } }

  it('of our own is an error event', () => {
    expect(event(own())).toEqual({ type: 'error', error: { type: 'overloaded_error', message: 'Nobody is there.' } })
  })

  it('of an upstream is its body as an error event, on one line', () => {
    expect(event(upstream(529, [], JSON.stringify(error, null, 2)))).toEqual(error)
  })

  it('of a held stream is its own error event, without what was held before it', () => {
    const frame = `event: error\ndata: ${JSON.stringify(error)}\n\n`
    expect(event(upstream(200, [], `event: message_start\ndata: {"type":"message_start"}\n\n${frame}`))).toEqual(error)
    expect(event(upstream(200, [], frame.replace('event: ', 'event:')))).toEqual(error)
    expect(event(upstream(200, [], frame.replaceAll('\n', '\r\n')))).toEqual(error)
  })

  it('is not misled by the words in a message', () => {
    const quoting = { type: 'error', error: { type: 'api_error', message: 'saw "event: error" upstream' } }
    expect(event(upstream(500, [], JSON.stringify(quoting)))).toEqual(quoting)
  })

  it('of an upstream that cannot be read is an error of ours', () => {
    for (const body of ['<html>502</html>', '']) {
      expect(event(upstream(502, [], body))).toMatchObject({ type: 'error', error: { type: 'api_error' } })
    }
  })
})
