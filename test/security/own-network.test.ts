/**
 * A provider whose name leads into the operator's own network without his leave: what becomes of a request, and what the operator hears.
 */
import { describe, expect, it } from '@effect/vitest'
import { Effect, Logger } from 'effect'
import { startBox } from '#test/server.ts'
import { callBody, startProviders } from '#test/simulator.ts'
import { header, send } from '../e2e/http-client.ts'
import { place } from '../infra/config/place.ts'

describe('a provider that leads into the own network', () => {
  it.live('is not connected to; another one serves, and the log says once what to do', () => {
    const lines: string[] = []
    const logger = Logger.make(({ logLevel, message }) => void lines.push(`${logLevel} ${JSON.stringify(message)}`))
    return Effect.gen(function* () {
      const { inside, honest } = yield* startProviders({ inside: {}, honest: {} })
      const here = place({
        'signalbox.yaml': JSON.stringify({
          providers: {
            inside: {
              kind: 'anthropic-compatible',
              baseUrl: inside.url.replace('127.0.0.1', 'localhost'),
              allowPrivate: false,
              priority: 1,
            },
            honest: { kind: 'anthropic-compatible', baseUrl: honest.url, priority: 2 },
          },
        }),
      })
      const box = yield* startBox({ config: here.good() })
      for (let turn = 0; turn < 2; turn++) {
        const answer = yield* send(box.port, { body: callBody() })
        expect([answer.status, header(answer, 'x-signalbox-provider')]).toEqual([200, 'honest'])
      }
      expect(inside.requests).toEqual([])
      const reasons = (yield* box.events).flatMap(({ event }) => (event._tag === 'AttemptFailed' ? [event.reason] : []))
      expect(reasons).toContainEqual({ _tag: 'Transport', code: 'ADDRESS_REFUSED', connect: true })
      const told = lines.filter((line) => line.includes('is not connected to'))
      expect(told).toHaveLength(1)
      expect(told[0]).toMatch(
        /^Error .*if it is yours, set its allowPrivate to true.*"provider":"inside","host":"localhost"/,
      )
    }).pipe(Effect.provide(Logger.layer([logger])))
  })

  it.live('has told nobody why, but the operator: the client hears of its name and the code', () =>
    Effect.gen(function* () {
      const { inside } = yield* startProviders({ inside: {} })
      const here = place({
        'signalbox.yaml': JSON.stringify({
          providers: {
            inside: {
              kind: 'anthropic-compatible',
              baseUrl: inside.url.replace('127.0.0.1', 'localhost'),
              allowPrivate: false,
            },
          },
        }),
      })
      const box = yield* startBox({ config: here.good() })
      const answer = yield* send(box.port, { body: callBody() })
      expect(answer.status).toBe(529)
      expect(answer.body.toString()).toContain('provider inside could not be reached (ADDRESS_REFUSED)')
      expect(answer.body.toString()).not.toMatch(/127\.0\.0\.1|::1|localhost/)
    }),
  )
})
