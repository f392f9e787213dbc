import { createServer, type IncomingMessage } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from '@effect/vitest'
import { guard } from '#http/guard.ts'

const allowed = new Set(['box.internal', '10.0.0.7'])
let reached: string[] = []
let port = 0
const server = createServer((request: IncomingMessage, response) => {
  const refusal = guard(request, allowed)
  if (refusal === undefined) reached.push(request.url ?? '')
  response.writeHead(refusal?.status ?? 200, { connection: 'close' }).end(refusal?.message ?? 'reached')
})

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  port = (server.address() as AddressInfo).port
})
afterAll(() => new Promise((resolve) => server.close(resolve)))

/** Sends raw lines, gives back status and body. */
const ask = (target: string, headers: readonly string[], method = 'GET', version = '1.1') =>
  new Promise<{ readonly status: number; readonly body: string; readonly reached: readonly string[] }>(
    (resolve, reject) => {
      reached = []
      const socket = connect(port, '127.0.0.1')
      const chunks: Buffer[] = []
      socket.on('data', (chunk) => chunks.push(chunk))
      socket.on('error', reject)
      socket.on('end', () => {
        const text = Buffer.concat(chunks).toString()
        resolve({ status: Number(text.split(' ')[1]), body: text.slice(text.indexOf('\r\n\r\n') + 4), reached })
      })
      socket.write([`${method} ${target} HTTP/${version}`, ...headers, '', ''].join('\r\n'))
    },
  )

const hostHeader = (host: string): readonly string[] => [`Host: ${host}`]

describe('the guard lets through', () => {
  it.each([
    ['localhost'],
    ['localhost:8080'],
    ['LocalHost:1'],
    ['127.0.0.1'],
    ['127.0.0.1:8080'],
    ['127.0.0.1:'],
    ['[::1]'],
    ['[::1]:8080'],
    ['box.internal'],
    ['BOX.internal:443'],
    ['10.0.0.7:8080'],
  ])('Host: %s', async (host) => {
    expect(await ask('/v1/messages?beta=true', hostHeader(host))).toMatchObject({
      status: 200,
      reached: ['/v1/messages?beta=true'],
    })
  })

  it.each([['http://localhost:8080'], ['https://localhost:8080']])('Origin: %s', async (origin) => {
    expect((await ask('/v1/models', [...hostHeader('localhost:8080'), `Origin: ${origin}`])).status).toBe(200)
  })

  it.each([['same-origin'], ['none']])('Sec-Fetch-Site: %s', async (site) => {
    expect((await ask('/', [...hostHeader('localhost'), `Sec-Fetch-Site: ${site}`])).status).toBe(200)
  })
})

