import { createServer, type IncomingMessage } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from '@effect/vitest'
import { Effect, Exit, Fiber, Result } from 'effect'
import { type BodyRefused, readJsonBody } from '#http/read-body.ts'

const LIMIT = 1_000

type Reading = Result.Result<Uint8Array, BodyRefused>

const cleanUp: (() => void)[] = []
afterEach(() => {
  for (const one of cleanUp.splice(0)) one()
})

/** A server that reads each body and answers with its size or its refusal; tells what it read. */
const reading = async (onRequest: (request: IncomingMessage) => void = () => undefined) => {
  const read = Promise.withResolvers<Reading>()
  const server = createServer((request, response) => {
    onRequest(request)
    const fiber = Effect.runFork(Effect.result(readJsonBody(request, LIMIT)))
    response.on('close', () => {
      if (!response.writableFinished) fiber.interruptUnsafe()
    })
    fiber.addObserver((exit) => {
      if (Exit.isFailure(exit)) {
        read.reject(new Error('interrupted'))
        return
      }
      read.resolve(exit.value)
      const body = Result.isSuccess(exit.value) ? 'ok' : exit.value.failure.answer.message
      const status = Result.isSuccess(exit.value) ? 200 : exit.value.failure.answer.status
      response.writeHead(status, { connection: 'close', 'content-length': body.length }).end(body)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  cleanUp.push(() => {
    server.closeAllConnections()
    server.close()
  })
  // An expected interruption is looked at by the test that makes it.
  read.promise.catch(() => undefined)
  return { port: (server.address() as AddressInfo).port, read: read.promise }
}

interface Client {
  readonly socket: Socket
  /** Status of the answer. */
  readonly status: Promise<number>
}

const client = (port: number): Client => {
  const socket = connect(port, '127.0.0.1')
  cleanUp.push(() => socket.destroy())
  const status = new Promise<number>((resolve) => {
    let text = ''
    socket.on('data', (chunk) => {
      text += chunk
      if (text.includes('\r\n\r\n')) resolve(Number(text.split(' ')[1]))
    })
    socket.on('error', () => resolve(0))
    socket.on('close', () => resolve(0))
  })
  return { socket, status }
}

const head = (...lines: readonly string[]): string =>
  ['POST / HTTP/1.1', 'Host: localhost', ...lines, '', ''].join('\r\n')
const JSON_TYPE = 'Content-Type: application/json'
const chunk = (text: string): string => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`

const bytesOf = (result: Reading): string =>
  Result.isSuccess(result) ? Buffer.from(result.success).toString() : `refused ${result.failure.answer.status}`

describe('a request body', () => {
  it('comes whole, in one piece or in many', async () => {
    const body = `{"é":"${'x'.repeat(200)}"}`
    for (const pieces of [[body], [...body]]) {
      const server = await reading()
      const { socket, status } = client(server.port)
      socket.write(head(JSON_TYPE, `Content-Length: ${Buffer.byteLength(body)}`))
      for (const piece of pieces) socket.write(piece)
      expect(bytesOf(await server.read)).toBe(body)
      expect(await status).toBe(200)
    }
  })

  it('comes whole in chunks that break anywhere, a character included', async () => {
    const bytes = Buffer.from('{"a":"é\u{1F600}"}')
    const server = await reading()
    const { socket } = client(server.port)
    socket.write(head(JSON_TYPE, 'Transfer-Encoding: chunked'))
    for (const byte of bytes)
      socket.write(Buffer.concat([Buffer.from('1\r\n'), Buffer.from([byte]), Buffer.from('\r\n')]))
    socket.write('0\r\n\r\n')
    expect(bytesOf(await server.read)).toBe(bytes.toString())
  })

  it('may be empty, which is for the reader of JSON to refuse', async () => {
    const server = await reading()
    client(server.port).socket.write(head(JSON_TYPE, 'Content-Length: 0'))
    expect(bytesOf(await server.read)).toBe('')
  })

  it.each([
    ['Content-Type: application/json; charset=utf-8'],
    ['Content-Type: Application/JSON'],
    ['content-type: application/json ;x=y'],
  ])('with %s is JSON', async (type) => {
    const server = await reading()
    client(server.port).socket.write(`${head(type, 'Content-Length: 2')}{}`)
    expect(bytesOf(await server.read)).toBe('{}')
  })

  it('says its encoding is identity without harm', async () => {
    const server = await reading()
    client(server.port).socket.write(`${head(JSON_TYPE, 'Content-Encoding: Identity', 'Content-Length: 2')}{}`)
    expect(bytesOf(await server.read)).toBe('{}')
  })

  it.each([
    ['no type', ['X-A: 1']],
    ['a form, which a page of any site can send', ['Content-Type: application/x-www-form-urlencoded']],
    ['plain text, which a page of any site can send', ['Content-Type: text/plain']],
    ['a type that only begins like JSON', ['Content-Type: application/jsonp']],
    ['a compressed body', [JSON_TYPE, 'Content-Encoding: gzip']],
  ])('is refused with 415: %s', async (_what, lines) => {
    const server = await reading()
    const { socket, status } = client(server.port)
    socket.write(`${head(...lines, 'Content-Length: 2')}{}`)
    expect(bytesOf(await server.read)).toBe('refused 415')
    expect(await status).toBe(415)
  })
})

describe('the limit', () => {
  it('is met by a body of just that size', async () => {
    const body = `"${'x'.repeat(LIMIT - 2)}"`
    for (const framing of ['length', 'chunks']) {
      const server = await reading()
      const { socket } = client(server.port)
      if (framing === 'length') socket.write(`${head(JSON_TYPE, `Content-Length: ${LIMIT}`)}${body}`)
      else socket.write(`${head(JSON_TYPE, 'Transfer-Encoding: chunked')}${chunk(body)}0\r\n\r\n`)
      expect(bytesOf(await server.read)).toBe(body)
    }
  })

  it('refuses a larger one by its announced length, before a byte of it', async () => {
    const server = await reading()
    const { socket, status } = client(server.port)
    socket.write(head(JSON_TYPE, `Content-Length: ${LIMIT + 1}`))
    expect(bytesOf(await server.read)).toBe('refused 413')
    expect(await status).toBe(413)
  })

  it('refuses a larger one while it streams in, without waiting for its end', async () => {
    const server = await reading()
    const { socket, status } = client(server.port)
    socket.write(head(JSON_TYPE, 'Transfer-Encoding: chunked'))
    for (let i = 0; i < 10; i++) socket.write(chunk('x'.repeat(LIMIT / 10)))
    socket.write(chunk('x'))
    const result = await server.read
    expect(bytesOf(result)).toBe('refused 413')
    if (Result.isFailure(result)) {
      expect(result.failure.answer.type).toBe('request_too_large')
      expect(result.failure.answer.headers).toContainEqual(['connection', 'close'])
    }
    expect(await status).toBe(413)
  })

  it('is told to a client that is still sending', async () => {
    const server = await reading()
    const { socket, status } = client(server.port)
    socket.write(head(JSON_TYPE, 'Content-Length: 5000000'))
    socket.write(Buffer.alloc(5_000_000, 'x'))
    expect(bytesOf(await server.read)).toBe('refused 413')
    expect(await status).toBe(413)
  })
})

describe('a client that goes away while it sends', () => {
  it('interrupts the reading, and leaves no listener behind', async () => {
    const arrived = Promise.withResolvers<IncomingMessage>()
    const server = await reading((request) => arrived.resolve(request))
    const { socket } = client(server.port)
    socket.write(`${head(JSON_TYPE, 'Content-Length: 100')}{"half":`)
    const request = await arrived.promise
    socket.destroy()
    await expect(server.read).rejects.toThrow('interrupted')
    expect(request.listenerCount('data')).toBe(0)
  })

  it('is not waited for by a reader that gave up', async () => {
    const fibers: Fiber.Fiber<unknown, unknown>[] = []
    const server = await reading((request) => {
      fibers.push(Effect.runFork(Effect.result(readJsonBody(request, LIMIT))))
    })
    const { socket } = client(server.port)
    socket.write(`${head(JSON_TYPE, 'Content-Length: 10')}{`)
    await expect.poll(() => fibers.length).toBe(1)
    await Effect.runPromise(Fiber.interruptAll(fibers))
    socket.write('"a":1234}')
    expect(bytesOf(await server.read)).toBe('{"a":1234}')
  })
})
