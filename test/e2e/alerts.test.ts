/**
 * Alerts of the real program: a disk that is never large enough raises one at the first look, which reaches a webhook that fails
 * first, and which a process that takes over after a crash neither raises nor delivers again.
 */
import { assert, describe, it } from '@effect/vitest'
import { Effect } from 'effect'
import type { DomainEvent } from '#domain/events.ts'
import { startReceiver } from '#test/alert-receiver.ts'
import { startProcess } from '#test/signalbox-process.ts'

const until = <A>(look: Effect.Effect<A>, isSo: (value: A) => boolean) =>
  Effect.repeat(Effect.delay(look, 50), { until: isSo })

const isDelivery = (event: DomainEvent, channel: string): boolean =>
  event._tag === 'AlertDelivered' && event.channel === channel && event.news.length > 0

describe('an alert of a running Signalbox', () => {
  it.live(
    'reaches its webhook through failures, is listed, and is not raised again by a process that was killed and started',
    () =>
      Effect.gen(function* () {
        const { url, received } = yield* startReceiver([{ status: 500 }])
        const ops = { kind: 'webhook', url: { env: 'HOOK' }, format: 'slack' }
        const configOf = (channels: object) => ({
          providers: { a: { kind: 'anthropic', credential: 'client' } },
          alerts: { diskSpace: '900000 GB', digest: 0, channels },
        })
        const environment = { HOOK: `${url}/tell-no-one` }
        const box = yield* startProcess({ config: configOf({ ops }), environment })
        yield* until(box.events, (events) => events.some(({ event }) => isDelivery(event, 'ops')))
        assert.strictEqual(received.length, 2)
        assert.match(received[1]?.body ?? '', /^\{"text":"Signalbox: Critical: .* are free where the event log lies/)

        const listed = yield* box.command('alerts', '--json')
        assert.deepInclude(JSON.parse(listed.stdout).alerts[0], { alertId: 'diskSpace', silenced: false })

        box.signal('SIGKILL')
        yield* box.exited
        // Channels are looked at in their order: when the last one has its news, the first one would have had it again.
        const late = { kind: 'webhook', url: `${url}/late` }
        const next = yield* startProcess({ config: configOf({ ops, late }), environment, folder: box.folder })
        yield* until(next.events, (events) => events.some(({ event }) => isDelivery(event, 'late')))
        const raised = (yield* next.events).filter(({ event }) => event._tag === 'AlertRaised')
        assert.strictEqual(raised.length, 1)
        assert.deepStrictEqual(
          received.map(({ path }) => path),
          ['/tell-no-one', '/tell-no-one', '/late'],
        )
        assert.isUndefined(yield* next.replayDifference)

        for (const { stdout, stderr } of [box, next]) {
          assert.notInclude(`${stdout()}${stderr()}`, 'tell-no-one')
        }
        assert.notInclude(JSON.stringify(yield* next.events), 'tell-no-one')
        assert.match(box.stderr(), /alert: .* are free where the event log lies/)
        assert.match(box.stderr(), /The channel ops did not take the news: it answered with status 500/)
      }),
    60_000,
  )
})
