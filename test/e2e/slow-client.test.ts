/**
 * A client that reads slowly, or not at all for a while, holds its provider back; it never fills Signalbox's memory. One that takes nothing
 * for too long is let go.
 */
import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { describe, expect, it } from '@effect/vitest'
import { Effect } from 'effect'
import type { ServerTls } from '#http/listener.ts'
import { answer, raw } from '#infra/simulator/script.ts'
import { startBox } from '#test/server.ts'
import { callBody, startProviders } from '#test/simulator.ts'
import { makeAuthority } from '../infra/upstream/certificates.ts'
import { collect, send, start } from './http-client.ts'

const MB = 1024 * 1024
/** What two pairs of kernel buffers and the streams between them may hold, far below the whole. */
const ON_THE_WAY = 24 * MB

const event = (name: string, data: object): string =>
  `event: ${name}\ndata: ${JSON.stringify({ type: name, ...data })}\n\n`

const bigStream = (): Buffer => {
  const text = 'x'.repeat(16 * 1024)
  const message = {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model: 'claude-opus-5-5',
    content: [],
    usage: { input_tokens: 1, output_tokens: 1 },
  }
  return Buffer.from(
    [
      event('message_start', { message }),
      event('content_block_start', { index: 0, content_block: { type: 'text', text: '' } }),
      ...Array.from({ length: 3_600 }, () =>
        event('content_block_delta', { index: 0, delta: { type: 'text_delta', text } }),
      ),
      event('content_block_stop', { index: 0 }),
      event('message_delta', { delta: { stop_reason: 'end_turn', stop_sequence: null }, usage: { output_tokens: 2 } }),
      event('message_stop', {}),
    ].join(''),
  )
}

/** What it gets, of which nothing is read yet. */
const answering = (client: ReturnType<typeof start>) =>
  Effect.callback<Parameters<typeof collect>[0]>((resume) => {
    client.on('response', (got) => {
      got.pause()
      resume(Effect.succeed(got))
    })
  })

describe('a client that does not read', () => {
  it.live('pauses its provider, and gets everything when it reads again', () =>
    Effect.gen(function* () {
      const bytes = bigStream()
      expect(bytes.length).toBeGreaterThan(50 * MB)
      const { sim } = yield* startProviders({
        sim: { script: [{ step: raw(bytes, { pace: { bytesPerWrite: 64 * 1024 } }) }] },
      })
      // A pause is not a silence of the provider: limits far below the time it lasts.
      const box = yield* startBox({ providers: { sim: { url: sim.url, timeouts: { idleMs: 400, progressMs: 400 } } } })
      const client = start(box.port, { body: callBody({ stream: true }) })
      const response = yield* answering(client)
      const sent = () => sim.requests[0]?.bytesSent ?? 0
      // It stands still when nothing has moved for longer than the limits.
      const standstill = (before: number, since: number): Effect.Effect<number> =>
        Effect.suspend(() => {
          const now = Date.now()
          if (sent() !== before) return Effect.andThen(Effect.sleep(50), standstill(sent(), now))
          return now - since > 1_000
            ? Effect.succeed(before)
            : Effect.andThen(Effect.sleep(50), standstill(before, since))
        })
      const held = yield* standstill(-1, Date.now())
      expect(held).toBeLessThan(ON_THE_WAY)
      expect(sim.requests[0]?.endedAt).toBeUndefined()

      const whole = yield* Effect.promise(() => collect(response))
      expect(whole.ending).toBe('complete')
      expect(whole.body.equals(bytes)).toBe(true)
      const events = yield* box.events
      expect(events.at(-1)?.event).toMatchObject({ _tag: 'AttemptSucceeded', responseBytes: bytes.length })
    }),
  )
})

const SEND_TIMEOUT_MS = 500

