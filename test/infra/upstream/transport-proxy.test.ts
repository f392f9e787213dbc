import { connect } from 'node:net'
import { beforeEach, describe, expect, it, vi } from '@effect/vitest'
import { makeAuthority } from './certificates.ts'
import { caFile, httpServer, listener, messages, upstreamAt, withoutProxies } from './loopback.ts'

beforeEach(withoutProxies)

describe('a proxy', () => {
  const authority = makeAuthority('Signalbox test authority')

  /** A forward proxy that also tunnels; notes what it was asked for. */
  const proxyServer = async (refuse?: number) => {
    const asked: string[] = []
    const credentials: (string | undefined)[] = []
    const proxy = await httpServer((request, response) => {
      asked.push(`${request.method} ${request.url}`)
      credentials.push(request.headers['proxy-authorization'])
      if (refuse !== undefined) {
        response.writeHead(refuse).end()
        return
      }
      const body = proxy.seen.at(-1)?.body ?? Buffer.alloc(0)
      const { host, hostname, port, pathname, search } = new URL(request.url ?? '')
      const onward = connect(Number(port), hostname, () => {
        const lines = [`${request.method} ${pathname}${search} HTTP/1.1`]
        for (let i = 0; i < request.rawHeaders.length; i += 2) {
          const name = request.rawHeaders[i] ?? ''
          if (!/^(host|connection|proxy-.*)$/i.test(name)) lines.push(`${name}: ${request.rawHeaders[i + 1]}`)
        }
        onward.write(`${lines.join('\r\n')}\r\nhost: ${host}\r\nconnection: close\r\n\r\n`)
        onward.end(body)
        onward.pipe(response.socket ?? onward)
      })
    })
    proxy.server.on('connect', (request, socket) => {
      asked.push(`CONNECT ${request.url}`)
      credentials.push(request.headers['proxy-authorization'])
      if (refuse !== undefined) {
        socket.end(`HTTP/1.1 ${refuse} No\r\ncontent-length: 0\r\n\r\n`)
        return
      }
      const [host, port] = (request.url ?? '').split(':')
      const onward = connect(Number(port), host, () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n')
        socket.pipe(onward).pipe(socket)
      })
      const drop = (): void => {
        socket.destroy()
        onward.destroy()
      }
      socket.on('error', drop)
      onward.on('error', drop)
    })
    return { ...proxy, asked, credentials }
  }

  const plainServer = () => httpServer((_request, response) => response.end('{"from":"upstream"}'))
  const secureServer = () =>
    httpServer((_request, response) => response.end('{"from":"upstream"}'), authority.issue('127.0.0.1'))

  const twice = messages({
    headers: [
      ['anthropic-beta', 'one'],
      ['x-between', '-'],
      ['anthropic-beta', 'two'],
    ],
  })

  const through = async (origin: string, via = {}) => {
    const heard = listener()
    upstreamAt(origin, { via }).open(twice, heard)
    return { reason: await heard.over, heard }
  }
  const betas = (seen: readonly { readonly headers: readonly (readonly [string, string])[] }[]) =>
    seen[0]?.headers.filter(([name]) => name === 'anthropic-beta').map(([, value]) => value)

  it('of the configuration forwards plain HTTP, every header and byte of it', async () => {
    const [proxy, server] = [await proxyServer(), await plainServer()]
    const { reason, heard } = await through(server.origin, { proxy: proxy.origin })
    expect(reason).toBe('end')
    expect(heard.body().toString()).toBe('{"from":"upstream"}')
    expect(proxy.asked).toEqual([`POST ${server.origin}/v1/messages?beta=true`])
    expect(betas(server.seen)).toEqual(['one', 'two'])
    expect(server.seen[0]?.body.toString()).toBe('{}')
  })

  it('of the configuration tunnels TLS, and sees nothing of it', async () => {
    const [proxy, server] = [await proxyServer(), await secureServer()]
    const { reason, heard } = await through(server.origin, {
      proxy: proxy.origin,
      caFile: caFile(authority.certificate),
    })
    expect(reason).toBe('end')
    expect(heard.body().toString()).toBe('{"from":"upstream"}')
    expect(proxy.asked).toEqual([`CONNECT 127.0.0.1:${server.port}`])
    expect(proxy.seen).toEqual([])
    expect(betas(server.seen)).toEqual(['one', 'two'])
  })

  it('does not weaken TLS', async () => {
    const [proxy, server] = [await proxyServer(), await secureServer()]
    const { reason } = await through(server.origin, { proxy: proxy.origin })
    expect(reason).toEqual({ _tag: 'Transport', code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', connect: true })
    expect(server.seen).toEqual([])
  })

  it.each(['HTTP_PROXY', 'http_proxy'])('of the environment (%s) is used', async (name) => {
    const [proxy, server] = [await proxyServer(), await plainServer()]
    vi.stubEnv(name, proxy.origin)
    expect((await through(server.origin)).reason).toBe('end')
    expect(proxy.asked).toHaveLength(1)
  })

  it.each(['HTTPS_PROXY', 'https_proxy'])('of the environment for TLS (%s) is used for TLS alone', async (name) => {
    const [proxy, plain, secure] = [await proxyServer(), await plainServer(), await secureServer()]
    vi.stubEnv(name, proxy.origin)
    const trust = { caFile: caFile(authority.certificate) }
    expect((await through(secure.origin, trust)).reason).toBe('end')
    expect((await through(plain.origin, trust)).reason).toBe('end')
    expect(proxy.asked).toEqual([`CONNECT 127.0.0.1:${secure.port}`])
  })

  it('of the environment is left out where NO_PROXY says so', async () => {
    const [proxy, server] = [await proxyServer(), await plainServer()]
    vi.stubEnv('HTTP_PROXY', proxy.origin)
    vi.stubEnv('NO_PROXY', 'other.test,127.0.0.1')
    expect((await through(server.origin)).reason).toBe('end')
    expect(proxy.asked).toEqual([])
    expect(betas(server.seen)).toEqual(['one', 'two'])
  })

  it('of the configuration wins over the environment', async () => {
    const [ours, theirs, server] = [await proxyServer(), await proxyServer(), await plainServer()]
    vi.stubEnv('HTTP_PROXY', theirs.origin)
    vi.stubEnv('NO_PROXY', '127.0.0.1')
    expect((await through(server.origin, { proxy: ours.origin })).reason).toBe('end')
    expect(ours.asked).toHaveLength(1)
    expect(theirs.asked).toEqual([])
  })

  it('gets its own credential, the upstream does not', async () => {
    const [proxy, plain, secure] = [await proxyServer(), await plainServer(), await secureServer()]
    const via = { proxy: `http://user:pass@127.0.0.1:${proxy.port}`, caFile: caFile(authority.certificate) }
    for (const server of [plain, secure]) {
      expect((await through(server.origin, via)).reason).toBe('end')
      expect(server.seen[0]?.headers.some(([name]) => name.toLowerCase() === 'proxy-authorization')).toBe(false)
    }
    expect(proxy.credentials).toEqual(['Basic dXNlcjpwYXNz', 'Basic dXNlcjpwYXNz'])
  })

  it('that refuses the tunnel, or is not there, is a failed connection', async () => {
    const [proxy, server, absent] = [await proxyServer(403), await secureServer(), await plainServer()]
    await new Promise((resolve) => absent.server.close(resolve))
    for (const { origin } of [proxy, absent]) {
      const { reason, heard } = await through(server.origin, { proxy: origin })
      expect(reason).toMatchObject({ _tag: 'Transport', connect: true })
      expect(heard.log).toEqual(['fail'])
    }
    expect(server.connections()).toBe(0)
  })

  it('that cannot reach a plain upstream answers for it', async () => {
    const [proxy, server] = [await proxyServer(502), await plainServer()]
    const { reason, heard } = await through(server.origin, { proxy: proxy.origin })
    expect([reason, heard.status()]).toEqual(['end', 502])
  })
})
