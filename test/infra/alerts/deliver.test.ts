/** News reaches every channel at least once: through failures of a real receiver, and through restarts. */
import { assert, describe, it } from '@effect/vitest'
import { Effect, References } from 'effect'
import { TestClock } from 'effect/testing'
import { EventLog } from '#actors/ports.ts'
import { type AlertMessage, type Channel, DeliveryError } from '#infra/alerts/channel.ts'
import { MOST_NEWS } from '#infra/alerts/deliver.ts'
import type { ChannelSettings } from '#infra/alerts/settings.ts'
import { openChannel } from '#infra/alerts/start-alerts.ts'
import { layerMemory } from '#infra/event-log/memory.ts'
import { outside, rounds, startAlertBox } from '#test/alert-box.ts'
import { type Received, startReceiver } from '#test/alert-receiver.ts'
import { known } from '#test/box.ts'

const memory = Effect.provide(EventLog, layerMemory())
const silent = Effect.provideService(References.MinimumLogLevel, 'None')
const MORNING = Date.UTC(2027, 0, 15, 8)

const webhook = (url: string, name = 'ops'): ChannelSettings => ({
  ...{ _tag: 'Webhook', name, url: { _tag: 'Plain', text: url }, format: 'json', headers: [] },
})

/** The disk is full from the first look on. */
const fullDisk = (...channels: readonly ChannelSettings[]) => {
  const around = outside()
  around.diskFree = 1_000
  around.config = { ...around.config, channels }
  return around
}

/** Lets the clock run, second by second, and sockets do what they do in between, until it is so. */
const until = (isSo: () => boolean, seconds = 1_000) =>
  Effect.gen(function* () {
    for (let second = 0; second < seconds && !isSo(); second++) {
      yield* TestClock.adjust(1_000)
      yield* socketsTurn
    }
    assert.isTrue(isSo(), `it is not so within ${seconds} s`)
  })
const socketsTurn = Effect.callback<void>((resume) => void setTimeout(() => resume(Effect.void), 2))

const changesOf = ({ body }: Received): readonly string[] =>
  (JSON.parse(body) as { readonly alerts: readonly { readonly id: string; readonly change: string }[] }).alerts.map(
    ({ id, change }) => `${id} ${change}`,
  )

const deliveredIn = (log: EventLog['Service']) =>
  Effect.map(log.read({ after: 0, limit: 1_000, types: ['AlertDelivered'] }), (rows) =>
    known(rows).flatMap(({ event }) =>
      event._tag === 'AlertDelivered'
        ? event.news.map(({ alertId, change }) => `${event.channel}: ${alertId} ${change}`)
        : [],
    ),
  )

describe('a webhook', () => {
  it.effect('that fails in every way is tried again until it takes the news, which is then a fact', () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(MORNING)
      const log = yield* memory
      const receiver = yield* startReceiver([{ status: 500 }, { hangs: true }, { breaks: true }, { status: 429 }])
      const around = fullDisk(webhook(`${receiver.url}/hook`))
      const box = yield* startAlertBox({ log, outside: around })
      const taken = () => box.ledger.state.projections.alerts.news[0]?.takenBy.includes('ops') === true
      yield* until(taken)
      assert.deepStrictEqual(
        receiver.received.map(changesOf),
        Array.from({ length: 5 }, () => ['diskSpace raised']),
      )
      assert.deepStrictEqual(
        receiver.received.map(({ method, path, headers }) => [method, path, headers['content-type']]),
        Array.from({ length: 5 }, () => ['POST', '/hook', 'application/json']),
      )
      // Taken is taken.
      yield* rounds(8)
      yield* socketsTurn
      assert.strictEqual(receiver.received.length, 5)
      yield* box.ledger.committed
      assert.deepStrictEqual(yield* deliveredIn(log), ['ops: diskSpace raised'])

      around.diskFree = 9e9
      yield* until(() => receiver.received.length === 6)
      assert.deepStrictEqual(receiver.received.slice(5).map(changesOf), [['diskSpace cleared']])
    }).pipe(silent),
  )

  it.effect('that cannot be reached hears the news when it is back', () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(MORNING)
      const log = yield* memory
      const { url, port } = yield* Effect.scoped(startReceiver())
      yield* startAlertBox({ log, outside: fullDisk(webhook(url)) })
      for (let n = 0; n < 8; n++) {
        yield* rounds(1)
        yield* socketsTurn
      }
      const receiver = yield* startReceiver([], port)
      yield* until(() => receiver.received.length === 1)
      assert.deepStrictEqual(receiver.received.map(changesOf), [['diskSpace raised']])
    }).pipe(silent),
  )

  it.effect('hears after a restart what it had not taken before, and what it had taken not again', () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(MORNING)
      const log = yield* memory
      const receiver = yield* startReceiver([{ status: 200 }, { status: 503 }, { status: 503 }])
      const around = fullDisk(webhook(receiver.url))
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* startAlertBox({ log, outside: around })
          yield* until(() => receiver.received.length === 1)
          around.diskFree = 9e9
          yield* until(() => receiver.received.length === 3)
        }),
      )
      yield* startAlertBox({ log, outside: around })
      yield* until(() => receiver.received.length === 4)
      yield* rounds(8)
      yield* socketsTurn
      assert.deepStrictEqual(receiver.received.map(changesOf), [
        ['diskSpace raised'],
        ['diskSpace cleared'],
        ['diskSpace cleared'],
        ['diskSpace cleared'],
      ])
    }).pipe(silent),
  )
})

