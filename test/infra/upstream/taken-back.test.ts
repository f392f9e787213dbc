/** A token that a provider takes back before its time, as an upstream sees it. */
import { Effect, Redacted } from 'effect'
import { beforeEach, describe, expect, it } from 'vitest'
import type { UpstreamCredential } from '#infra/upstream/credential.ts'
import { httpServer, listener, messages, upstreamAt, withoutProxies } from './loopback.ts'

beforeEach(withoutProxies)

/** A provider that takes some tokens, and whoever gives them out. */
const scene = async ({ renews = true, gives = (n: number) => `token-number-${n}-of-many` } = {}) => {
  const good = new Set([gives(1)])
  const server = await httpServer((request, response) => {
    const token = request.headers.authorization?.replace('Bearer ', '') ?? ''
    response.writeHead(good.has(token) ? 200 : 401, { 'content-type': 'application/json' }).end('{}')
  })
  let given = 1
  const thrownAway: (string | undefined)[] = []
  const credential: UpstreamCredential = {
    _tag: 'Held',
    header: 'bearer',
    renews,
    secret: Effect.sync(() => Redacted.make(gives(given))),
    invalidate: (refused) => {
      thrownAway.push(refused)
      given += 1
    },
  }
  const upstream = upstreamAt(server.origin, { credential })
  /** The status, or how it failed. */
  const ask = async (): Promise<unknown> => {
    const heard = listener()
    upstream.open(messages(), heard)
    const over = await heard.over
    return over === 'end' ? heard.status() : over
  }
  return { good, ask, gives, thrownAway }
}

const expired = { _tag: 'Transport', code: 'CREDENTIAL_EXPIRED', connect: false }

describe('a token that has worked and is refused', () => {
  it('is a failure that passes, and the next request has another one', async () => {
    const { good, ask, gives, thrownAway } = await scene()
    expect(await ask()).toBe(200)
    good.delete(gives(1))
    good.add(gives(2))
    expect(await ask()).toEqual(expired)
    expect(thrownAway).toEqual([gives(1)])
    expect(await ask()).toBe(200)
  })

  it('is one for all that have sent it, and the new one is not thrown away with it', async () => {
    const { good, ask, gives, thrownAway } = await scene()
    expect(await ask()).toBe(200)
    good.delete(gives(1))
    good.add(gives(2))
    expect(await Promise.all([ask(), ask(), ask()])).toEqual([expired, expired, expired])
    expect(thrownAway).toEqual([gives(1)])
    expect(await ask()).toBe(200)
  })

  it('is refused where the new one is refused too, or there is none', async () => {
    for (const gives of [(n: number) => `token-number-${n}-of-many`, () => 'always-the-same-token']) {
      const { good, ask } = await scene({ gives })
      expect(await ask()).toBe(200)
      good.clear()
      expect(await ask()).toEqual(expired)
      expect(await ask()).toBe(401)
    }
  })

  it('is refused where nobody renews it, and when it has never worked', async () => {
    const fixed = await scene({ renews: false })
    expect(await fixed.ask()).toBe(200)
    fixed.good.clear()
    expect(await fixed.ask()).toBe(401)
    const never = await scene()
    never.good.clear()
    expect(await never.ask()).toBe(401)
  })
})
