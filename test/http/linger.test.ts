/**
 * A client that is refused while it is still sending hears why, over a real socket.
 */
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { errorAnswer } from '#domain/dialect/anthropic-error.ts'
import { refuse } from '#http/messages.ts'
import { newRequestId } from '#http/request-id.ts'
import { rawHttp } from '#test/raw-http.ts'

const PIECE = Buffer.alloc(64 * 1024, 'x')

/** Refuses everything at once. */
const refusing = async (): Promise<number> => {
  const server = createServer((_request, response) => refuse(response, newRequestId(), errorAnswer.tooLarge(1_000), []))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  afterEach(() => {
    server.close()
    server.closeAllConnections()
  })
  return (server.address() as AddressInfo).port
}

const headOf = (...lines: readonly string[]): string =>
  `${['POST /v1/messages HTTP/1.1', 'Host: localhost', 'Connection: close', ...lines].join('\r\n')}\r\n\r\n`

const PIECES = 128

/** Counts what it could send: a connection that is closed takes no more. */
const slowly = (head: string, write: (piece: Buffer) => Iterable<Buffer | string>, tail = '') => {
  const sent = { pieces: 0 }
  const pieces = async function* () {
    yield head
    for (; sent.pieces < PIECES; sent.pieces++) {
      yield* write(PIECE)
      await wait(2)
    }
    yield tail
  }
  return { sent, pieces: pieces() }
}

describe('a client that is refused while it sends', () => {
  it.each([
    ['with a length', slowly(headOf(`Content-Length: ${PIECES * PIECE.length}`), (piece) => [piece])],
    [
      'in chunks',
      slowly(
        headOf('Transfer-Encoding: chunked'),
        (piece) => [`${piece.length.toString(16)}\r\n`, piece, '\r\n'],
        '0\r\n\r\n',
      ),
    ],
  ])('may send to the end of what it has begun, %s, and is not cut off', async (_name, { sent, pieces }) => {
    const answer = await rawHttp({ port: await refusing(), pieces })
    expect([answer.statuses, answer.end]).toEqual([[413], 'closed'])
    expect(answer.text.endsWith('"}')).toBe(true)
    expect(sent.pieces).toBe(PIECES)
  })

  it('is closed when it goes on for ever', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      const socket = connect(await refusing(), '127.0.0.1')
      const heard = new Promise<void>((resolve) => socket.once('data', () => resolve()))
      const closed = new Promise<void>((resolve) => socket.once('end', resolve))
      socket.write(`${headOf('Content-Length: 1000')}half`)
      // The whole answer is there, and the connection stands.
      await heard
      let isClosed = false
      closed.then(() => {
        isClosed = true
      })
      vi.advanceTimersByTime(29_000)
      await wait(100)
      expect(isClosed).toBe(false)
      vi.advanceTimersByTime(2_000)
      await closed
      socket.destroy()
    } finally {
      vi.useRealTimers()
    }
  })
})
