/** What webhooks and commands are sent, and what is said of those that do not take it. */

import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { assert, describe, it } from '@effect/vitest'
import { Effect } from 'effect'
import type { AlertNews } from '#domain/projections/alerts.ts'
import type { AlertMessage, DeliveryReason } from '#infra/alerts/channel.ts'
import { commandChannel } from '#infra/alerts/command.ts'
import { diskFree } from '#infra/alerts/disk-free.ts'
import type { ChannelSettings } from '#infra/alerts/settings.ts'
import { webhookChannel } from '#infra/alerts/webhook.ts'
import { startReceiver } from '#test/alert-receiver.ts'

const NEWS: AlertNews = {
  ...{ alertId: 'priceUnknown:or/x<y>&z', kind: 'priceUnknown', subject: 'or/x<y>&z', severity: 'info' },
  ...{ value: 3, threshold: 1, raisedAt: 1_800_000_000_000, change: 'raised', at: 1_800_000_000_000 },
}
const OVER: AlertNews = { ...NEWS, change: 'cleared', at: 1_800_000_060_000, value: 0 }
const message: AlertMessage = { _tag: 'News', news: [NEWS, OVER] }

const SECRET = 'T00/B00/tell-no-one-4711'

type Webhook = Extract<ChannelSettings, { readonly _tag: 'Webhook' }>
const webhook = (more: Partial<Webhook>): Webhook => ({
  ...{ _tag: 'Webhook', name: 'ops', url: { _tag: 'Plain', text: '' }, format: 'json', headers: [] },
  ...more,
})
const secretUrl = { _tag: 'Env', name: 'HOOK', header: 'bearer' } as const