describe('a client that takes nothing for as long as one may', () => {
  const authority = makeAuthority('Signalbox test authority')
  const { certificate: cert, key } = authority.issue('127.0.0.1')
  const tls: ServerTls = { current: () => ({ cert, key }), asksClients: false, onChange: () => undefined }

  /** A connection that asks for a stream, and reads nothing of it. */
  const deaf = (port: number, secure: boolean): Socket => {
    const socket = secure
      ? connectTls({ port, host: '127.0.0.1', ca: authority.certificate })
      : connect(port, '127.0.0.1')
    const body = JSON.stringify(callBody({ stream: true }))
    const head = ['POST /v1/messages HTTP/1.1', 'host: 127.0.0.1', 'content-type: application/json']
    socket.pause().on('error', () => undefined)
    socket.write(`${[...head, `content-length: ${body.length}`].join('\r\n')}\r\n\r\n${body}`)
    return socket
  }

  it.live.each([
    ['plain', false],
    ['with TLS', true],
  ] as const)('%s, counts as one that has left, and its provider is free', ([, secure]) =>
    Effect.gen(function* () {
      const { sim } = yield* startProviders({
        sim: { script: [{ step: raw(bigStream(), { pace: { bytesPerWrite: 64 * 1024 } }) }] },
      })
      const server = { sendTimeoutMs: SEND_TIMEOUT_MS, ...(secure ? { tls } : {}) }
      const box = yield* startBox({ providers: { sim: { url: sim.url } }, server })
      const socket = deaf(box.port, secure)
      yield* Effect.addFinalizer(() => Effect.sync(() => socket.destroy()))
      const { event } = yield* box.until(({ event: { _tag } }) => _tag === 'RequestCancelled')
      expect(event).toMatchObject({ by: 'client' })
      yield* sim.until(({ endedAt }) => endedAt !== undefined)
      expect(sim.requests[0]?.bytesSent).toBeLessThan(ON_THE_WAY)
      expect(box.server.active()).toBe(0)
      // What it finds when it looks at last is no end of an answer.
      const text = yield* Effect.promise(() => readAll(socket))
      expect(text).not.toContain('message_stop')
      expect(text.endsWith('0\r\n\r\n')).toBe(false)
    }),
  )

  it.live('is kept when it takes a little now and then', () =>
    Effect.gen(function* () {
      const bytes = bigStream()
      const { sim } = yield* startProviders({
        sim: { script: [{ step: raw(bytes, { pace: { bytesPerWrite: 64 * 1024 } }) }] },
      })
      const box = yield* startBox({ providers: { sim: { url: sim.url } }, server: { sendTimeoutMs: SEND_TIMEOUT_MS } })
      const response = yield* answering(start(box.port, { body: callBody({ stream: true }) }))
      let taken = 0
      let next = 0
      response.on('data', (chunk: Buffer) => {
        taken += chunk.length
        if (taken >= next) response.pause()
      })
      for (let n = 0; n < 20; n++) {
        yield* Effect.sleep(SEND_TIMEOUT_MS / 5)
        // Less, and the kernel at the other end might not even tell that something was taken.
        next = taken + MB
        response.resume()
      }
      expect(taken).toBeLessThan(bytes.length / 2)
      response.removeAllListeners('data')
      const rest = yield* Effect.promise(() => collect(response))
      expect([rest.ending, taken + rest.body.length]).toEqual(['complete', bytes.length])
    }),
  )

  it.live('is kept when there is nothing to take, because its provider is silent', () =>
    Effect.gen(function* () {
      const slow = answer('word', { pace: { eventsPerWrite: 3, betweenWritesMs: 3 * SEND_TIMEOUT_MS } })
      const { sim } = yield* startProviders({ sim: { script: [slow] } })
      const box = yield* startBox({ providers: { sim: { url: sim.url } }, server: { sendTimeoutMs: SEND_TIMEOUT_MS } })
      const got = yield* send(box.port, { body: callBody({ stream: true }) })
      expect(got.ending).toBe('complete')
    }),
  )
})

const readAll = (socket: Socket): Promise<string> =>
  new Promise((resolve) => {
    const chunks: Buffer[] = []
    socket.on('data', (chunk) => chunks.push(chunk))
    socket.on('close', () => resolve(Buffer.concat(chunks).toString('latin1')))
    socket.resume()
  })
