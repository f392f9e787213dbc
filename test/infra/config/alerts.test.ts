/** What of the configuration is about alerts: thresholds that are on and off, channels, and no secret anywhere. */
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { defaultAlertRules } from '#domain/alerts/rules.ts'
import { diffConfig } from '#infra/config/diff-config.ts'
import { redactedConfig } from '#infra/config/redacted-config.ts'
import { place } from './place.ts'

const files = (alerts: string) =>
  place({ 'signalbox.yaml': `providers: { a: { kind: anthropic } }\nalerts:\n${alerts}` })
const problems = (alerts: string) => files(alerts).problems()
const alerts = (text: string) => files(text).good().alerts
const channel = (text: string) => `  channels: { ops: { ${text} } }`

describe('the rules', () => {
  it('are the standard ones without a word', () => {
    const { alerts: standard } = place({ 'signalbox.yaml': 'providers: { a: { kind: anthropic } }' }).good()
    expect(standard).toEqual({ rules: defaultAlertRules, digestMs: 30_000, channels: [], silences: [] })
    expect(alerts('')).toEqual(standard)
  })

  it('are what the file says, in the units of the code', () => {
    const { rules, digestMs } = alerts(`
  costPerHour: 10
  costPerDay: 100.5
  costForecast: 2000
  costSpike: 5
  budget: [0.9, 0.9, 1]
  errorRate: 0.1
  latency: 20 s
  window: 10 min
  minimumRequests: 50
  providerDown: 10 min
  providerRetired: false
  limitForecast: false
  priceUnknown: false
  logFailing: false
  diskSpace: 5 GB
  digest: 0`)
    expect(digestMs).toBe(0)
    expect(rules).toEqual({
      ...{ costPerHourUsd: 10, costPerDayUsd: 100.5, costForecastUsd: 2000, costSpikeTimes: 5, budgetShares: [0.9, 1] },
      ...{ errorRateShare: 0.1, latencyMs: 20_000, windowMs: 600_000, minimumOutcomes: 50, providerDownMs: 600_000 },
      ...{ providerRetired: false, limitForecast: false, priceUnknown: false, logFailing: false },
      diskSpaceBytes: 5e9,
    })
  })

  it.each(['0', 'null'])('are off with %s', (off) => {
    const keys = [
      'costPerHour',
      'costPerDay',
      'costForecast',
      'costSpike',
      'errorRate',
      'latency',
      'providerDown',
      'diskSpace',
    ]
    const { rules } = alerts([...keys.map((key) => `  ${key}: ${off}`), '  budget: []'].join('\n'))
    expect(rules).toMatchObject({
      ...{ costPerHourUsd: null, costPerDayUsd: null, costForecastUsd: null, costSpikeTimes: null },
      ...{ errorRateShare: null, latencyMs: null, providerDownMs: null, diskSpaceBytes: null, budgetShares: [] },
    })
  })

  it.each([
    ['  errorRate: 20', 'alerts.errorRate: expected a number from 0 to 1 (0 or null = off), found 20'],
    ['  latency: 5 min', 'alerts.latency: expected a duration of at most 2 min'],
    ['  window: 1 h', 'alerts.window: expected a duration from 10 s to 15 min'],
    ['  window: 1 s', 'alerts.window: expected a duration from 10 s to 15 min'],
    ['  budget: 0.8', 'alerts.budget: expected a list of shares'],
    ['  costPerHours: 1', 'alerts.costPerHours: unknown key; did you mean costPerHour?'],
  ])('are refused when they cannot be meant: %s', (text, told) => {
    expect(problems(text)).toEqual([expect.stringContaining(told)])
  })
})