describe('a webhook', () => {
  it.live('is posted JSON that says everything of each alert', () =>
    Effect.gen(function* () {
      const { url, received } = yield* startReceiver()
      yield* webhookChannel(webhook({ url: { _tag: 'Plain', text: `${url}/in` } })).send(message)
      assert.deepStrictEqual(JSON.parse(received[0]?.body ?? ''), {
        version: 1,
        source: 'signalbox',
        test: false,
        text: 'Info: Nobody knows what x<y>&z at or costs: 3 attempts of the last day left out of sums and budgets. Name its price under prices of the provider; for a server of your own that is 0.\nOver: The price of x<y>&z at or is known, or it is not asked for any more.',
        alerts: [
          {
            ...{
              id: NEWS.alertId,
              change: 'raised',
              at: '2027-01-15T08:00:00.000Z',
              raisedAt: '2027-01-15T08:00:00.000Z',
            },
            ...{
              kind: 'priceUnknown',
              subject: NEWS.subject,
              severity: 'info',
              value: 3,
              threshold: 1,
              unit: 'attempts',
            },
            text: 'Nobody knows what x<y>&z at or costs: 3 attempts of the last day left out of sums and budgets. Name its price under prices of the provider; for a server of your own that is 0.',
          },
          {
            ...{
              id: NEWS.alertId,
              change: 'cleared',
              at: '2027-01-15T08:01:00.000Z',
              raisedAt: '2027-01-15T08:00:00.000Z',
            },
            ...{
              kind: 'priceUnknown',
              subject: NEWS.subject,
              severity: 'info',
              value: 0,
              threshold: 1,
              unit: 'attempts',
            },
            text: 'The price of x<y>&z at or is known, or it is not asked for any more.',
          },
        ],
      })
    }),
  )

  it.live(
    'of Slack’s form is posted text and a block for each alert, with nothing that Slack would read as markup',
    () =>
      Effect.gen(function* () {
        const { url, received } = yield* startReceiver()
        yield* webhookChannel(webhook({ url: { _tag: 'Plain', text: url }, format: 'slack' })).send(message)
        const { text, blocks, ...rest } = JSON.parse(received[0]?.body ?? '')
        assert.deepStrictEqual(rest, {})
        assert.match(text, /^Signalbox: Info: Nobody knows what x&lt;y&gt;&amp;z at or costs/)
        assert.deepStrictEqual(
          blocks.map((block: { type: string; text: { type: string; text: string } }) => [
            block.type,
            block.text.type,
            block.text.text.slice(0, 40),
          ]),
          [
            ['section', 'mrkdwn', '*Info* Nobody knows what x&lt;y&gt;&amp;'],
            ['section', 'mrkdwn', '*Over* The price of x&lt;y&gt;&amp;z at '],
          ],
        )
      }),
  )

  it.live('takes its URL and its headers from where they are kept', () =>
    Effect.gen(function* () {
      const { url, received } = yield* startReceiver()
      const channel = webhookChannel(
        webhook({
          url: secretUrl,
          headers: [
            ['authorization', { _tag: 'Env', name: 'AUTH', header: 'bearer' }],
            ['x-team', { _tag: 'Plain', text: 'blue' }],
          ],
        }),
        { environment: { HOOK: `${url}/${SECRET}`, AUTH: 'Bearer 4711' } },
      )
      yield* channel.send({ _tag: 'Test' })
      const { path, headers, body } = received[0]!
      assert.strictEqual(path, `/${SECRET}`)
      assert.strictEqual(headers.authorization, 'Bearer 4711')
      assert.strictEqual(headers['x-team'], 'blue')
      assert.deepInclude(JSON.parse(body), { test: true, alerts: [], text: 'This is a test: the channel works.' })
    }),
  )

  const failures: readonly (readonly [
    what: string,
    environment: (url: string) => Record<string, string>,
    reason: DeliveryReason['_tag'],
    message: RegExp,
  ])[] = [
    ['does not accept it', (url) => ({ HOOK: `${url}/${SECRET}` }), 'Status', /answered with status 500/],
    ['redirects', (url) => ({ HOOK: `${url}/${SECRET}` }), 'Status', /a redirect \(307\), which is not followed/],
    [
      'breaks off',
      (url) => ({ HOOK: `${url}/${SECRET}` }),
      'Transport',
      /cannot be reached \(UND_ERR_SOCKET|ECONNRESET\)/,
    ],
    ['never answers', (url) => ({ HOOK: `${url}/${SECRET}` }), 'TimedOut', /took longer than 0.2 s/],
    ['is not there', () => ({ HOOK: `http://127.0.0.1:1/${SECRET}` }), 'Transport', /ECONNREFUSED/],
    ['is no web address', () => ({ HOOK: `file:///${SECRET}` }), 'NoUrl', /http:\/\/ or https:\/\//],
    ['is no address at all', () => ({ HOOK: SECRET }), 'NoUrl', /http:\/\/ or https:\/\//],
    ['is not known', () => ({}), 'Credential', /environment variable HOOK cannot be used: it is not set/],
  ]
  it.live.each(failures)(
    'that %s has not taken the news, and nothing secret is told',
    ([what, environment, tag, told]) =>
      Effect.gen(function* () {
        const target = yield* startReceiver()
        const receptions = {
          redirects: { status: 307, location: target.url },
          'breaks off': { breaks: true },
          'never answers': { hangs: true },
        } as const
        const reception = Object.entries(receptions).find(([name]) => name === what)?.[1] ?? { status: 500 }
        const { url } = yield* startReceiver([reception])
        const options = { environment: environment(url), timeoutMs: what === 'never answers' ? 200 : 5_000 }
        const error = yield* Effect.flip(webhookChannel(webhook({ url: secretUrl }), options).send(message))
        assert.strictEqual(error.reason._tag, tag)
        assert.match(error.message, told)
        assert.deepStrictEqual(target.received, [])
        for (const output of [error.message, String(error), error.stack ?? '', JSON.stringify(error)]) {
          assert.notInclude(output, 'tell-no-one')
          assert.notInclude(output, 'secret words')
        }
      }),
  )
})

describe('a command', () => {
  const node = (script: string, ...args: readonly string[]) =>
    ({ _tag: 'Command', name: 'pager', argv: [process.execPath, '-e', script, ...args] }) as const

  it.live('gets the news as JSON on its standard input, and its arguments as they are', () =>
    Effect.gen(function* () {
      const folder = yield* Effect.acquireRelease(
        Effect.sync(() => mkdtempSync(join(tmpdir(), 'signalbox-alerts-'))),
        (path) => Effect.sync(() => rmSync(path, { recursive: true })),
      )
      const file = join(folder, 'out.json')
      const script =
        "let t='';process.stdin.on('data',d=>t+=d).on('end',()=>require('fs').writeFileSync(process.argv[1],JSON.stringify({args:process.argv.slice(2),told:JSON.parse(t)})))"
      yield* commandChannel(node(script, file, '$(touch nothing); *')).send(message)
      const { args, told } = JSON.parse(readFileSync(file, 'utf8'))
      assert.deepStrictEqual(args, ['$(touch nothing); *'])
      assert.strictEqual(told.alerts.length, 2)
    }),
  )

  it.live.each([
    ['ends with another code', "process.stdin.resume().on('end',()=>process.exit(3))", /ended with exit code 3/],
    ['is killed', "process.kill(process.pid,'SIGTERM');setInterval(()=>{},1e6)", /ended with the signal SIGTERM/],
    ['does not end', 'setInterval(()=>{},1e6)', /took longer than 0.5 s/],
    ['does not read and fails', 'process.exit(1)', /ended with exit code 1/],
  ] as const)('that %s has not taken the news', ([, script, told]) =>
    Effect.gen(function* () {
      const limit = script.startsWith('setInterval') ? 500 : 20_000
      const error = yield* Effect.flip(commandChannel(node(script), { timeoutMs: limit }).send(message))
      assert.match(error.message, told)
    }),
  )

  it.live('that is not there has not taken the news', () =>
    Effect.gen(function* () {
      const channel = commandChannel({ _tag: 'Command', name: 'pager', argv: ['/nowhere/at-all', SECRET] })
      const error = yield* Effect.flip(channel.send(message))
      assert.match(error.message, /the channel pager did not take the news: the command ended with the error ENOENT/i)
      assert.notInclude(String(error), 'tell-no-one')
    }),
  )

  it.live('that does not read what it is told, but ends well, has taken it', () =>
    commandChannel(node('process.exit(0)')).send({ _tag: 'News', news: Array.from({ length: 20 }, () => NEWS) }),
  )
})

describe('the free space', () => {
  it.live('is told of the folder of the log', () =>
    Effect.gen(function* () {
      assert.isAbove((yield* diskFree(tmpdir())) ?? 0, 0)
      assert.isUndefined(yield* diskFree(undefined))
      assert.isUndefined(yield* diskFree('/nowhere/at-all'))
    }),
  )
})
