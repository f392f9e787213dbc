/**
 * A client that does not read, and a provider that has 400 MB to say: the provider waits, and the box does not grow.
 */
import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from '@effect/vitest'
import { Effect, type Scope } from 'effect'
import { configOf, startProcess } from '#test/signalbox-process.ts'
import { callBody } from '#test/simulator.ts'
import { send, start } from './http-client.ts'

const MB = 1024 * 1024
const WHOLE = 400 * MB
/** R37. */
const MOST_GROWTH = 16 * MB

const event = (name: string, data: object): string =>
  `event: ${name}\ndata: ${JSON.stringify({ type: name, ...data })}\n\n`
const BEGIN =
  event('message_start', { message: { id: 'msg_1', model: 'claude-opus-5-5', content: [], usage: {} } }) +
  event('content_block_start', { index: 0, content_block: { type: 'text', text: '' } })
const DELTA = event('content_block_delta', { index: 0, delta: { type: 'text_delta', text: 'x'.repeat(16_000) } })
const END =
  event('content_block_stop', { index: 0 }) +
  event('message_delta', { delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 2 } }) +
  event('message_stop', {})

/** Answers at any length, as fast as it is taken; the first answers of a life are short, for a warm-up. */
const talker: Effect.Effect<
  { readonly url: string; readonly written: () => number; readonly talk: (bytes: number) => void },
  never,
  Scope.Scope
> = Effect.gen(function* () {
  let length = MB
  let written = 0
  const answer = async (response: ServerResponse): Promise<void> => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write(BEGIN)
    written = 0
    while (written < length && !response.destroyed) {
      written += DELTA.length
      if (!response.write(DELTA)) await drained(response)
    }
    response.end(END)
  }
  const server = createServer((request: IncomingMessage, response) => {
    request.resume().on('end', () => void answer(response))
  })
  yield* Effect.acquireRelease(
    Effect.callback<void>((resume) => void server.listen(0, '127.0.0.1', () => resume(Effect.void))),
    () =>
      Effect.sync(() => {
        server.closeAllConnections()
        server.close()
      }),
  )
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    written: () => written,
    talk: (bytes) => {
      length = bytes
    },
  }
})

const drained = (response: ServerResponse): Promise<void> =>
  new Promise((resolve) => {
    const go = (): void => {
      response.off('drain', go).off('close', go)
      resolve()
    }
    response.on('drain', go).on('close', go)
  })

const residentBytes = (pid: number): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024

describe.skipIf(process.platform !== 'linux')('a client that stops reading a stream of 400 MB', () => {
  it.live(
    'holds the provider back; the box grows by 16 MB at most, and serves others meanwhile',
    () =>
      Effect.gen(function* () {
        const provider = yield* talker
        const box = yield* startProcess({ config: configOf({ id: 'p', url: provider.url }) })
        const streaming = { body: callBody({ stream: true }) }
        // What a process takes for its work is taken by then.
        provider.talk(8 * MB)
        for (let n = 0; n < 12; n++) yield* send(box.port, streaming)
        const pid = box.child.pid ?? 0
        const before = residentBytes(pid)

        provider.talk(WHOLE)
        const client = start(box.port, streaming)
        client.on('error', () => undefined)
        yield* Effect.callback<void>((resume) => {
          client.on('response', (response) => {
            response.pause()
            resume(Effect.void)
          })
        })
        let most = 0
        for (let n = 0; n < 30; n++) {
          yield* Effect.sleep(100)
          most = Math.max(most, residentBytes(pid))
        }
        // Kernel buffers and those of the streams between them hold some megabytes.
        expect(provider.written()).toBeLessThan(40 * MB)
        expect(most - before).toBeLessThan(MOST_GROWTH)
        expect((yield* send(box.port, { method: 'GET', path: '/readyz', headers: [] })).status).toBe(200)
        client.destroy()
      }),
    60_000,
  )
})