describe('a channel', () => {
  it('is a webhook whose URL and headers may be kept elsewhere', () => {
    const at = files(`
  channels:
    team: { kind: webhook, url: { env: TEAM_WEBHOOK }, format: slack }
    own: { kind: webhook, url: https://hooks.example.com/signalbox/alerts, headers: { X-Team: blue, Authorization: { file: auth } } }
    vault: { kind: webhook, url: { command: [vault, read, hook] } }
    pager: { kind: command, argv: [page, --urgent] }`)
    expect(at.good().alerts.channels).toEqual([
      {
        ...{ _tag: 'Webhook', name: 'team', url: { _tag: 'Env', name: 'TEAM_WEBHOOK', header: 'bearer' } },
        ...{ format: 'slack', headers: [] },
      },
      {
        ...{ _tag: 'Webhook', name: 'own', url: { _tag: 'Plain', text: 'https://hooks.example.com/signalbox/alerts' } },
        format: 'json',
        headers: [
          ['x-team', { _tag: 'Plain', text: 'blue' }],
          ['authorization', { _tag: 'File', path: join(at.folder, 'auth'), header: 'bearer' }],
        ],
      },
      {
        ...{
          _tag: 'Webhook',
          name: 'vault',
          url: { _tag: 'Command', argv: ['vault', 'read', 'hook'], header: 'bearer' },
        },
        ...{ format: 'json', headers: [] },
      },
      { _tag: 'Command', name: 'pager', argv: ['page', '--urgent'] },
    ])
  })

  it('can be given by variables', () => {
    const environment = {
      SIGNALBOX_ALERTS__CHANNELS__OPS__KIND: 'webhook',
      SIGNALBOX_ALERTS__CHANNELS__OPS__URL: 'https://hooks.example.com/x',
      SIGNALBOX_ALERTS__COST_PER_HOUR: '7',
    }
    const { alerts: said } = files('').good({ environment })
    expect(said.rules.costPerHourUsd).toBe(7)
    expect(said.channels).toMatchObject([{ name: 'ops', url: { text: 'https://hooks.example.com/x' } }])
  })

  it.each([
    ['kind: webhook', 'alerts.channels.ops.url: is missing; a webhook needs it'],
    ['kind: command', 'alerts.channels.ops.argv: is missing'],
    ['kind: command, argv: [""]', 'alerts.channels.ops.argv: the program has no name'],
    ['kind: command, argv: [page], url: https://x.example', 'alerts.channels.ops.url: is not used by a command'],
    ['kind: webhook, url: https://x.example, argv: [page]', 'alerts.channels.ops.argv: is not used by a webhook'],
    ['kind: webhook, url: x.example', 'alerts.channels.ops.url: expected a URL that starts with http:// or https://'],
    ['kind: webhook, url: "file:///etc/passwd"', 'expected a URL that starts with http:// or https://'],
    ['kind: webhook, url: { env: A, file: b }', 'alerts.channels.ops.url: needs exactly one of env, file and command'],
    ['kind: webhook, url: { enw: A }', 'alerts.channels.ops.url.enw: unknown key; did you mean env?'],
    ['kind: webhook, url: https://x.example, headers: { Host: y }', 'headers.Host: cannot be set here'],
    ['kind: webhook, url: https://x.example, headers: { a: y, A: z }', 'headers.A: the header stands twice'],
    ['kind: mail', 'alerts.channels.ops.kind: expected webhook, command'],
  ])('is refused when it cannot work: %s', (text, told) => {
    expect(problems(channel(text))).toEqual([expect.stringContaining(told)])
  })

  it.each([
    'kind: webhook, url: https://hooks.slack.com/services/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',
    'kind: webhook, url: https://discord.com/api/webhooks/123456789012345678/aB3dE5gH7jK9mN1pQ3sT5vW7-x_y',
    'kind: webhook, url: "https://x.example/in?key=aB3dE5gH7jK9mN1p"',
    'kind: webhook, url: https://user:aB3dE5gH7@x.example/',
    'kind: webhook, url: https://x.example, headers: { authorization: Bearer aB3dE5gH7 }',
    'kind: webhook, url: https://x.example, headers: { x-api-key: aB3dE5gH7 }',
    'kind: webhook, url: { env: "https://hooks.slack.com/aB3dE5gH7" }',
  ])('keeps no secret in the file, and the refusal does not tell it: %s', (text) => {
    const told = problems(channel(text))
    expect(told).toHaveLength(1)
    expect(told[0]).toMatch(/holds a secret|a secret does not belong|expected the name of an environment variable/)
    expect(told[0]).not.toContain('aB3dE5gH7')
  })

  it('is shown without what may be secret', () => {
    const config = files(`
  channels:
    team: { kind: webhook, url: { env: TEAM_WEBHOOK } }
    own: { kind: webhook, url: https://hooks.example.com/tell-no-one, headers: { x-team: tell-no-one, cookie: { command: [vault, tell-no-one] } } }
    root: { kind: webhook, url: https://hooks.example.com }
    pager: { kind: command, argv: [page, tell-no-one] }`).good()
    const shown = redactedConfig(config).alerts
    expect(JSON.stringify(shown)).not.toContain('tell-no-one')
    expect(shown.channels).toMatchObject([
      { name: 'team', url: 'the environment variable TEAM_WEBHOOK' },
      { name: 'own', url: 'https://hooks.example.com/•••', headers: { 'x-team': '•••', cookie: 'the command vault' } },
      { name: 'root', url: 'https://hooks.example.com' },
      { name: 'pager', argv: ['page', '•••'] },
    ])
  })

  it('that changes is named when the configuration is loaded anew, without its values', () => {
    const [before, after] = ['https://hooks.example.com/a', 'https://hooks.example.com/b'].map((url) =>
      files(`  costPerDay: 1\n${channel(`kind: webhook, url: ${url}`)}`).good({ home: '/h' }),
    )
    expect(diffConfig(before!, after!)).toEqual(['alerts.channels'])
  })
})

describe('a silence', () => {
  it('covers a kind, a subject or both, for ever or until a time', () => {
    const { silences } = alerts(`
  silences:
    nights: { kind: latency }
    move: { subject: vertex, until: 2026-12-01T08:00Z }`)
    expect(silences).toEqual([
      { kind: 'latency', subject: null, until: null },
      { kind: null, subject: 'vertex', until: Date.UTC(2026, 11, 1, 8) },
    ])
  })

  it('has an end that is a time, and a kind that there is', () => {
    expect(problems('  silences: { x: { until: tomorrow } }')).toEqual([
      expect.stringContaining('alerts.silences.x.until: expected a time such as 2026-12-01T08:00Z'),
    ])
    expect(problems('  silences: { x: { kind: latencies } }')).toEqual([
      expect.stringContaining('did you mean latency?'),
    ])
  })
})