/** A channel that notes what it is sent, and when, and takes it if it may. */
const noting = (now: () => number, takes: (n: number) => boolean = () => true) => {
  const sent: { readonly at: number; readonly news: readonly string[] }[] = []
  const send = (message: AlertMessage) =>
    Effect.suspend(() => {
      const news = message._tag === 'News' ? message.news.map(({ alertId, change }) => `${alertId} ${change}`) : []
      sent.push({ at: now(), news })
      return takes(sent.length)
        ? Effect.void
        : Effect.fail(new DeliveryError({ channel: 'ops', reason: { _tag: 'Status', status: 500 } }))
    })
  return { sent, channel: { send } satisfies Channel }
}
const named = (name: string): ChannelSettings => ({ _tag: 'Command', name, argv: ['unused'] })

const openNoting = (around: ReturnType<typeof outside>, takes?: (n: number) => boolean) =>
  Effect.gen(function* () {
    yield* TestClock.setTime(MORNING)
    const log = yield* memory
    const clock = yield* Effect.clockWith(Effect.succeed)
    const { sent, channel } = noting(() => clock.currentTimeMillisUnsafe(), takes)
    const box = yield* startAlertBox({ log, outside: around, open: () => channel })
    return { box, sent }
  })

describe('the delivery', () => {
  it.effect('gathers news for as long as the digest says, and sends it as one message', () =>
    Effect.gen(function* () {
      const around = fullDisk(named('ops'))
      const { sent } = yield* openNoting(around)
      yield* TestClock.adjust(16_000)
      around.budgetUse = [{ name: 'daily', subject: '', usedShare: 0.6, periodEnd: MORNING + 1e7 }]
      yield* TestClock.adjust(120_000)
      assert.deepStrictEqual(
        sent.map(({ news }) => news),
        [['diskSpace raised', 'budget:daily:0.5 raised']],
      )
      assert.isAtLeast((sent[0]?.at ?? 0) - MORNING, 30_000)
      assert.isAtMost((sent[0]?.at ?? 0) - MORNING, 32_000)
    }),
  )

  it.effect('tries again after one second at first, and after five minutes at most, and never all at once', () =>
    Effect.gen(function* () {
      const { sent } = yield* openNoting(fullDisk(named('ops')), () => false)
      yield* TestClock.adjust(3_600_000)
      const pauses = sent.slice(1).map(({ at }, index) => at - (sent[index]?.at ?? 0))
      // The hand that looks moves once a second.
      for (const [index, pause] of pauses.entries()) {
        const delay = Math.min(300_000, 1_000 * 2 ** index)
        assert.isAtLeast(pause, delay / 2)
        assert.isAtMost(pause, delay + 1_000)
      }
      assert.isAbove(pauses.length, 15)
      assert.isAbove(new Set(pauses.slice(-8)).size, 1, 'there is jitter')
    }).pipe(silent),
  )

  it.effect('sends no more than can be read in one message', () =>
    Effect.gen(function* () {
      const around = fullDisk(named('ops'))
      around.budgetUse = Array.from({ length: 30 }, (_, n) => ({
        ...{ name: `b${n}`, subject: '', usedShare: 0.6, periodEnd: MORNING + 1e7 },
      }))
      const { sent } = yield* openNoting(around)
      yield* TestClock.adjust(120_000)
      assert.deepStrictEqual(
        sent.map(({ news }) => news.length),
        [MOST_NEWS, 31 - MOST_NEWS],
      )
      assert.strictEqual(new Set(sent.flatMap(({ news }) => news)).size, 31)
    }),
  )

  it.effect('holds silenced news back, and sends it when the silence is over', () =>
    Effect.gen(function* () {
      const around = fullDisk(named('ops'))
      around.config = {
        ...around.config,
        silences: [{ kind: 'diskSpace', subject: null, until: MORNING + 600_000 }],
      }
      const { sent, box } = yield* openNoting(around)
      yield* TestClock.adjust(590_000)
      assert.deepStrictEqual(sent, [])
      assert.strictEqual(box.ledger.state.projections.alerts.raised.size, 1)
      yield* TestClock.adjust(20_000)
      assert.deepStrictEqual(
        sent.map(({ news }) => news),
        [['diskSpace raised']],
      )
    }),
  )

  it.effect('has each channel wait for itself alone', () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(MORNING)
      const log = yield* memory
      const clock = yield* Effect.clockWith(Effect.succeed)
      const good = noting(() => clock.currentTimeMillisUnsafe())
      const stuck: Channel = { send: () => Effect.never }
      yield* startAlertBox({
        log,
        outside: fullDisk(named('stuck'), named('good')),
        open: ({ name }) => (name === 'stuck' ? stuck : good.channel),
      })
      yield* rounds(8)
      assert.deepStrictEqual(
        good.sent.map(({ news }) => news),
        [['diskSpace raised']],
      )
    }),
  )

  it.effect('opens a channel anew when its settings change, and forgets one that is gone', () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(MORNING)
      const log = yield* memory
      const opened: string[] = []
      const around = fullDisk(named('first'))
      yield* startAlertBox({
        log,
        outside: around,
        open: (settings) => {
          opened.push(settings.name)
          return { send: () => Effect.void }
        },
      })
      yield* rounds()
      around.config = { ...around.config, channels: [named('second')] }
      yield* rounds()
      around.config = { ...around.config, channels: [named('second')] }
      yield* rounds()
      assert.deepStrictEqual(opened, ['first', 'second', 'second'])
      assert.deepStrictEqual(yield* deliveredIn(log), ['first: diskSpace raised', 'second: diskSpace raised'])
    }),
  )
})

describe('a channel of the configuration', () => {
  it('is opened as what it is', () => {
    assert.isFunction(openChannel(webhook('http://127.0.0.1:1')).send)
    assert.isFunction(openChannel(named('ops')).send)
  })
})

describe('a channel that has never taken anything', () => {
  it.effect('hears after a restart of what was raised and cleared since it was named', () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(MORNING)
      const log = yield* memory
      const clock = yield* Effect.clockWith(Effect.succeed)
      const around = fullDisk(named('ops'))
      const down = noting(
        () => clock.currentTimeMillisUnsafe(),
        () => false,
      )
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* startAlertBox({ log, outside: around, open: () => down.channel })
          yield* rounds()
          around.diskFree = 9e9
          yield* rounds()
        }),
      )
      const up = noting(() => clock.currentTimeMillisUnsafe())
      yield* startAlertBox({ log, outside: around, open: () => up.channel })
      yield* rounds()
      assert.isAbove(down.sent.length, 0)
      assert.deepStrictEqual(
        up.sent.map(({ news }) => news),
        [['diskSpace raised', 'diskSpace cleared']],
      )
    }).pipe(silent),
  )
})
