/**
 * A bug of ours in an exchange: it costs that request, and neither the process nor the patience of whoever waits.
 */
import { beforeEach, describe, expect, it } from '@effect/vitest'
import { openAiQuirks } from '#domain/dialect/openai/target.ts'
import type { ChatProfile } from '#infra/upstream/profile.ts'
import { httpServer, listener, messages, transportTo, upstreamAt, withoutProxies } from './loopback.ts'

beforeEach(withoutProxies)

const profile: ChatProfile = {
  dialect: 'openai',
  paths: { call: '/chat' },
  headers: [],
  quirks: openAiQuirks,
  modelQuirks: [],
}

describe('a bug', () => {
  it.each([1, 300_000])('in making a request of %i bytes is told, and nothing is sent', async (length) => {
    const server = await httpServer((_request, response) => response.end('{}'))
    const bugs: unknown[] = []
    const heard = listener()
    // What is no JSON was to be refused long before.
    const body = Buffer.from('{'.repeat(length))
    upstreamAt(server.origin, { profile, onBug: (error) => bugs.push(error) }).open(messages({ body }), heard)
    expect(await heard.over).toEqual({ _tag: 'FeatureRefused', features: [] })
    expect(bugs).toHaveLength(1)
    expect(server.connections()).toBe(0)
  })

  it('at the end of an answer is a failure', async () => {
    const server = await httpServer((_request, response) => response.end('{}'))
    const heard = listener()
    transportTo(server.origin).send(
      { method: 'POST', path: '/', headers: [], body: null },
      {
        ...heard,
        end: () => {
          throw new RangeError('Maximum call stack size exceeded')
        },
      },
    )
    expect(await heard.over).toEqual({ _tag: 'Transport', code: 'UNKNOWN', connect: false })
  })
})