describe('the guard knows the address that a connection came to', () => {
  it.each(['0.0.0.0', '::'])('listening on %s', async (everywhere) => {
    const answer = await new Promise<readonly (number | undefined)[]>((resolve, reject) => {
      const answers: (number | undefined)[] = []
      const listening = createServer((request, response) => {
        answers.push(guard(request, new Set())?.status)
        response.end()
        if (answers.length === 3) listening.close(() => resolve(answers))
      })
      listening.on('error', reject).listen(0, everywhere, () => {
        const socket = connect((listening.address() as AddressInfo).port, '127.0.0.9')
        socket.on('error', reject).resume()
        for (const host of ['127.0.0.9:8080', '127.0.0.8', '']) socket.write(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
        socket.end()
      })
    })
    expect(answer).toEqual([undefined, 403, 403])
  })
})

describe('the guard refuses', () => {
  it.each([
    ['evil.test'],
    ['evil.test:8080'],
    ['localhost.evil.test'],
    ['evil.test#localhost'],
    ['127.0.0.1.evil.test'],
    ['127.0.0.1@evil.test'],
    ['localhost:80@evil.test'],
    ['localhost:80:80'],
    ['0.0.0.0'],
    ['127.0.0.2'],
    ['[::]'],
    ['::1'],
    ['169.254.169.254'],
    ['localhost.'],
    ['xbox.internal'],
    [''],
  ])('Host: %s', async (host) => {
    const answer = await ask('/v1/messages', hostHeader(host))
    expect(answer).toMatchObject({ status: 403, reached: [] })
    expect(answer.body).toContain('server.allowedHosts')
  })

  it('two Host headers, whichever is the good one', async () => {
    for (const pair of [
      ['Host: localhost', 'Host: evil.test'],
      ['Host: evil.test', 'host: localhost'],
      ['Host: localhost', 'HOST: localhost'],
    ]) {
      expect(await ask('/', pair)).toMatchObject({ status: 400, reached: [] })
    }
  })

  it('no Host header, as HTTP/1.0 allows', async () => {
    expect(await ask('/', [], 'GET', '1.0')).toMatchObject({ status: 400, reached: [] })
  })

  it.each([
    ['GET', 'http://evil.test/v1/messages'],
    ['GET', 'http://localhost/v1/messages'],
    ['POST', 'https://evil.test/'],
    ['OPTIONS', '*'],
  ])('%s %s', async (method, target) => {
    expect(await ask(target, [...hostHeader('localhost'), 'Content-Length: 0'], method)).toMatchObject({
      status: 400,
      reached: [],
    })
  })

  it.each([['https://evil.test'], ['http://localhost:3000'], ['http://127.0.0.1'], ['null'], [''], ['nonsense']])(
    'a page of the origin "%s", on every path but those of the admin API, which looks itself',
    async (origin) => {
      const headers = [...hostHeader('localhost:8080'), `Origin: ${origin}`]
      for (const target of ['/', '/v1/messages', '/v1/models', '/health', '/metrics', '/assets/x.js', '/nothing']) {
        expect(await ask(target, headers), target).toMatchObject({ status: 403, reached: [] })
      }
      expect((await ask('/admin/stats', headers)).status).toBe(200)
    },
  )

  it.each([
    ['another site', ['Sec-Fetch-Site: cross-site']],
    ['another port or host of the same site', ['Sec-Fetch-Site: same-site']],
    ['anywhere, that fetches in advance', ['Sec-Fetch-Site: none', 'Sec-Purpose: prefetch']],
    ['anywhere, that renders in advance', ['Sec-Fetch-Site: none', 'Sec-Purpose: prefetch;prerender']],
  ])('a page of %s, whatever else it says', async (_, headers) => {
    for (const target of ['/v1/messages', '/v1/models', '/metrics', '/admin/openapi.json'])
      expect(await ask(target, [...hostHeader('localhost'), ...headers])).toMatchObject({ status: 403, reached: [] })
  })

  it('what a link on another site leads to, but for the page of the dashboard itself', async () => {
    const link = ['Sec-Fetch-Site: cross-site', 'Sec-Fetch-Mode: navigate', 'Sec-Fetch-Dest: document']
    const atHome = ['Sec-Fetch-Site: same-site', ...link.slice(1)]
    const follow = (target: string, method = 'GET', headers = link) =>
      ask(target, [...hostHeader('localhost'), ...headers], method)
    expect(await follow('/')).toMatchObject({ status: 200, reached: ['/'] })
    expect(await follow('/', 'GET', atHome)).toMatchObject({ status: 200, reached: ['/'] })
    expect(await follow('/', 'GET', [...link, 'Sec-Purpose: prefetch'])).toMatchObject({ status: 403 })
    for (const target of ['/admin/providers', '/metrics', '/?x=1', '/v1/models'])
      expect(await follow(target)).toMatchObject({ status: 403 })
    expect(await follow('/', 'POST')).toMatchObject({ status: 403 })
    // A frame, a picture, a script of another site.
    for (const dest of ['iframe', 'image', 'script'])
      expect(await follow('/', 'GET', [...link.slice(0, 2), `Sec-Fetch-Dest: ${dest}`])).toMatchObject({ status: 403 })
  })
})
