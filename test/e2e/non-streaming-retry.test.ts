/**
 * What Claude Code does when a stream breaks off: it asks again without streaming. Both requests are in the log, each once.
 */
import { describe, expect, it } from '@effect/vitest'
import { Effect } from 'effect'
import { answer, drop } from '#infra/simulator/script.ts'
import { patient, startBox } from '#test/server.ts'
import { callBody, startProviders } from '#test/simulator.ts'
import { header, send } from './http-client.ts'

describe('a stream that breaks off', () => {
  it.live('is served when it is asked for again as a whole, and each of the two is booked once', () =>
    Effect.gen(function* () {
      const { sim } = yield* startProviders({
        sim: { script: [drop({ events: 6 }), { when: { stream: false }, step: answer('all of it') }] },
      })
      const box = yield* startBox({
        providers: { sim: { url: sim.url, breaker: patient.breaker } },
        retryBudget: patient.retryBudget,
      })
      const broken = yield* send(box.port, { body: callBody({ stream: true }) })
      expect([broken.status, broken.ending]).toEqual([200, 'broken'])
      const whole = yield* send(box.port, { body: callBody({ stream: false }) })
      expect([whole.status, whole.ending]).toEqual([200, 'complete'])
      expect(JSON.parse(whole.body.toString())).toMatchObject({ content: [{ type: 'text', text: 'all of it' }] })

      const events = yield* box.events
      const of = (id: string | undefined) =>
        events.filter(({ correlation }) => correlation === id).map(({ event }) => event)
      const ids = [broken, whole].map((got) => header(got, 'x-signalbox-request-id'))
      expect(new Set(ids).size).toBe(2)
      expect(of(ids[0]).map(({ _tag }) => _tag)).toEqual([
        'RequestAdmitted',
        'RouteChosen',
        'AttemptStarted',
        'AttemptFailed',
        'RequestFailed',
      ])
      expect(of(ids[1]).map(({ _tag }) => _tag)).toEqual([
        'RequestAdmitted',
        'RouteChosen',
        'AttemptStarted',
        'AttemptSucceeded',
      ])
      expect(of(ids[1])[0]).toMatchObject({ stream: false })
      expect(yield* box.replayDifference).toBeUndefined()
    }),
  )
})
