/** What the command line says of alerts, from the log alone, and how it tries a channel out. */
import { assert, describe, it } from '@effect/vitest'
import { Effect } from 'effect'
import { TestClock, TestConsole } from 'effect/testing'
import { EventLog } from '#actors/ports.ts'
import { listAlerts, testChannel } from '#cli/alerts.ts'
import { defaultAlertRules } from '#domain/alerts/rules.ts'
import type { DomainEvent } from '#domain/events.ts'
import { streamOf } from '#domain/recorded-event.ts'
import type { AlertsConfig, ChannelSettings } from '#infra/alerts/settings.ts'
import { layerMemory } from '#infra/event-log/memory.ts'
import { startReceiver } from '#test/alert-receiver.ts'
import { spawnSignalbox } from '#test/signalbox-process.ts'

const MORNING = Date.UTC(2027, 0, 15, 8)

const configOf = (more: Partial<AlertsConfig> = {}): AlertsConfig => ({
  ...{ rules: defaultAlertRules, digestMs: 0, channels: [], silences: [] },
  ...more,
})

const raised = (kind: 'diskSpace' | 'providerDown', subject: string): DomainEvent => ({
  _tag: 'AlertRaised',
  ...{ alertId: `${kind}:${subject}`, kind, subject, severity: 'critical', value: 150_000, threshold: 120_000 },
})

/** A log that holds these events, each a second after the one before. */
const logOf = (events: readonly DomainEvent[]) =>
  Effect.gen(function* () {
    const log = yield* EventLog
    const versions = new Map<string, number>()
    yield* log.append(
      events.map((event, index) => {
        const stream = streamOf(event)
        const streamVersion = (versions.get(stream) ?? 0) + 1
        versions.set(stream, streamVersion)
        return { event, stream, streamVersion, occurredAt: MORNING + index * 1_000, writer: 'w', writerSeq: index + 1 }
      }),
    )
    return log
  }).pipe(Effect.provide(layerMemory()))

const list = (
  events: readonly DomainEvent[],
  options: { readonly json?: boolean; readonly config?: AlertsConfig } = {},
) =>
  Effect.gen(function* () {
    yield* TestClock.setTime(MORNING + 60_000)
    const log = yield* logOf(events)
    const code = yield* Effect.provideService(
      listAlerts({ config: options.config ?? configOf(), json: options.json ?? false }),
      EventLog,
      log,
    )
    assert.strictEqual(code, 0)
    return (yield* TestConsole.logLines).map(String)
  })

const STORY: readonly DomainEvent[] = [
  raised('providerDown', 'vertex'),
  raised('providerDown', 'local'),
  { _tag: 'AlertCleared', alertId: 'providerDown:vertex', value: 0 },
  { _tag: 'AlertsSilenced', subject: 'local', until: MORNING + 3_600_000, by: 'admin 127.0.0.1' },
  raised('providerDown', 'github'),
]

describe('signalbox alerts', () => {
  it.effect('lists what is raised, the oldest first, and says what is silenced', () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* list(STORY), [
        '2027-01-15T08:00:01.000Z  critical  The provider local has been down for 2.5 min. Others serve if there are any; signalbox doctor says what it answers. (silenced)',
        '2027-01-15T08:00:04.000Z  critical  The provider github has been down for 2.5 min. Others serve if there are any; signalbox doctor says what it answers.',
      ])
    }),
  )

  it.effect('prints the same for programs', () =>
    Effect.gen(function* () {
      const silences = [{ kind: 'providerDown', subject: 'github', until: null }] as const
      const [line = ''] = yield* list(STORY, { json: true, config: configOf({ silences }) })
      const { alerts } = JSON.parse(line)
      assert.deepStrictEqual(
        alerts.map(({ subject, silenced, unit, raisedAt }: Record<string, unknown>) => [
          subject,
          silenced,
          unit,
          raisedAt,
        ]),
        [
          ['local', true, 'ms', MORNING + 1_000],
          ['github', true, 'ms', MORNING + 4_000],
        ],
      )
    }),
  )

  it.effect('says so when nothing is raised', () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* list([]), ['No alert is raised.'])
    }),
  )
})

describe('signalbox alerts test', () => {
  const webhook = (url: string): ChannelSettings => ({
    ...{ _tag: 'Webhook', name: 'ops', url: { _tag: 'Plain', text: url }, format: 'slack', headers: [] },
  })

  it.live('sends a message that says that it is a test', () =>
    Effect.gen(function* () {
      const { url, received } = yield* startReceiver([{ status: 200 }, { status: 404 }])
      const config = configOf({ channels: [webhook(url)] })
      assert.strictEqual(yield* testChannel(config, 'ops'), 0)
      assert.deepStrictEqual(JSON.parse(received[0]?.body ?? '').text, 'Signalbox: This is a test: the channel works.')
      assert.strictEqual(yield* testChannel(config, 'ops'), 1)
      assert.strictEqual(yield* testChannel(config, 'op'), 2)
      assert.deepStrictEqual(
        [yield* TestConsole.logLines, yield* TestConsole.errorLines],
        [
          ['The channel ops took a test message.'],
          [
            'The channel ops did not take the news: it answered with status 404.',
            'There is no channel op: there are ops.',
          ],
        ],
      )
    }).pipe(Effect.provide(TestConsole.layer)),
  )

  it.live(
    'is a command, and tells no secret when it fails',
    () =>
      Effect.gen(function* () {
        const { url, received } = yield* startReceiver([{ status: 200 }, { status: 500 }])
        const run = Effect.scoped(
          Effect.gen(function* () {
            const box = yield* spawnSignalbox({
              config: {
                providers: { a: { kind: 'anthropic', credential: 'client' } },
                alerts: { channels: { ops: { kind: 'webhook', url: { env: 'HOOK' } } } },
              },
              environment: { HOOK: `${url}/tell-no-one` },
              args: ['alerts', 'test', 'ops'],
            })
            const { code } = yield* box.exited
            return [code, `${box.stdout()}${box.stderr()}`.trim()]
          }),
        )
        assert.deepStrictEqual(yield* run, [0, 'The channel ops took a test message.'])
        assert.deepStrictEqual(yield* run, [1, 'The channel ops did not take the news: it answered with status 500.'])
        assert.deepStrictEqual(
          received.map(({ path }) => path),
          ['/tell-no-one', '/tell-no-one'],
        )
      }),
    30_000,
  )
})
